/**
 * Finds contractions whose guards let only every second, third, … step of an axis through: the gradient of a strided
 * convolution, and a transposed convolution. Split by the remainders of their loops, their *phases*, they become
 * contractions that read no zeros between the elements.
 */

import { toAffine } from "../../../src/loop/affine.ts";
import { add, float, int, mul, variable } from "../../../src/loop/build.ts";
import { countFlops } from "../../../src/loop/flops.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import { simplify } from "../../../src/loop/simplify.ts";
import type { Expr, Kernel, ReduceAxis } from "../../../src/loop/types.ts";
import { withBody } from "../../../src/loop/used-buffers.ts";
import { conjuncts, substitute } from "../../../src/loop/walk.ts";
import { type Contraction, contractionOf, onSums, type Reduce } from "./contraction.ts";
import { type GridLoop, mapStores, mapValues, statementsOf } from "./nest.ts";

/** A loop whose iterations fall into `by` phases. */
export interface PhasedLoop {
  readonly loop: string;
  readonly by: number;
}

/** A guard `(coefficient·loop + step·axis + constant) % by = 0`. */
interface Stride extends PhasedLoop {
  readonly coefficient: number;
  readonly axis: string | undefined;
  readonly step: number;
  readonly constant: number;
}

export interface Phases {
  readonly loops: readonly PhasedLoop[];
  /** One for each phase of all loops, the last loop's fastest. */
  readonly kernels: readonly Kernel[];
}

/** Cached, since strategies and `apply` analyse the same kernels. */
const known = new WeakMap<Kernel, Phases | "none">();

/** The phases of a kernel that is such a contraction. */
export function phasesOf(kernel: Kernel): Phases | undefined {
  const found = known.get(kernel) ?? phasesIn(kernel) ?? "none";
  known.set(kernel, found);
  return found === "none" ? undefined : found;
}

function phasesIn(kernel: Kernel): Phases | undefined {
  const contraction = contractionOf(kernel);
  if (contraction === undefined || contraction.window.length > 0) return undefined;
  const strides = stridesOf(contraction);
  if (strides === undefined || strides.length === 0) return undefined;
  const { loops } = contraction.nest;
  // Each phase of each loop has an iteration.
  if (strides.some(({ loop, by }) => (loops.find(({ name }) => name === loop)?.extent ?? 0) < by))
    return undefined;
  const kernels: Kernel[] = [];
  for (const phases of combinations(strides)) {
    const cut = phaseOf(contraction, strides, phases, kernels.length);
    if (cut === undefined) return undefined;
    kernels.push(cut);
  }
  return { loops: strides.map(({ loop, by }) => ({ loop, by })), kernels };
}

/** The guards of both factors that require a remainder of 0; `undefined` if one of them has another form. */
function stridesOf({ nest, core, left, right }: Contraction): Stride[] | undefined {
  const strides = new Map<string, Stride>();
  for (const factor of [left, right]) {
    if (factor.kind !== "select") continue;
    for (const test of conjuncts(factor.condition)) {
      if (test.kind !== "compare" || test.op !== "eq") continue;
      const { a, b } = test;
      if (
        a.kind !== "binary" ||
        a.op !== "mod" ||
        a.b.kind !== "const" ||
        b.kind !== "const" ||
        b.value !== 0
      )
        continue;
      const stride = strideOf(a.a, a.b.value, nest.loops, core.axes);
      if (stride === undefined || strides.has(stride.loop)) return undefined;
      strides.set(stride.loop, stride);
    }
  }
  const found = [...strides.values()];
  const axes = found.flatMap(({ axis }) => axis ?? []);
  return new Set(axes).size === axes.length ? found : undefined;
}

function strideOf(
  e: Expr,
  by: number,
  loops: readonly GridLoop[],
  axes: readonly ReduceAxis[],
): Stride | undefined {
  const { constant, terms } = toAffine(e);
  const found = [...terms.values()].map(({ atom, coefficient }) => ({
    name: atom.kind === "var" ? atom.name : "",
    coefficient,
  }));
  const ofLoops = found.filter(({ name }) => loops.some((l) => l.name === name));
  const ofAxes = found.filter(({ name }) => axes.some((axis) => axis.name === name));
  if (ofLoops.length !== 1 || ofAxes.length > 1 || found.length !== 1 + ofAxes.length) return undefined;
  const [{ name: loop, coefficient }] = ofLoops;
  return { loop, by, coefficient, axis: ofAxes[0]?.name, step: ofAxes[0]?.coefficient ?? 0, constant };
}

/** All phases of all loops. */
const combinations = (strides: readonly PhasedLoop[]): number[][] =>
  strides.reduce<number[][]>(
    (sets, { by }) => sets.flatMap((set) => Array.from({ length: by }, (_, phase) => [...set, phase])),
    [[]],
  );

/**
 * What remains of the contraction in one phase: iterations `by ·
 * loop + phase`, and the steps of axes that its guards let through.
 */
function phaseOf(
  { kernel, nest, core }: Contraction,
  strides: readonly Stride[],
  phases: readonly number[],
  number: number,
): Kernel | undefined {
  const values = new Map<string, Expr>();
  const extents = new Map([...nest.loops, ...core.axes].map(({ name, extent }) => [name, extent]));
  let isEmpty = false;
  /** Keeps every `by`-th iteration, starting at `first`. */
  const every = (name: string, by: number, first: number): void => {
    const extent = Math.ceil(((extents.get(name) ?? 0) - first) / by);
    extents.set(name, extent);
    values.set(name, extent > 1 ? add(mul(variable(name), int(by)), int(first)) : int(first));
    isEmpty ||= extent < 1;
  };
  for (const [k, { loop, by, axis, coefficient, step, constant }] of strides.entries()) {
    const fits = (first: number): boolean => (coefficient * phases[k] + step * first + constant) % by === 0;
    const firsts = Array.from({ length: by }, (_, first) => first).filter(fits);
    every(loop, by, phases[k]);
    // Some of the steps, but not one in `by`.
    if (firsts.length > 1 && firsts.length < by) return undefined;
    if (firsts.length === 0) isEmpty = true;
    else if (firsts.length === 1 && axis !== undefined) every(axis, by, firsts[0]);
  }
  const extentOf = ({ name, extent }: ReduceAxis): number => extents.get(name) ?? extent;
  const loops = nest.loops.map((l) => ({ ...l, extent: extentOf(l) })).filter(({ extent }) => extent > 1);
  const axes = core.axes.map((axis) => ({ ...axis, extent: extentOf(axis) }));
  /** What remains of the sum; a single product stays a sum, which is never -0. */
  const left = (sum: Reduce): Expr => {
    if (isEmpty) return float(0);
    return axes.every(({ extent }) => extent === 1) ? add(float(0), sum.body) : { ...sum, axes };
  };
  const open = mapValues(nest, onSums(core.axes, left));
  const context = loops.reduce((c, { name, extent }) => c.withLoop(name, extent), new RangeContext());
  const cut = mapStores({ ...open, loops }, (e) => simplify(substitute(e, values), context));
  const body = statementsOf(cut);
  const name = `${kernel.name}_phase${number}`;
  return { ...withBody(kernel, kernel.buffers, body), name, nominalFlops: countFlops(body) };
}
