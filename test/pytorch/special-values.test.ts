/** Every function of single elements at NaN, infinities, zeros and kinks, with its gradients, against PyTorch. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { c } from "../../backends/c/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { wasm } from "../../backends/wasm/backend.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { F, type Tensor, tensor, where } from "../../src/index.ts";
import { pow } from "../../src/tensor/power.ts";
import { traceModel } from "../../src/trace/trace.ts";
import { isHere } from "../backends/c/toolchain.ts";
import { runGraph } from "../support/run-graph.ts";

const none = { reduction: "none" } as const;

const ONE: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  neg: (x) => x.neg(),
  exp: (x) => x.exp(),
  expm1: (x) => x.expm1(),
  log: (x) => x.log(),
  log1p: (x) => x.log1p(),
  sqrt: (x) => x.sqrt(),
  rsqrt: (x) => x.rsqrt(),
  square: (x) => x.square(),
  reciprocal: (x) => x.reciprocal(),
  abs: (x) => x.abs(),
  sign: (x) => x.sign(),
  erf: (x) => x.erf(),
  relu: (x) => x.relu(),
  sin: (x) => x.sin(),
  cos: (x) => x.cos(),
  tan: (x) => x.tan(),
  asin: (x) => x.asin(),
  acos: (x) => x.acos(),
  atan: (x) => x.atan(),
  sinh: (x) => x.sinh(),
  cosh: (x) => x.cosh(),
  asinh: (x) => x.asinh(),
  acosh: (x) => x.acosh(),
  atanh: (x) => x.atanh(),
  floor: (x) => x.floor(),
  ceil: (x) => x.ceil(),
  trunc: (x) => x.trunc(),
  round: (x) => x.round(),
  frac: (x) => x.frac(),
  erfc: (x) => x.erfc(),
  exp2: (x) => x.exp2(),
  log2: (x) => x.log2(),
  log10: (x) => x.log10(),
  logit: (x) => x.logit(),
  "round 2": (x) => x.round({ decimals: 2 }),
  "round -1": (x) => x.round({ decimals: -1 }),
  "logit 0.1": (x) => x.logit(0.1),
  nanToNum: (x) => x.nanToNum(),
  "nanToNum 1, 2, 3": (x) => x.nanToNum(1, 2, 3),
  isfinite: (x) => x.isfinite().float(),
  isinf: (x) => x.isinf().float(),
  logicalNot: (x) => x.logicalNot().float(),
  "fmod 1.5": (x) => x.fmod(1.5),
  "remainder -1.5": (x) => x.remainder(-1.5),
  "lerp 0.75": (x) => x.lerp(x.square(), 0.75),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  relu6: (x) => F.relu6(x),
  leakyRelu: (x) => F.leakyRelu(x),
  "leakyRelu 0": (x) => F.leakyRelu(x, 0),
  elu: (x) => F.elu(x),
  "elu 0.5": (x) => F.elu(x, 0.5),
  selu: (x) => F.selu(x),
  celu: (x) => F.celu(x),
  "celu 2": (x) => F.celu(x, 2),
  gelu: (x) => F.gelu(x),
  "gelu tanh": (x) => F.gelu(x, { approximate: "tanh" }),
  silu: (x) => F.silu(x),
  mish: (x) => F.mish(x),
  hardsigmoid: (x) => F.hardsigmoid(x),
  hardswish: (x) => F.hardswish(x),
  softplus: (x) => F.softplus(x),
  "softplus 2, 1": (x) => F.softplus(x, 2, 1),
  softsign: (x) => F.softsign(x),
  "clamp -1, 2": (x) => x.clamp(-1, 2),
  "clamp from 0": (x) => x.clamp(0),
  "clamp to 0": (x) => x.clamp(undefined, 0),
  "clamp 1, -1": (x) => x.clamp(1, -1),
  "pow 2": (x) => x.pow(2),
  "pow 3": (x) => x.pow(3),
  "pow 0.5": (x) => x.pow(0.5),
  "pow -1": (x) => x.pow(-1),
  "pow 0": (x) => x.pow(0),
  "pow of 2": (x) => pow(2, x),
  "pow of 0": (x) => pow(0, x),
  isnan: (x) => x.isnan().float().add(x.detach().mul(0)),
  "rsub 1": (x) => x.rsub(1),
  maskedFill: (x) => x.maskedFill(x.gt(0), 7),
};

const TWO: Readonly<Record<string, (x: Tensor, y: Tensor) => Tensor>> = {
  add: (x, y) => x.add(y),
  sub: (x, y) => x.sub(y),
  mul: (x, y) => x.mul(y),
  div: (x, y) => x.div(y),
  maximum: (x, y) => x.maximum(y),
  atan2: (x, y) => x.atan2(y),
  hypot: (x, y) => x.hypot(y),
  fmod: (x, y) => x.fmod(y),
  remainder: (x, y) => x.remainder(y),
  floorDivide: (x, y) => x.floorDivide(y).detach(),
  "div trunc": (x, y) => x.div(y, { roundingMode: "trunc" }),
  logicalAnd: (x, y) => x.logicalAnd(y).float(),
  logicalOr: (x, y) => x.logicalOr(y).float(),
  logicalXor: (x, y) => x.logicalXor(y).float(),
  isclose: (x, y) => x.isclose(y, { rtol: 0.5, atol: 0.5 }).float(),
  "isclose NaN": (x, y) => x.isclose(y, { equalNan: true }).float(),
  minimum: (x, y) => x.minimum(y),
  pow: (x, y) => x.pow(y),
  where: (x, y) => where(x.gt(0), x, y),
  "clamp from": (x, y) => x.clamp(y),
  "clamp to": (x, y) => x.clamp(undefined, y),
  prelu: (x, y) => where(x.gt(0), x, x.mul(y)),
  mseLoss: (x, y) => F.mseLoss(x, y, none),
  l1Loss: (x, y) => F.l1Loss(x, y, none),
  smoothL1Loss: (x, y) => F.smoothL1Loss(x, y, none),
  huberLoss: (x, y) => F.huberLoss(x, y, none),
  binaryCrossEntropyWithLogits: (x, y) => F.binaryCrossEntropyWithLogits(x, y, none),
};

const THREE: Readonly<Record<string, (x: Tensor, y: Tensor, z: Tensor) => Tensor>> = {
  clamp: (x, y, z) => x.clamp(y, z),
  addcmul: (x, y, z) => x.addcmul(y, z, { value: 0.5 }),
  addcdiv: (x, y, z) => x.addcdiv(y, z, { value: 0.5 }),
  lerp: (x, y, z) => x.lerp(y, z),
};

type Cell = number | string;
interface Family {
  readonly numbers: readonly Cell[];
  readonly cases: Readonly<Record<string, readonly (readonly Cell[])[]>>;
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/special_values.json", import.meta.url), "utf8"),
) as Readonly<Record<"one" | "two" | "three", Family>>;

/** All tuples of `count` numbers, the last one changing fastest: a list for each place. */
function columnsOf(numbers: readonly Cell[], count: number): number[][] {
  const length = numbers.length ** count;
  return Array.from({ length: count }, (_, place) => {
    const repeat = numbers.length ** (count - 1 - place);
    return Array.from({ length }, (_, k) => Number(numbers[Math.floor(k / repeat) % numbers.length]));
  });
}

/** What all functions of a family give on one backend: forward in one program, gradients in another. */
async function results(
  functions: Readonly<Record<string, (...inputs: Tensor[]) => Tensor>>,
  columns: readonly number[][],
  backend: Backend,
): Promise<Record<string, TypedArray>> {
  const parameters = Object.keys(functions).flatMap((name, f) =>
    columns.map((column, k) => ({ name, key: `f${f}_${k}`, tensor: tensor(column, { requiresGrad: true }) })),
  );
  const values = Object.fromEntries(parameters.map(({ key, tensor }) => [key, tensor.peek()!]));
  const outputs = (): Tensor[] =>
    Object.entries(functions).map(([name, f]) =>
      f(...parameters.filter((p) => p.name === name).map((p) => p.tensor)),
    );
  const graphOf = (forward: () => Tensor | Tensor[]) =>
    traceModel(
      {
        forward,
        namedModules: () => [],
        namedParameters: () => parameters.map(({ key, tensor }) => [key, tensor] as const),
        namedBuffers: () => [],
      },
      [],
    );
  const run = async (forward: () => Tensor | Tensor[], gradientsFor?: string[]) => {
    const { graph, states } = graphOf(forward);
    const constants = [...states].flatMap(([name, state]) =>
      name in values ? [] : [[name, state.peek()!] as const],
    );
    return runGraph(
      graph,
      backend,
      { ...values, ...Object.fromEntries(constants) },
      gradientsFor === undefined ? {} : { gradientsFor },
    );
  };
  const forward = await run(outputs);
  const backward = await run(
    () => outputs().reduce((sum, output) => sum.add(output.sum()), tensor(0)),
    parameters.map(({ key }) => key),
  );
  return { ...backward, ...forward };
}

/**
 * In float32 PyTorch and we differ by the last bits of elementary functions and of what is composed of them: a few 1e-7
 * of the result, or, where PyTorch's formula takes a difference of numbers near 1 (`1 - y²`, `e^x - 1 + 1`), a few 6e-8
 * times x.
 */
const close = (a: number, b: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= Math.max(1e-5 * Math.abs(b), 3e-7);

/** The oracle's doubles hold powers that overflow float32. */
const isHuge = (x: number): boolean => Math.abs(x) >= 1e20 && Number.isFinite(x);

const families = [
  { name: "one", functions: ONE, count: 1 },
  { name: "two", functions: TWO, count: 2 },
  { name: "three", functions: THREE, count: 3 },
] as const;

describe.each([interpret, js, wasm, ...(isHere ? [c] : [])])("on $name", (backend) => {
  describe.each(families)("functions of $name", ({ name, functions, count }) => {
    const { numbers, cases } = fixture[name];
    const columns = columnsOf(numbers, count);
    const isDouble = backend === interpret;
    let all: Promise<Record<string, TypedArray>> | undefined;

    test.each(Object.keys(cases))("%s", async (key) => {
      all ??= results(functions as Record<string, (...inputs: Tensor[]) => Tensor>, columns, backend);
      const got = await all;
      const f = Object.keys(functions).indexOf(key);
      expect(f, "a function of this name stands above").toBeGreaterThanOrEqual(0);
      const names = [f === 0 ? "output" : `output${f}`, ...columns.map((_, k) => `grad.f${f}_${k}`)];
      const wrong = names.flatMap((result, row) =>
        cases[key][row].flatMap((cell, i) => {
          const expected = Number(cell);
          const actual = Math.fround(got[result]?.[i] ?? 0);
          if (close(actual, expected) || (isDouble && columns.some((column) => isHuge(column[i])))) return [];
          const at = columns.map((column) => column[i]).join(", ");
          return [`${row === 0 ? "value" : `gradient ${row - 1}`} at ${at}: ${actual}, not ${expected}`];
        }),
      );
      expect(wrong).toEqual([]);
    });
  });
});
