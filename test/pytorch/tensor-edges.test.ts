/**
 * What tensor functions make of NaN, infinities, ties, zeros, nothing, single numbers, whole numbers and truths, against
 * PyTorch: values, positions and gradients.
 */

import { readFileSync } from "node:fs";
import {
  broadcastTensors,
  cdist,
  clampMax,
  columnStack,
  cumprod,
  diff,
  fmax,
  fmin,
  type Interpolation,
  indexReduce,
  maximum,
  minimum,
  outer,
  pdist,
  pow,
  rowStack,
  type ScatterReduction,
  scatterReduce,
  type Tensor,
  tensor,
  trilIndices,
  triuIndices,
} from "kiln-js";
import { expect, test } from "vitest";

interface Stored {
  readonly dtype: "float32" | "int32" | "bool";
  readonly shape: readonly number[];
  readonly values: readonly (number | string)[];
}

interface EdgeCase {
  readonly name: string;
  readonly inputs: readonly Stored[];
  readonly results: readonly Stored[];
  readonly gradients: readonly (Stored | null)[];
}

const both = ({ values, indices }: { values: Tensor; indices: Tensor }): Tensor[] => [values, indices];
const ends = ({ min, max }: { min: Tensor; max: Tensor }): Tensor[] => [min, max];
const INTERPOLATIONS: readonly Interpolation[] = ["lower", "higher", "nearest", "midpoint"];
const NORMS = [0, 0.5, 1, 2, 3, Number.POSITIVE_INFINITY];
const EITHER = [true, false];

/** `f` for each reduction, with the input's own element and without. */
const reductions = <R extends ScatterReduction>(
  names: readonly R[],
  f: (reduce: R, options: { includeSelf: boolean }) => Tensor,
): Tensor[] => names.flatMap((reduce) => EITHER.map((includeSelf) => f(reduce, { includeSelf })));

const CASES: Record<string, (...inputs: Tensor[]) => Tensor[]> = {
  max: (x) => both(x.max(1)),
  min: (x) => both(x.min(1)),
  argmax: (x) => [x.argmax(), x.argmax(0), x.argmin(1), x.argmin(-1, true)],
  "max of int32": (x) => [
    ...both(x.max(1)),
    ...both(x.min(0)),
    x.argmax(),
    x.argmin(),
    x.argmax(1, true),
    x.amax(),
    x.aminmax().min,
  ],
  "max of bool": (x) => [
    ...both(x.max(1)),
    ...both(x.min(0, true)),
    x.max(),
    x.amin(1),
    ...ends(x.aminmax()),
  ],
  "max of one": (x, n) => [...both(x.max(0)), x.argmin(), ...both(n.max(0)), n.argmax(0)],
  cummax: (x) => [...both(x.cummax(1)), ...both(x.cummin(0))],
  "cummax of others": (a, b, c, d) => [
    ...both(a.cummax(1)),
    ...both(b.cummin(0)),
    ...both(c.cummax(0)),
    ...both(d.cummax(1)),
  ],
  cumprod: (x) => [x.cumprod(1), cumprod(x, 0)],
  "cumsum of others": (a, b, c, d) => [
    a.cumsum(1),
    b.cumsum(0),
    c.cumsum(0),
    d.cumprod(0),
    b.cumprod(1),
    a.cumprod(-1),
  ],
  "logcumsumexp of infinities": (x) => [x.logcumsumexp(0).detach(), x.logcumsumexp(1).detach()],
  logcumsumexp: (x) => [x.logcumsumexp(1), x.logcumsumexp(0)],
  median: (x) => [
    ...both(x.median(1)),
    x.median().detach(),
    ...both(x.nanmedian(1)),
    ...both(x.nanmedian(0, true)),
  ],
  "median of ties": (x) => [x.median(), ...both(x.median(0)), x.nanmedian()],
  "median of others": (a, b, c) => [...both(a.median(1)), a.median(), ...both(b.median(0)), c.median()],
  quantile: (x) => [x.quantile(0.4, 1), x.nanquantile(0.3, { dim: 1, keepdim: true }), x.nanquantile(0.5)],
  "quantile of nothing but NaN": (x) => [
    x.nanquantile(0.3, 0).detach(),
    x.quantile(0.3).detach(),
    x.nanmedian().detach(),
  ],
  "quantile of lists": (x, q) => [
    x.quantile(q),
    x.quantile(q, 0),
    x.quantile(q, 1, true),
    ...INTERPOLATIONS.map((interpolation) => x.quantile(q, 1, false, { interpolation })),
  ],
  erfinv: (x) => [x.erfinv()],
  fmax: (a, b) => [fmax(a, b), fmin(a, b)],
  "fmax of int32": (a) => [fmax(a, 3), fmin(a, 2.5), a.clampMin(2), clampMax(a, 4)],
  clamp_min: (a, b) => [a.clampMin(b), a.clampMax(2)],
  cdist: (x, y) => NORMS.map((p) => cdist(x, y, p)),
  pdist: (x) => [0, 1, 2, 3, Number.POSITIVE_INFINITY].map((p) => pdist(x, p)),
  truths: (a) => [
    a.add(a),
    a.add(a.logicalNot()),
    a.mul(a.logicalNot()),
    a.add(1),
    a.mul(2.5),
    maximum(a, a.logicalNot()),
    minimum(a, a.logicalNot()),
    a.sum(0),
    a.prod(1),
    a.pow(2),
    a.square(),
    a.sign(),
    a.diff(),
    a.sort(1).values,
  ],
  "powers of int32": (a, b) => [
    a.pow(2),
    a.pow(0),
    pow(a, 7),
    a.pow(b),
    tensor(2, { dtype: "int32" }).pow(b),
    tensor(-3, { dtype: "int32" }).pow(b),
    b.pow(a),
    a.pow(0.5),
    b.pow(2.5),
  ],
  "negative powers": (a, b) => [a.pow(b)],
  scatter_reduce: (x, i, y) =>
    reductions(["sum", "prod", "mean", "amax", "amin"], (reduce, own) =>
      scatterReduce(x, 0, i, y, reduce, own),
    ),
  "scatter_reduce of NaN": (x, i, y) =>
    (["sum", "prod", "amax", "amin"] as const).map((reduce) => x.scatterReduce(0, i, y, reduce).detach()),
  "scatter_reduce of rows": (x, i, y) =>
    reductions(["prod", "amax"], (reduce, own) => x.scatterReduce(1, i, y, reduce, own)),
  "scatter_reduce of int32": (x, i) =>
    reductions(["sum", "prod", "amax", "amin"], (reduce, own) => x.scatterReduce(0, i, x, reduce, own)),
  index_reduce: (x, i, y) =>
    reductions(["prod", "mean", "amax", "amin"], (reduce, own) => indexReduce(x, 0, i, y, reduce, own)),
  diff: (x, a) => [
    x.diff(),
    x.diff(2, 0),
    diff(x, 1, -1, { prepend: x.narrow(1, 0, 1) }),
    x.diff(9),
    a.diff(1, -1, { append: a }),
    x.diff(0),
  ],
  shapes: (x, a) => [
    ...broadcastTensors(x, a.reshape(3, 1)),
    columnStack([a, a.reshape(3, 1), outer(a, a)]),
    rowStack([a, a]),
    trilIndices(3, 4, 1),
    triuIndices(3, 4, -1),
    triuIndices(0, 4),
    x.msort(),
    a.msort(),
  ],
};

const file = new URL("../fixtures/tensor_edges.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: readonly EdgeCase[] };

test("every case of the fixture has a twin", () => {
  expect(Object.keys(CASES).sort()).toEqual(cases.map(({ name }) => name).sort());
});

test.each(cases)("$name", async ({ name, inputs, results, gradients }) => {
  const given = inputs.map(({ dtype, shape, values }) => {
    const x = tensor(values.map(Number), { shape, dtype });
    return dtype === "float32" ? x.requiresGrad_() : x;
  });
  const actual = CASES[name](...given);
  expect(actual.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(
    results.map(({ dtype, shape }) => ({ dtype, shape })),
  );
  for (const [k, expected] of results.entries()) await expectClose(`result ${k}`, actual[k], expected);
  const learned = given.filter((x) => x.requiresGrad);
  const floats = actual.filter((x) => x.requiresGrad);
  if (floats.length === 0) return;
  const weights = floats.map((x) =>
    tensor(
      Array.from({ length: x.numel() }, (_, k) => k + 1),
      { shape: x.shape },
    ),
  );
  floats
    .map((x, k) => x.mul(weights[k]).sum())
    .reduce((a, b) => a.add(b))
    .backward();
  for (const [k, expected] of gradients.entries())
    if (expected !== null && expected.values.length > 0)
      await expectClose(`gradient ${k}`, learned[k].grad as Tensor, expected);
});

/** Equal but for what a handful of roundings to float32 make of numbers of their size; not finite ones are equal. */
async function expectClose(what: string, actual: Tensor, { values }: Stored): Promise<void> {
  const numbers = Array.from(await actual.data());
  const expected = values.map(Number);
  const isClose = (a: number, b: number): boolean =>
    Object.is(a, b) || a === b || Math.abs(a - b) <= 2e-6 * Math.max(1, Math.abs(b));
  const wrong = numbers.flatMap((a, i) => (isClose(a, expected[i]) ? [] : [`${i}: ${a} for ${expected[i]}`]));
  expect(wrong, what).toEqual([]);
}
