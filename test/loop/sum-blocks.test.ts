/** Long sums: their error against doubles grows with the logarithm of the number of terms, wherever and however they run. */

import { expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { backendNamed } from "../../backends/registry.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { add, float, int, load, mul, reduce, variable } from "../../src/loop/build.ts";
import { printExpr, printKernel } from "../../src/loop/print.ts";
import { BLOCK, inBlocks } from "../../src/loop/sum-blocks.ts";
import type { Expr, ReduceAxis } from "../../src/loop/types.ts";
import { visitExpr } from "../../src/loop/walk.ts";
import { opTable } from "../../src/ops/registry.ts";
import { generator } from "../support/draw.ts";
import { planOf, relativeError, runGraph, type Values } from "../support/run-graph.ts";
import { strategiesFor } from "../support/strategies.ts";

const sumOf = (...extents: readonly number[]): Expr =>
  reduce(
    "sum",
    extents.map((extent, k): ReduceAxis => ({ name: `k${k}`, extent })),
    (at) => {
      const place = at.reduce<Expr>((sum, i, k) => add(mul(sum, int(extents[k])), i), int(0));
      return load("x", "float32", place);
    },
  );

const sumsIn = (e: Expr): readonly (readonly ReduceAxis[])[] => {
  const found: (readonly ReduceAxis[])[] = [];
  visitExpr(e, (node) => {
    if (node.kind === "reduce") found.push(node.axes);
  });
  return found;
};

const termsOf = (axes: readonly ReduceAxis[]): number => axes.reduce((n, { extent }) => n * extent, 1);

/** The value of an expression of sums over `x[i] = i + 1`, with its loops run. */
function evaluated(e: Expr, values: ReadonlyMap<string, number> = new Map()): number {
  switch (e.kind) {
    case "const":
      return e.value;
    case "var":
      return values.get(e.name) ?? Number.NaN;
    case "load":
      return evaluated(e.index, values) + 1;
    case "binary":
      return e.op === "add"
        ? evaluated(e.a, values) + evaluated(e.b, values)
        : evaluated(e.a, values) * evaluated(e.b, values);
    case "reduce": {
      const [axis, ...others] = e.axes;
      if (axis === undefined) return evaluated(e.body, values);
      let sum = 0;
      for (let k = 0; k < axis.extent; k++)
        sum += evaluated({ ...e, axes: others }, new Map([...values, [axis.name, k]]));
      return sum;
    }
    default:
      throw new Error(`a sum holds no ${e.kind}`);
  }
}

/** Adding up so many one by one would take seconds. */
const MANY = 1_000_000;

test.each([
  [BLOCK + 1],
  [5000],
  [2 * BLOCK],
  [40, 50],
  [100_003],
  [3, 4099],
  [40_000, 3],
  [7, 60, 31],
  [2, 1500, 2],
  [3_000_000],
])("a sum over %j is one over all its terms, in blocks", (...extents: number[]) => {
  const blocked = inBlocks()(sumOf(...extents));
  for (const axes of sumsIn(blocked)) expect(termsOf(axes)).toBeLessThanOrEqual(BLOCK);
  const terms = extents.reduce((n, extent) => n * extent, 1);
  if (terms < MANY) expect(evaluated(blocked)).toBe((terms * (terms + 1)) / 2);
});

test("short sums, maxima and sums of whole numbers stay as they are", () => {
  const k = { name: "k", extent: 10 * BLOCK };
  const short = sumOf(4, BLOCK / 4);
  const max = reduce("max", [k], ([at]) => load("x", "float32", at));
  const whole = reduce("sum", [k], ([at]) => load("i", "int32", at));
  for (const e of [short, max, whole, variable("k"), float(1)]) expect(inBlocks()(e)).toBe(e);
});

test("blocks are cut where axes begin if they can be, and divide an axis evenly if that is near enough", () => {
  expect(printExpr(inBlocks()(sumOf(64, 28, 28)))).toBe(
    "sum[k0<64](sum[k1<28, k2<28](x[(k0 * 28 + k1) * 28 + k2]))",
  );
  expect(sumsIn(inBlocks()(sumOf(6000)))).toEqual([
    [{ name: "k0_block", extent: 6 }],
    [{ name: "k0", extent: 1000 }],
  ]);
});

/** Every term as large as the next and none exact in binary: each addition to one sum would round the same way. */
const ALIKE = Math.fround(0.1);

/** A block of equal terms errs by up to `BLOCK` halves of 2⁻²³ of its sum, each level above by at most as many again. */
const ONE_LEVEL = BLOCK * 2 ** -24;

type Draw = (k: number) => number;

const filled = (length: number, draw: Draw): Float32Array => Float32Array.from({ length }, (_, k) => draw(k));

/** A graph of sums, what goes into it, and the first of the sums in doubles. */
interface LongSum {
  readonly text: string;
  readonly values: Values;
  readonly expected: number;
}

/** Sums of about `n` terms. */
const SUMS: Readonly<Record<string, (n: number, draw: Draw) => LongSum>> = {
  "of all elements": (n, draw) => {
    const x = filled(4 * Math.ceil(n / 4), draw);
    return {
      text: `graph g(%x: f32[4,${x.length / 4}]) {
  %0: f32[] = sum(%x) {axes=[0,1], keepdim=false}
  return out=%0
}`,
      values: { x },
      expected: x.reduce((sum, value) => sum + value, 0),
    };
  },
  "of columns": (n, draw) => {
    const x = filled(8 * n, draw);
    return {
      text: `graph g(%x: f32[${n},8]) {
  %0: f32[8] = sum(%x) {axes=[0], keepdim=false}
  return out=%0
}`,
      values: { x },
      expected: x.reduce((sum, value, k) => (k % 8 === 0 ? sum + value : sum), 0),
    };
  },
  "of products": (n, draw) => {
    const [a, b] = [filled(6 * n, draw), filled(8 * n, draw)];
    let expected = 0;
    for (let k = 0; k < n; k++) expected += a[6 * k] * b[8 * k];
    return {
      text: `graph g(%a: f32[${n},6], %b: f32[${n},8]) {
  %0: f32[6,8] = matmul(%a, %b) {transposeA=true, transposeB=false}
  return out=%0
}`,
      values: { a, b },
      expected,
    };
  },
};

/** How far a backend is off, as a share of the sum. */
async function errorOf({ text, values, expected }: LongSum, backend: Backend, strategy?: string) {
  const { out } = await runGraph(parseGraph(text, opTable), backend, values, strategy ? { strategy } : {});
  return Math.abs(out[0] - expected) / Math.abs(expected);
}

const LENGTHS = [100, 10_007, 262_144];

test.each(Object.keys(SUMS))("sums %s of equal terms", async (sum) => {
  const ways = [
    ...strategiesFor(wasm.capabilities).map(({ name }) => ({ backend: wasm, strategy: name })),
    { backend: await backendNamed("js"), strategy: undefined },
    { backend: await backendNamed("gpujs:cpu"), strategy: undefined },
  ];
  for (const n of LENGTHS) {
    const levels = Math.ceil(Math.log(n) / Math.log(BLOCK));
    const long = SUMS[sum](n, () => ALIKE);
    for (const { backend, strategy } of ways) {
      const error = await errorOf(long, backend, strategy);
      expect(error, `${n} terms on ${backend.name}, ${strategy}`).toBeLessThanOrEqual(levels * ONE_LEVEL);
    }
  }
});

/**
 * Random terms round up as often as down: the error of a block is some √BLOCK roundings of 2⁻²⁵ (half a unit, of a sum
 * that is half as large in the mean), which blocks average out again.
 */
const RANDOM = 4 * Math.sqrt(BLOCK) * 2 ** -25;

test.each(Object.keys(SUMS))("sums %s of random terms", async (sum) => {
  for (const n of LENGTHS) {
    expect(await errorOf(SUMS[sum](n, generator(n)), wasm)).toBeLessThanOrEqual(RANDOM);
  }
});

/** The weight gradient of a convolution behind max-pool: sums over the pixels of all images, here of one sign. */
test("weight gradients behind a pool of 80×80 and 112×112 run over lists in bands", async () => {
  for (const size of [80, 112]) {
    const half = size / 2;
    const text = `graph g() params(@x: f32[2,1,${size},${size}], @w0: f32[2,1,1,1], @w: f32[4,2,3,3]) {
  %0: f32[2,2,${size},${size}] = conv2d(@x, @w0) {stride=[1,1], padding=[0,0], dilation=[1,1], groups=1}
  %1: f32[2,4,${size},${size}] = conv2d(%0, @w) {stride=[1,1], padding=[1,1], dilation=[1,1], groups=1}
  %2: f32[2,4,${size},${size}] = relu(%1)
  %3: (f32[2,4,${half},${half}], u8[2,4,${half},${half}], i32[2,4,${half},${half}]) = max_pool2d(%2) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false}
  %4: f32[] = sum(%3) {axes=[0,1,2,3], keepdim=false}
  return loss=%4
}`;
    const graph = parseGraph(text, opTable);
    const values = {
      x: filled(2 * size * size, () => ALIKE),
      w0: filled(2, () => 1),
      w: filled(72, () => ALIKE),
    };
    const gradientsFor = ["x", "w0", "w"];
    const expected = await runGraph(graph, await backendNamed("js"), values, { gradientsFor });
    for (const strategy of ["sparse"]) {
      const options = { gradientsFor, strategy };
      const { kernels } = planOf(graph, wasm, options);
      const lists = kernels.filter(({ ops }) => ops.join() === "winner_lists");
      expect(lists.map(printKernel).join()).toContain("for band in");
      const actual = await runGraph(graph, wasm, values, options);
      for (const [name, numbers] of Object.entries(expected))
        expect(relativeError(actual[name], numbers), `${name} by ${strategy}`).toBeLessThanOrEqual(
          2 * ONE_LEVEL,
        );
    }
  }
});
