/** Schedules for four lanes change loops and no result: every candidate of every vector strategy, through the interpreter. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuse } from "../../passes/fusion/fuse.ts";
import { autodiff } from "../../passes/graph/autodiff.ts";
import { simplify } from "../../passes/graph/simplify.ts";
import { lower } from "../../passes/lowering/lower.ts";
import { inBodies } from "../../passes/pass.ts";
import { apply } from "../../passes/scheduling/apply.ts";
import type { Candidate, Strategy } from "../../passes/scheduling/plans/strategy.ts";
import { schedule } from "../../passes/scheduling/schedule.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import type { Graph } from "../../src/ir/types.ts";
import { withKernelsAt } from "../../src/loop/loops.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Kernel, Stmt } from "../../src/loop/types.ts";
import { verifyKernel } from "../../src/loop/verify.ts";
import { visitStatements } from "../../src/loop/walk.ts";
import type { Sample } from "../../src/ops/definition.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { generator } from "../support/draw.ts";
import { isWhole, oneIn } from "../support/extent.ts";
import { interpretProgram } from "../support/interpret-program.ts";
import { lenetTraining, plannedFor, stagesOf } from "../support/stages.ts";
import { LANES, VECTOR_STRATEGIES } from "../support/strategies.ts";

const lowered = (graph: Graph): LoweredProgram =>
  lower.run(inBodies(fuse(LANES)).run(inBodies(simplify).run(graph)));

/** Whole numbers from -4 to 4, or below an index's bound: sums and products of them are exact in any order. */
function wholeNumbers(types: readonly { shape: readonly number[]; below?: number }[], seed: number) {
  const random = generator(seed);
  return types.map(({ shape, below }) =>
    new Float64Array(sizeOf(shape)).map(() =>
      below === undefined ? Math.floor(random() * 9) - 4 : Math.floor(random() * below),
    ),
  );
}

/** The program with one kernel run as `candidate` says. */
function withCandidate(program: LoweredProgram, kernel: Kernel, candidate: Candidate): LoweredProgram {
  const { kernels, scratch } = apply(kernel, candidate.schedule);
  kernels.forEach(verifyKernel);
  const place = program.kernels.indexOf(kernel);
  return {
    ...program,
    kernels: program.kernels.toSpliced(place, 1, ...kernels),
    ...(program.loops && {
      loops: withKernelsAt(program.loops, (k) => (k > place ? k - 1 + kernels.length : k)),
    }),
    buffers: [...program.buffers, ...scratch],
  };
}

/** Candidates of one kernel that a short run tries. */
const MOST_CANDIDATES = 8;

/** Runs the candidates for every kernel of a program, in a whole run all of them; returns how many. */
function checkCandidates(
  program: LoweredProgram,
  strategy: Strategy,
  values: Readonly<Record<string, Float64Array>>,
): number {
  const before = interpretProgram(program, values);
  let count = 0;
  for (const kernel of program.kernels) {
    const candidates = strategy.candidates(kernel, LANES);
    for (const candidate of oneIn(Math.ceil(candidates.length / MOST_CANDIDATES), candidates)) {
      expect(interpretProgram(withCandidate(program, kernel, candidate), values)).toEqual(before);
      count++;
    }
  }
  return count;
}

function graphOf(op: string, sample: Sample): Graph {
  const b = new GraphBuilder(opTable);
  const inputs = sample.inputs.map((type, k) =>
    b.input("state", `x${k}`, { dtype: type.dtype, shape: type.shape }),
  );
  return b.build(op, [{ name: "output", value: b.node(op, inputs, sample.attrs) }]);
}

/** Gradients of a graph's loss for all its states, and whole numbers for these. */
function gradientsOf(text: string) {
  const graph = parseGraph(text, opTable);
  const names = graph.inputs.map(({ name }) => name);
  const numbers = wholeNumbers(
    graph.inputs.map(({ type }) => type),
    5,
  );
  return {
    program: lowered(autodiff(names).run(graph)),
    values: Object.fromEntries(names.map((name, k) => [name, numbers[k]])),
  };
}

const SAMPLES = oneIn(
  24,
  Object.entries(OPS).flatMap(([op, { samples }]) => samples().map((sample) => ({ op, sample }))),
);

describe.each(VECTOR_STRATEGIES)("$name", (strategy) => {
  test("leaves the results of all op samples as they were, to the bit", () => {
    for (const { op, sample } of SAMPLES) {
      const numbers = wholeNumbers(sample.inputs, 3);
      const values = Object.fromEntries(numbers.map((array, k) => [`x${k}`, array]));
      checkCandidates(lowered(graphOf(op, sample)), strategy, values);
    }
  });

  const counts: number[] = [];

  test.each(oneIn(4, Object.entries(CHAINS())))("leaves the gradients of %s as they were", (_what, text) => {
    const { program, values } = gradientsOf(text);
    counts.push(checkCandidates(program, strategy, values));
  });

  test.runIf(isWhole)("matches some of these kernels", () => {
    expect(counts.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
  });
});

/** A convolution of a random geometry behind another, with relu and often max-pool, as text; odd sizes abound. */
const randomNet = fc
  .record({
    batch: fc.integer({ min: 1, max: 5 }),
    channels: fc.constantFrom(1, 2, 3, 4, 5, 7, 8),
    outputs: fc.constantFrom(1, 3, 4, 5, 7, 9),
    height: fc.integer({ min: 5, max: 9 }),
    width: fc.integer({ min: 5, max: 13 }),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    padding: fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 2 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constant(1)),
    pool: fc.constantFrom(1, 2),
    ceilMode: fc.boolean(),
  })
  .map((net) => {
    const extent = (size: number, axis: 0 | 1): number =>
      Math.floor(
        (size + 2 * net.padding[axis] - net.dilation[axis] * (net.kernel[axis] - 1) - 1) / net.stride[axis],
      ) + 1;
    const [h, w] = [extent(net.height, 0), extent(net.width, 1)];
    const round = net.ceilMode ? Math.ceil : Math.floor;
    const pooled = (size: number): number => round((size - net.pool) / net.pool) + 1;
    const shape = `f32[${net.batch},${net.outputs},${h},${w}]`;
    const small = `f32[${net.batch},${net.outputs},${pooled(h)},${pooled(w)}]`;
    const pair = ([a, b]: readonly [number, number]): string => `[${a},${b}]`;
    const image = `f32[${net.batch},${net.channels},${net.height},${net.width}]`;
    return {
      fits: h >= net.pool && w >= net.pool,
      text: `graph net() params(@x: f32[${net.batch},2,${net.height},${net.width}], @w1: f32[${net.channels},2,1,1], @w: f32[${net.outputs},${net.channels},${net.kernel}], @b: f32[${net.outputs}]) {
  %0: ${image} = conv2d(@x, @w1) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %1: ${shape} = conv2d(%0, @w, @b) {stride=${pair(net.stride)}, padding=${pair(net.padding)}, dilation=${pair(net.dilation)}, groups=1}
  %2: ${shape} = relu(%1)
  %3: (${small}, ${small.replace("f32", "u8")}, ${small.replace("f32", "i32")}) = max_pool2d(%2) {kernel=[${net.pool},${net.pool}], stride=[${net.pool},${net.pool}], padding=[0,0], dilation=[1,1], ceilMode=${net.ceilMode}}
  %4: ${small} = mul(%3, %3)
  %5: f32[] = sum(%4) {axes=[0,1,2,3], keepdim=false}
  return loss=%5
}`,
    };
  })
  .filter(({ fits }) => fits);

test.each(VECTOR_STRATEGIES)("$name leaves the gradients of random convolutions as they were", (strategy) => {
  fc.assert(
    fc.property(randomNet, ({ text }) => {
      const { program, values } = gradientsOf(text);
      const after = plannedFor(LANES, program, { strategy: strategy.name });
      expect(interpretProgram(after, values)).toEqual(interpretProgram(program, values));
    }),
    { numRuns: isWhole ? 25 : 5, seed: 7 },
  );
});

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 31, 32, 33])(
  "layers of width %i are the same with the strategies that the cost model likes best",
  (width) => {
    const { program, values } =
      gradientsOf(`graph net() params(@x: f32[3,${width}], @w: f32[${width},${width}], @b: f32[${width}]) {
  %0: f32[3,${width}] = linear(@x, @w, @b)
  %1: f32[3,${width}] = tanh(%0)
  %2: f32[3,${width}] = mul(%0, %0)
  %3: f32[] = sum(%2) {axes=[0,1], keepdim=false}
  return loss=%3
}`);
    const after = plannedFor(LANES, program);
    expect(interpretProgram(after, values)).toEqual(interpretProgram(program, values));
  },
);

describe("what the cost model chooses for LeNet's step", () => {
  const program = stagesOf(lenetTraining(8)).artifacts.get("lower") as LoweredProgram;
  const chosen = schedule(LANES).run(program).kernels;
  const stepsOf = ({ schedule: steps = [] }: Kernel): string[] => steps.map(({ kind }) => kind);
  const scheduleOf = (name: string): string[] =>
    chosen.filter((k) => k.name === name).flatMap((k) => stepsOf(k));

  test("is a strategy that uses lanes for every contraction", () => {
    const heavy = program.kernels.filter((k) => k.nominalFlops > 1e5);
    expect(heavy.length).toBeGreaterThan(8);
    for (const { name } of heavy) {
      const parts = chosen.filter((k) => k.name === name || k.name === `${name}_sums`);
      expect(parts.flatMap(stepsOf).some((kind) => /^(vectorize|winograd)$/.test(kind))).toBe(true);
    }
  });

  test("is winner lists in lanes for the gradients behind max-pool", () => {
    expect(scheduleOf("max_pool2d_grad_conv2d_weight_grad_sums")).toEqual(
      expect.arrayContaining(["compact", "vectorize"]),
    );
    expect(scheduleOf("max_pool2d_grad_conv2d_input_grad_relu_grad")).toEqual(
      expect.arrayContaining(["compact", "vectorize"]),
    );
  });

  test("offers at least eight candidates for every contraction", () => {
    for (const kernel of program.kernels.filter((k) => k.nominalFlops > 1e5 && k.name !== "update")) {
      const count = VECTOR_STRATEGIES.reduce((n, s) => n + s.candidates(kernel, LANES).length, 0);
      expect(count).toBeGreaterThanOrEqual(8);
    }
  });

  test("keeps the lane out of every pointer, so that neighbours are seen to be neighbours", () => {
    const lanesIn = (body: readonly Stmt[]): number => {
      let vectors = 0;
      visitStatements(body, (s) => {
        if (s.kind !== "for" || s.loop !== "vector") return;
        vectors++;
        expect(s.extent).toBe(LANES.vectorWidth);
        expect(s.inductions ?? []).toEqual([]);
        visitStatements(s.body, (inner) => {
          if (inner.kind === "for")
            expect(JSON.stringify(inner.inductions ?? [])).not.toContain(`"${s.name}"`);
        });
      });
      return vectors;
    };
    expect(chosen.reduce((n, { body }) => n + lanesIn(body), 0)).toBeGreaterThan(20);
  });
});

/** Convolution, relu and max-pool in the shapes that are easy to get wrong, as losses of whole numbers. */
function CHAINS(): Readonly<Record<string, string>> {
  const conv = (attrs: string): string => `{${attrs}, dilation=[1,1], groups=1}`;
  const unit = conv("stride=[1,1], padding=[0,0]");
  const pool = (kernel: string, ceilMode: boolean): string =>
    `{kernel=${kernel}, stride=${kernel}, padding=[0,0], dilation=[1,1], ceilMode=${ceilMode}}`;
  const loss = (
    value: string,
    shape: string,
    first: number,
  ): string => `  %${first}: ${shape} = mul(${value}, ${value})
  %${first + 1}: f32[] = sum(%${first}) {axes=[0,1,2,3], keepdim=false}
  return loss=%${first + 1}
}`;
  return {
    "a pool of five windows side by side": `graph net() params(@x: f32[2,3,6,10]) {
  %0: f32[2,3,6,10] = relu(@x)
  %1: (f32[2,3,3,5], u8[2,3,3,5], i32[2,3,3,5]) = max_pool2d(%0) ${pool("[2,2]", false)}
${loss("%1", "f32[2,3,3,5]", 2)}`,
    "a pool that leaves a row and a column over": `graph net() params(@x: f32[2,2,9,9], @w1: f32[3,2,1,1], @w: f32[4,3,3,3], @b: f32[4]) {
  %0: f32[2,3,9,9] = conv2d(@x, @w1) ${unit}
  %1: f32[2,4,7,7] = conv2d(%0, @w, @b) ${unit}
  %2: f32[2,4,7,7] = relu(%1)
  %3: (f32[2,4,3,3], u8[2,4,3,3], i32[2,4,3,3]) = max_pool2d(%2) ${pool("[2,2]", false)}
${loss("%3", "f32[2,4,3,3]", 4)}`,
    "seven channels of odd extents, padded": `graph net() params(@x: f32[2,5,7,9], @w: f32[7,5,3,3], @b: f32[7]) {
  %0: f32[2,7,7,9] = conv2d(@x, @w, @b) ${conv("stride=[1,1], padding=[1,1]")}
  %1: f32[2,7,7,9] = relu(%0)
  %2: (f32[2,7,3,4], u8[2,7,3,4], i32[2,7,3,4]) = max_pool2d(%1) ${pool("[2,2]", false)}
${loss("%2", "f32[2,7,3,4]", 3)}`,
    "a pool in ceil mode": `graph net() params(@x: f32[1,1,7,7], @w1: f32[2,1,1,1], @w: f32[2,2,3,3]) {
  %0: f32[1,2,7,7] = conv2d(@x, @w1) ${unit}
  %1: f32[1,2,5,5] = conv2d(%0, @w) ${unit}
  %2: f32[1,2,5,5] = relu(%1)
  %3: (f32[1,2,3,3], u8[1,2,3,3], i32[1,2,3,3]) = max_pool2d(%2) ${pool("[2,2]", true)}
${loss("%3", "f32[1,2,3,3]", 4)}`,
    "a strided, dilated, grouped convolution": `graph net() params(@x: f32[2,4,9,8], @w: f32[6,2,3,2], @b: f32[6]) {
  %0: f32[2,6,4,8] = conv2d(@x, @w, @b) {stride=[2,1], padding=[1,1], dilation=[2,2], groups=2}
  %1: f32[2,6,4,8] = relu(%0)
${loss("%1", "f32[2,6,4,8]", 2)}`,
    "rows that lose their maximum and are weighed by their sum": `graph net() params(@x: f32[5,19]) {
  %0: f32[5,1] = max(@x) {axes=[1], keepdim=true}
  %1: f32[5,19] = sub(@x, %0)
  %2: f32[5,1] = sum(%1) {axes=[1], keepdim=true}
  %3: f32[5,19] = mul(%1, %2)
  %4: f32[] = sum(%3) {axes=[0,1], keepdim=false}
  return loss=%4
}`,
    "linear layers of odd sizes": `graph net() params(@x: f32[5,13], @w1: f32[11,13], @b1: f32[11], @w2: f32[3,11]) {
  %0: f32[5,11] = linear(@x, @w1, @b1)
  %1: f32[5,11] = relu(%0)
  %2: f32[5,3] = linear(%1, @w2)
  %3: f32[5,3] = mul(%2, %2)
  %4: f32[] = sum(%3) {axes=[0,1], keepdim=false}
  return loss=%4
}`,
  };
}
