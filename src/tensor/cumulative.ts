/**
 * Cumulative functions along an axis, such as torch.cumsum. Except for the sum of floats, which is an op, results are
 * found by doubling: after k steps each element holds the result of the 2ᵏ elements up to it. Nothing is divided, so
 * the gradient of a product is right where elements are zero.
 */

import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { refuse, requireFloats, requireTensor } from "./arguments.ts";
import { alongAxis, axisOf, ownAxisOf } from "./axes.ts";
import { gather } from "./lookup.ts";
import { type NamedTuple, namedTuple } from "./named-tuple.ts";
import { apply } from "./operation.ts";
import { to } from "./promotion.ts";
import { cat, narrow, where } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** What comes of the elements in front and those that follow. */
type Join = (earlier: Tensor, later: Tensor) => Tensor;

/** The results of `join` over all elements up to each one. */
export function accumulate(input: Tensor, axis: number, join: Join): Tensor {
  const extent = input.shape[axis];
  let result = input;
  for (let reach = 1; reach < extent; reach *= 2) {
    const done = narrow(result, axis, 0, reach);
    const rest = join(narrow(result, axis, 0, extent - reach), narrow(result, axis, reach, extent - reach));
    result = cat([done, rest], axis);
  }
  return result;
}

/** Whole numbers and truths are counted in int32, modulo 2³². */
const asNumbers = (input: Tensor): Tensor => (input.dtype === "bool" ? to(input, "int32") : input);

/** The sum of all elements up to each one along `dim`; for bool, the number of true ones. */
export function cumsum(input: Tensor, dim: number): Tensor {
  requireTensor("cumsum", input);
  return alongAxis(asNumbers(input), dim, (x, axis) =>
    x.dtype === "int32"
      ? accumulate(x, axis, (a, b) => a.add(b))
      : apply("cumsum", [x], { axis, reverse: false }),
  );
}

/** The product of all elements up to each one along `dim`. */
export function cumprod(input: Tensor, dim: number): Tensor {
  requireTensor("cumprod", input);
  return alongAxis(asNumbers(input), dim, (x, axis) => accumulate(x, axis, (a, b) => a.mul(b)));
}

/** `log Σ e^x` of all elements up to each one along `dim`; no exponential overflows. */
export function logcumsumexp(input: Tensor, dim: number): Tensor {
  requireFloats("logcumsumexp", input);
  return alongAxis(input, dim, (x, axis) => accumulate(x, axis, logAddExp));
}

/** `log(e^a + e^b)`, the larger subtracted first unless it is infinite; of nothing but -∞ no logarithm is taken. */
function logAddExp(a: Tensor, b: Tensor): Tensor {
  const larger = a.maximum(b).detach();
  const isNothing = larger.eq(Number.NEGATIVE_INFINITY);
  const shift = where(larger.isinf(), 0, larger);
  const [x, y] = [a, b].map((term) => where(isNothing, 0, term.sub(shift)).exp());
  return where(isNothing, Number.NEGATIVE_INFINITY, x.add(y).log().add(shift));
}

/** The extreme elements up to each one, and their positions, by name or in this order (torch.return_types.cummax). */
export type CumulativeExtremes = NamedTuple<{
  /** The extreme up to each element. */
  readonly values: Tensor;
  /** int32; the last of several equal ones. */
  readonly indices: Tensor;
}>;

/** The largest of all elements up to each one along `dim`, and its position; NaN counts as the largest. */
export const cummax = (input: Tensor, dim: number): CumulativeExtremes =>
  cumulativeExtremes("cummax", input, dim, "ge");

/** The smallest of all elements up to each one along `dim`, and its position; NaN counts as the smallest. */
export const cummin = (input: Tensor, dim: number): CumulativeExtremes =>
  cumulativeExtremes("cummin", input, dim, "le");

function cumulativeExtremes(
  callee: string,
  input: Tensor,
  dim: number,
  wins: "ge" | "le",
): CumulativeExtremes {
  requireTensor(callee, input);
  const axis = axisOf(input, dim);
  const x = input.ndim === 0 ? input.reshape(1) : input;
  const numbers = asNumbers(x).detach();
  const start = apply("iota", [], { shape: x.shape, axis, start: 0, step: 1 });
  const indices = accumulate(start, axis, (earlier, later) => {
    const [a, b] = [gather(numbers, axis, earlier), gather(numbers, axis, later)];
    const isLater = apply("compare", [b, a], { relation: wins });
    return where(numbers.dtype === "float32" ? isLater.logicalOr(b.isnan()) : isLater, later, earlier);
  });
  const values = gather(x, axis, indices);
  return namedTuple({ values: values.reshape(input.shape), indices: indices.reshape(input.shape) });
}

/** The named arguments of {@link diff}. */
export interface DiffOptions {
  /** What is prepended to the input along the axis. */
  readonly prepend?: Tensor;
  /** What is appended to it. */
  readonly append?: Tensor;
}

const DIFF = { prepend: true, append: true } satisfies OptionNames<DiffOptions>;

/** The differences of neighbours along `dim`, taken `n` times (torch.diff); for bool, whether they differ. */
export function diff(input: Tensor, n = 1, dim = -1, options: DiffOptions = {}): Tensor {
  requireTensor("diff", input);
  withOrigin(() => checkOptionNames("diff", options, DIFF));
  if (!Number.isSafeInteger(n) || n < 0) return refuse(`diff needs a number of times from 0 on, not ${n}`);
  const axis = ownAxisOf("diff", input, dim);
  const given = [options.prepend, input, options.append].filter((part) => part !== undefined);
  let result = given.length === 1 ? input : cat(given, axis);
  for (let k = Math.min(n, result.shape[axis]); k > 0; k--) {
    const extent = Math.max(0, result.shape[axis] - 1);
    const next = narrow(result, axis, result.shape[axis] - extent, extent);
    const own = narrow(result, axis, 0, extent);
    result = result.dtype === "bool" ? next.ne(own) : next.sub(own);
  }
  return result;
}
