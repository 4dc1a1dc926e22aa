/** Winograd's method computes what the lowered kernels do: any geometry of stride 1, all three passes, every form. */

import { describe, expect, test } from "vitest";
import { js } from "../../../backends/js/backend.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import { winograd } from "../../../passes/scheduling/plans/winograd/winograd.ts";
import { schedule } from "../../../passes/scheduling/schedule.ts";
import { compile, compileTraining, nn, optim } from "../../../src/index.ts";
import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { interpretProgram } from "../../support/interpret-program.ts";
import { relativeError } from "../../support/run-graph.ts";
import {
  interpreted,
  interpretedAs,
  loweredGradients,
  ranAs,
  randomContents,
} from "../../support/single-kernel.ts";
import { plannedFor } from "../../support/stages.ts";
import { LANES } from "../../support/strategies.ts";

/** Doubles keep 15 digits; the matrices' powers cost a few of them. */
const IN_DOUBLES = 1e-11;

interface Geometry {
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly height: number;
  readonly width: number;
  readonly kernel: readonly [number, number];
  readonly padding: readonly [number, number];
  /** A 2×2 pool behind it, with whole windows alone or with all. */
  readonly pool?: "floor" | "ceil";
  readonly attrs?: string;
}

/** A convolution behind another one, with bias, relu and pool: forward and both gradients are kernels of its step. */
function stepOf(g: Geometry): string {
  const [h, w] = [
    g.height + 2 * g.padding[0] - g.kernel[0] + 1,
    g.width + 2 * g.padding[1] - g.kernel[1] + 1,
  ];
  const attrs = `{stride=[1,1], padding=[${g.padding}], dilation=[1,1], groups=1}`;
  const shape = `f32[${g.batch},${g.outputs},${h},${w}]`;
  const round = g.pool === "ceil" ? Math.ceil : Math.floor;
  const pooled = `f32[${g.batch},${g.outputs},${round(h / 2)},${round(w / 2)}]`;
  const last = g.pool === undefined ? shape : pooled;
  const pool = `  %3: (${pooled}, ${pooled.replace("f32", "u8")}, ${pooled.replace("f32", "i32")}) = max_pool2d(%2) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=${g.pool === "ceil"}}\n`;
  const unit = "{stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}";
  return `graph net() params(@x: f32[${g.batch},2,${g.height},${g.width}], @w1: f32[${g.channels},2,1,1], @w: f32[${g.outputs},${g.channels},${g.kernel}], @b: f32[${g.outputs}]) {
  %0: f32[${g.batch},${g.channels},${g.height},${g.width}] = conv2d(@x, @w1) ${unit}
  %1: ${shape} = conv2d(%0, @w, @b) ${attrs}
  %2: ${shape} = relu(%1)
${g.pool === undefined ? "" : pool}  %4: ${last} = mul(${g.pool === undefined ? "%2, %2" : "%3, %3"})
  %5: f32[] = sum(%4) {axes=[0,1,2,3], keepdim=false}
  return loss=%5
}`;
}

const NAMES = ["x", "w1", "w", "b"];
const kernelsOf = (g: Geometry, capabilities: Capabilities): readonly Kernel[] =>
  loweredGradients(stepOf(g), NAMES, capabilities).kernels;

const passOf = ({ ops }: Kernel): string => ops.find((op) => op.startsWith("conv2d")) ?? "";

const GEOMETRIES: Readonly<Record<string, Geometry>> = {
  "one channel, narrow planes": {
    batch: 1,
    channels: 1,
    outputs: 1,
    height: 9,
    width: 5,
    kernel: [3, 3],
    padding: [0, 0],
  },
  "odd channels and planes": {
    batch: 3,
    channels: 5,
    outputs: 7,
    height: 11,
    width: 13,
    kernel: [3, 3],
    padding: [1, 1],
  },
  "five taps, padded, pooled": {
    batch: 4,
    channels: 6,
    outputs: 9,
    height: 8,
    width: 12,
    kernel: [5, 5],
    padding: [2, 2],
    pool: "floor",
  },
  "a pool that leaves a row and a column over": {
    batch: 2,
    channels: 3,
    outputs: 4,
    height: 11,
    width: 15,
    kernel: [3, 3],
    padding: [1, 1],
    pool: "floor",
  },
  "a pool in ceil mode": {
    batch: 5,
    channels: 4,
    outputs: 3,
    height: 9,
    width: 11,
    kernel: [3, 3],
    padding: [0, 0],
    pool: "ceil",
  },
  "oblong kernels": {
    batch: 2,
    channels: 8,
    outputs: 5,
    height: 10,
    width: 17,
    kernel: [2, 5],
    padding: [1, 3],
  },
  "kernels of even sides": {
    batch: 2,
    channels: 3,
    outputs: 8,
    height: 12,
    width: 9,
    kernel: [4, 2],
    padding: [2, 0],
    pool: "floor",
  },
  "padding as wide as the kernel": {
    batch: 1,
    channels: 2,
    outputs: 5,
    height: 9,
    width: 8,
    kernel: [3, 3],
    padding: [3, 3],
  },
  "many images, few tiles": {
    batch: 16,
    channels: 4,
    outputs: 8,
    height: 8,
    width: 8,
    kernel: [3, 3],
    padding: [1, 1],
    pool: "floor",
  },
  "seven taps, a wide plane": {
    batch: 1,
    channels: 3,
    outputs: 4,
    height: 8,
    width: 33,
    kernel: [7, 7],
    padding: [3, 3],
  },
};

describe.each(Object.entries(GEOMETRIES))("%s", (_what, geometry) => {
  const kernels = kernelsOf(geometry, LANES);

  test("every candidate computes what the kernel does, within its buffers", () => {
    const matched = new Map<string, number>();
    for (const kernel of kernels) {
      const contents = randomContents(kernel, 7);
      const expected = interpreted(kernel, contents);
      for (const candidate of winograd.candidates(kernel, LANES)) {
        const actual = interpretedAs(candidate, kernel, contents);
        for (const [name, numbers] of Object.entries(expected))
          expect(relativeError(actual[name], numbers)).toBeLessThan(IN_DOUBLES);
        matched.set(passOf(kernel), (matched.get(passOf(kernel)) ?? 0) + 1);
      }
    }
    expect([...matched.keys()].sort()).toEqual(["conv2d", "conv2d_input_grad", "conv2d_weight_grad"]);
  });

  test("the cheapest candidate does so on wasm too, within its budget", async () => {
    for (const kernel of kernelsOf(geometry, wasm.capabilities)) {
      const [first, ...others] = winograd.candidates(kernel, wasm.capabilities);
      if (first === undefined) continue;
      const cheapest = others.reduce((a, b) => (b.cost < a.cost ? b : a), first);
      const contents = randomContents(kernel, 9);
      const expected = interpreted(kernel, contents);
      const actual = await ranAs(cheapest, kernel, contents, wasm);
      for (const [name, numbers] of Object.entries(expected))
        expect(relativeError(actual[name], numbers)).toBeLessThan(5e-5);
    }
  });
});

describe.each([
  [2, 15],
  [8, 15],
  [16, 31],
])("vectors of %i lanes in %i registers", (vectorWidth, registers) => {
  const machine: Capabilities = { ...LANES, vectorWidth, registers };

  test.each(["odd channels and planes", "five taps, padded, pooled"])("compute %s", (geometry) => {
    const matched = kernelsOf(GEOMETRIES[geometry], machine).flatMap((kernel) => {
      const [first, ...others] = winograd.candidates(kernel, machine);
      if (first === undefined) return [];
      const cheapest = others.reduce((a, b) => (b.cost < a.cost ? b : a), first);
      const contents = randomContents(kernel, 5);
      const actual = interpretedAs(cheapest, kernel, contents);
      for (const [name, numbers] of Object.entries(interpreted(kernel, contents)))
        expect(relativeError(actual[name], numbers)).toBeLessThan(IN_DOUBLES);
      return [passOf(kernel)];
    });
    expect(new Set(matched).size).toBe(3);
  });
});

test("a whole step is the same with Winograd's method wherever it matches", () => {
  const geometry = GEOMETRIES["five taps, padded, pooled"];
  const program = loweredGradients(stepOf(geometry), NAMES, LANES);
  const values = Object.fromEntries(
    program.states.map(({ name, buffer }) => {
      const kernel = program.kernels.find((k) => k.buffers.some((b) => b.name === buffer))!;
      return [name, randomContents(kernel, 3)[buffer]];
    }),
  );
  const forced = plannedFor(LANES, program, { strategy: "winograd" });
  expect(forced.kernels.filter(usesWinograd).length).toBeGreaterThan(4);
  const [before, after] = [interpretProgram(program, values), interpretProgram(forced, values)];
  for (const [name, numbers] of Object.entries(before))
    expect(relativeError(after[name], numbers)).toBeLessThan(IN_DOUBLES);
});

describe("there are no candidates", () => {
  const geometry = GEOMETRIES["odd channels and planes"];
  const count = (text: string, capabilities: Capabilities, allowsWinograd = true): number =>
    loweredGradients(text, NAMES, capabilities).kernels.reduce(
      (n, k) => n + winograd.candidates(k, capabilities, { inputs: new Set(), allowsWinograd }).length,
      0,
    );
  const conv = (attrs: string, kernel: string, result: string): string =>
    `graph net() params(@x: f32[2,4,12,12], @w: f32[4,${kernel}], @w1: f32[1], @b: f32[4]) {
  %0: ${result} = conv2d(@x, @w, @b) {${attrs}}
  %1: ${result} = mul(%0, %0)
  %2: f32[] = sum(%1) {axes=[0,1,2,3], keepdim=false}
  return loss=%2
}`;
  const NAMED = ["x", "w"];
  const countOf = (text: string): number =>
    loweredGradients(text, NAMED, LANES).kernels.reduce(
      (n, k) => n + winograd.candidates(k, LANES).length,
      0,
    );

  test("for scalar code, or when the user does not want it", () => {
    expect(count(stepOf(geometry), js.capabilities)).toBe(0);
    expect(count(stepOf(geometry), LANES, false)).toBe(0);
    expect(count(stepOf(geometry), LANES)).toBeGreaterThan(0);
  });

  test.each([
    ["dilations", "stride=[1,1], padding=[2,2], dilation=[2,2], groups=1", "4,3,3", "f32[2,4,12,12]"],
    ["groups", "stride=[1,1], padding=[1,1], dilation=[1,1], groups=2", "2,3,3", "f32[2,4,12,12]"],
    ["single taps", "stride=[1,1], padding=[0,0], dilation=[1,1], groups=1", "4,1,1", "f32[2,4,12,12]"],
  ])("for %s", (_what, attrs, kernel, result) => {
    expect(countOf(conv(attrs, kernel, result))).toBe(0);
  });

  test("for strides, but for the input gradient, whose data then have zeros in between", () => {
    const text = conv("stride=[2,2], padding=[1,1], dilation=[1,1], groups=1", "4,3,3", "f32[2,4,6,6]");
    for (const kernel of loweredGradients(text, NAMED, LANES).kernels) {
      const candidates = winograd.candidates(kernel, LANES);
      expect(candidates.length > 0).toBe(passOf(kernel) === "conv2d_input_grad");
      const contents = randomContents(kernel, 4);
      for (const candidate of candidates) {
        const actual = interpretedAs(candidate, kernel, contents);
        for (const [name, numbers] of Object.entries(interpreted(kernel, contents)))
          expect(relativeError(actual[name], numbers)).toBeLessThan(IN_DOUBLES);
      }
    }
  });
});

test("the cost model takes it for large convolutions, and `winograd: false` takes it away", () => {
  const program = loweredGradients(
    stepOf({
      batch: 8,
      channels: 32,
      outputs: 32,
      height: 16,
      width: 16,
      kernel: [5, 5],
      padding: [2, 2],
      pool: "floor",
    }),
    NAMES,
    LANES,
  );
  const filtered = (allowed: boolean): Kernel[] =>
    schedule(LANES, { winograd: allowed })
      .run(program)
      .kernels.filter((k) => usesWinograd(k) && k.nominalFlops > 0);
  expect(filtered(true).length).toBe(3);
  expect(filtered(false)).toEqual([]);
});

test("`compile` and `compileTraining` pass the wish on", async () => {
  const model = new nn.Sequential(new nn.Conv2d(16, 16, 3, { padding: 1 }), new nn.Flatten());
  const shape = [4, 16, 16, 16];
  const isWinograd = ({ schedule: text }: { readonly schedule?: string }): boolean =>
    text?.startsWith("winograd") ?? false;
  for (const wanted of [true, false]) {
    const program = await compile(model, { inputs: [shape], backend: "wasm", winograd: wanted });
    const trainer = await compileTraining(model, {
      inputs: [shape],
      backend: "wasm",
      winograd: wanted,
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    });
    expect(program.kernels.some(isWinograd)).toBe(wanted);
    expect(trainer.kernels.some(isWinograd)).toBe(wanted);
    program.dispose();
    trainer.dispose();
  }
});

test("weight gradients of small images are summed directly, where zeros stay zeros", async () => {
  for (const [size, isAllowed] of [
    [6, false],
    [12, true],
  ] as const) {
    const geometry = {
      batch: 16,
      channels: 8,
      outputs: 8,
      height: size,
      width: size,
      kernel: [3, 3],
      padding: [1, 1],
    } as const;
    const program = loweredGradients(stepOf(geometry), NAMES, wasm.capabilities);
    const used = (strategy?: string): boolean =>
      schedule(wasm.capabilities, strategy === undefined ? {} : { strategy })
        .run(program)
        .kernels.some((kernel) => kernel.ops.includes("conv2d_weight_grad") && usesWinograd(kernel));
    expect(used(), `${size}`).toBe(isAllowed);
    expect(used("winograd"), `${size}`).toBe(true);
  }
});

function usesWinograd({ schedule: steps = [] }: Kernel): boolean {
  return steps.some(({ kind }) => kind === "winograd");
}
