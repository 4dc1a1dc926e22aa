/**
 * Small convolutional nets: axes of extent 1, every padding, strides and dilations that leave taps in the padding alone.
 * Each way to run each of their kernels is proved to stay inside of its buffers, and does what the lowered kernel does.
 */

import * as fc from "fast-check";
import { nn, type Tensor } from "kiln-js";
import { expect, test } from "vitest";
import type { Backend } from "../../../backends/backend.ts";
import { interpret } from "../../../backends/interpret/backend.ts";
import { js } from "../../../backends/js/backend.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import { candidatesFor, factsOf } from "../../../passes/scheduling/schedule.ts";
import { KilnError } from "../../../src/core/errors.ts";
import type { LoweredProgram } from "../../../src/loop/program.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { type Trace, traceLoss } from "../../../src/trace/trace.ts";
import { draw, generator } from "../../support/draw.ts";
import { relativeError, runGraph, type Values } from "../../support/run-graph.ts";
import { interpreted, interpretedAs, randomContents } from "../../support/single-kernel.ts";
import { stagesOf } from "../../support/stages.ts";

/** Nets per run; a night's run may ask for more, and for others: KILN_SMALL_NETS, KILN_SMALL_SEED. */
const RUNS = {
  numRuns: Number(process.env.KILN_SMALL_NETS ?? 12),
  seed: Number(process.env.KILN_SMALL_SEED ?? 1),
};

const few = (most: number, least = 0) => fc.integer({ min: least, max: most });
const pairs = (most: number, least = 0) => fc.tuple(few(most, least), few(most, least));

const convolution = fc.record({
  channels: few(4, 1),
  kernel: pairs(4, 1),
  stride: pairs(3, 1),
  padding: fc.oneof(pairs(3), fc.constant("same" as const)),
  dilation: pairs(3, 1),
  paddingMode: fc.constantFrom("zeros", "zeros", "reflect", "replicate", "circular"),
  bias: fc.boolean(),
  relu: fc.boolean(),
  pool: fc.constantFrom(undefined, undefined, undefined, 2, [1, 2] as const, [3, 1] as const),
});

/** Every third axis has extent 1. */
const extent = fc.oneof(fc.constant(1), few(6, 2), few(12, 5));

const net = fc.record({
  image: fc.boolean(),
  batch: fc.constantFrom(1, 2, 5),
  channels: few(5, 1),
  extents: fc.tuple(extent, extent),
  layers: fc.array(convolution, { minLength: 1, maxLength: 3 }),
  /** A second convolution that reads what the first one reads. */
  beside: fc.boolean(),
});

type Spec = typeof net extends fc.Arbitrary<infer T> ? T : never;
type Layer = Spec["layers"][number];

class Beside extends nn.Module {
  left: nn.Sequential;
  right: nn.Sequential;

  constructor(left: nn.Sequential, right: nn.Sequential) {
    super();
    this.left = left;
    this.right = right;
  }

  forward(x: Tensor): Tensor {
    return this.left.forward(x).sum().add(this.right.forward(x).square().sum());
  }
}

function convolutionOf(inChannels: number, layer: Layer, isImage: boolean): nn.Module[] {
  const { channels, kernel, stride, padding, dilation, paddingMode, bias, relu, pool } = layer;
  const isSame = padding === "same";
  const options = { paddingMode, bias } as const;
  const module = isImage
    ? new nn.Conv2d(inChannels, channels, kernel, {
        ...options,
        padding,
        dilation,
        stride: isSame ? 1 : stride,
      })
    : new nn.Conv1d(inChannels, channels, kernel[0], {
        ...options,
        padding: isSame ? padding : padding[0],
        dilation: dilation[0],
        stride: isSame ? 1 : stride[0],
      });
  const pooled = isImage && pool !== undefined ? [new nn.MaxPool2d(pool as number)] : [];
  return [module, ...(relu ? [new nn.ReLU()] : []), ...pooled];
}

/** The net's loss and gradients; `undefined` where the layers do not fit the image. */
function traceOf({ image, batch, channels, extents, layers, beside }: Spec): Trace | undefined {
  const shape = [batch, channels, ...extents.slice(0, image ? 2 : 1)];
  const modules = layers.flatMap((layer, k) =>
    convolutionOf(k === 0 ? channels : layers[k - 1].channels, layer, image),
  );
  const trunk = new nn.Sequential(...modules, new nn.Flatten());
  const second = new nn.Sequential(...convolutionOf(channels, { ...layers[0], stride: [1, 1] }, image));
  const model = beside ? new Beside(trunk, second) : trunk;
  try {
    return traceLoss(model, beside ? new nn.L1Loss() : new nn.MSELoss(), [{ dtype: "float32", shape }]);
  } catch (error) {
    // Windows and padding that a small image cannot have.
    if (error instanceof KilnError) return undefined;
    throw error;
  }
}

/** Each way in which a strategy would run a kernel, the cheapest ones of each: proved, and the first one run. */
function checkWays(kernel: Kernel, program: LoweredProgram, backend: Backend): void {
  const candidates = candidatesFor(kernel, backend.capabilities, factsOf(program, true));
  for (const strategy of new Set(candidates.map((c) => c.strategy))) {
    const own = candidates.filter((c) => c.strategy === strategy).sort((a, b) => a.cost - b.cost);
    const contents = randomContents(kernel, 1);
    own.slice(0, 3).forEach((candidate, k) => {
      const actual = interpretedAs(candidate, kernel, contents);
      if (k > 0) return;
      for (const [name, numbers] of Object.entries(interpreted(kernel, contents))) {
        // Doubles in another order.
        const error = relativeError(actual[name], numbers);
        expect(error, `${name} as ${printSchedule(candidate.schedule)}`).toBeLessThanOrEqual(1e-9);
      }
    });
  }
}

/** Largest difference over largest value: Winograd's weight gradients have the widest budget; what is direct is far below. */
const TOLERANCE = 5e-5;

async function checkRuns({ graph, parameters }: Trace): Promise<void> {
  const random = generator(graph.inputs.length);
  const values: Values = Object.fromEntries(graph.inputs.map(({ name, type }) => [name, draw(type, random)]));
  const wanted = { gradientsFor: parameters };
  const expected = await runGraph(graph, interpret, values, wanted);
  const alone = await runGraph(graph, wasm.configured({ threads: 1 }), values, wanted);
  const onJs = await runGraph(graph, js, values, wanted);
  for (const [name, numbers] of Object.entries(expected)) {
    expect(relativeError(alone[name], numbers), `${name} on wasm`).toBeLessThanOrEqual(TOLERANCE);
    expect(relativeError(onJs[name], numbers), `${name} on js`).toBeLessThanOrEqual(TOLERANCE);
  }
  const two = wasm.configured({ threads: 2 });
  expect(await runGraph(graph, two, values, { ...wanted, divideAlways: true })).toEqual(alone);
}

test("every way to run them is proved and right", async () => {
  let nets = 0;
  await fc.assert(
    fc.asyncProperty(net, async (spec) => {
      const trace = traceOf(spec);
      fc.pre(trace !== undefined);
      nets++;
      for (const backend of [wasm, js]) {
        const program = stagesOf({ trace: trace! }, backend, {
          gradientsFor: trace!.parameters,
        }).artifacts.get("lower") as LoweredProgram;
        for (const kernel of program.kernels) checkWays(kernel, program, backend);
      }
      await checkRuns(trace!);
    }),
    RUNS,
  );
  expect(nets).toBe(RUNS.numRuns);
}, 600_000);

const single = (module: nn.Module, shape: readonly number[]): Trace =>
  traceLoss(module, new nn.MSELoss(), [{ dtype: "float32", shape }]);

test.each<[string, () => Trace]>([
  [
    "a row of taps over columns of extent 1",
    () => single(new nn.Conv2d(9, 1, [1, 3], { padding: "same", bias: false }), [4, 9, 25, 1]),
  ],
  [
    "the same over one channel",
    () => single(new nn.Conv2d(1, 1, [1, 3], { padding: "same", bias: false }), [9, 1, 3, 1]),
  ],
  ["three taps over one element", () => single(new nn.Conv1d(1, 1, 3, { padding: 1 }), [2, 1, 1])],
  [
    "reflected edges in front of dilated taps",
    () => {
      const first = new nn.Conv2d(1, 3, 3, { padding: 1, paddingMode: "reflect" });
      const second = new nn.Conv2d(3, 2, 3, { padding: 2, dilation: 2 });
      return single(new nn.Sequential(first, second), [13, 1, 6, 3]);
    },
  ],
])("%s", async (_what, trace) => {
  await checkRuns(trace());
});
