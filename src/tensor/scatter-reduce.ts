/**
 * Combines elements that int32 tensors scatter to one position (torch.scatter_reduce, torch.index_reduce). Sums of
 * floats are an op; otherwise elements are sorted by position, combined with neighbours of the same position by
 * doubling, and read at the end of each position: nothing is divided, so that products have gradients where elements
 * are zero.
 */

import { describeValue } from "../core/describe-value.ts";
import { readOnlyOption, refuse, requireFloats, requireTensor } from "./arguments.ts";
import { ownAxisOf } from "./axes.ts";
import { flatIndex, gather, requireIndexList } from "./lookup.ts";
import { apply, constant } from "./operation.ts";
import { cat, expand, narrow, where } from "./rearrange.ts";
import { found, isFound, lastPosition, partly, requireScattered, within } from "./scatter.ts";
import { sort } from "./sorting.ts";
import type { Tensor } from "./tensor.ts";

/** How elements that meet are combined. */
export type ScatterReduction = "sum" | "prod" | "mean" | "amax" | "amin";

const REDUCTIONS: readonly ScatterReduction[] = ["sum", "prod", "mean", "amax", "amin"];

/** The options of scatterReduce and indexReduce. */
export interface ReduceOptions {
  /** Whether the input's own element is among those that are combined (default: true). */
  readonly includeSelf?: boolean;
}

/**
 * The input, with the elements of `src` combined into those at the positions along `dim` in `index`; equal extremes
 * share the gradient evenly (torch.scatter_reduce).
 */
export function scatterReduce(
  input: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: ScatterReduction,
  options?: ReduceOptions,
): Tensor {
  return reduced("scatterReduce", input, dim, index, src, reduce, options);
}

/**
 * The input, whose part at position `index[k]` along `dim` is combined with the k-th part of `source`
 * (torch.index_reduce).
 */
export function indexReduce(
  input: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  reduce: Exclude<ScatterReduction, "sum">,
  options?: ReduceOptions,
): Tensor {
  requireTensor("indexReduce", input);
  requireTensor("indexReduce", source);
  requireIndexList("indexReduce", index);
  if (input.ndim === 0)
    return indexReduce(input.reshape(1), dim, index, source.reshape(-1), reduce, options).reshape([]);
  const axis = ownAxisOf("indexReduce", input, dim);
  const along = source.shape.map((_, k) => (k === axis ? index.numel() : 1));
  const each = expand(index.reshape(along), [...source.shape]);
  return reduced("indexReduce", input, dim, each, source, reduce, options);
}

function reduced(
  callee: string,
  input: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: ScatterReduction,
  options: ReduceOptions = {},
): Tensor {
  for (const x of [input, index, src]) requireTensor(callee, x);
  const includeSelf = readOnlyOption(callee, options, "includeSelf", true);
  if (!REDUCTIONS.includes(reduce))
    return refuse(`${callee}'s reduce is one of ${REDUCTIONS.join(", ")}, not ${describeValue(reduce)}`);
  if (input.dtype !== src.dtype || input.dtype === "bool")
    return refuse(
      `${callee} combines float32 with float32 or int32 with int32, not ${input.dtype} with ${src.dtype}`,
    );
  if (input.ndim === 0) {
    const [list, positions, values] = [input, index, src].map((x) => x.reshape(-1));
    return reduced(callee, list, dim, positions, values, reduce, options).reshape([]);
  }
  const axis = ownAxisOf(callee, input, dim);
  requireScattered(callee, input, axis, index, src);
  if (index.numel() === 0) return input.clone();
  const reached = index.shape.map((own, k) => (k === axis ? input.shape[axis] : own));
  const sent: Sent = {
    axis,
    own: within(input, reached),
    values: within(src, index.shape),
    places: flatIndex(callee, [index], [input.shape[axis]], false),
    includeSelf,
  };
  return partly(input, combined(sent, reduce));
}

/** What meets: the elements of the input, and those that are sent to their places along an axis. */
interface Sent {
  readonly axis: number;
  readonly own: Tensor;
  readonly values: Tensor;
  readonly places: Tensor;
  readonly includeSelf: boolean;
}

function combined(sent: Sent, reduce: ScatterReduction): Tensor {
  const { own, axis, places, values, includeSelf } = sent;
  const [least, most] = own.dtype === "int32" ? INT32 : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  switch (reduce) {
    case "prod":
      return joined(sent, { join: (a, b) => a.mul(b), neutral: 1 });
    case "amax":
      return sharedEvenly(sent, { join: (a, b) => a.maximum(b), neutral: least });
    case "amin":
      return sharedEvenly(sent, { join: (a, b) => a.minimum(b), neutral: most });
    case "sum":
      if (own.dtype === "int32") return joined(sent, { join: (a, b) => a.add(b), neutral: 0 });
      return includeSelf ? own.add(added(values, sent)) : where(isReached(sent), added(values, sent), own);
    case "mean": {
      requireFloats("the mean of what is scattered", own);
      const count = added(constant(1).expand([...places.shape]), sent);
      const sum = added(values, sent);
      if (includeSelf) return own.add(sum).div(count.add(1));
      return where(isReached(sent), sum.div(count.maximum(1)), own);
    }
    default:
      return reduce satisfies never;
  }
  /** The sums of what is sent to each place. */
  function added(x: Tensor, { own: { shape } }: Sent): Tensor {
    return apply("scatter_add", [x, places], { axis, shape });
  }
}

/** Whether something is sent to a place. */
const isReached = ({ places, axis, own }: Sent): Tensor =>
  isFound(lastPosition(places, axis, own.shape[axis]));

/** The least and the largest int32. */
const INT32 = [-(2 ** 31), 2 ** 31 - 1] as const;

/** How two are combined, and what changes nothing when it is. */
interface Joining {
  join(a: Tensor, b: Tensor): Tensor;
  readonly neutral: number;
}

/** All that is sent to one place joined, together with the place's own element. */
function joined({ axis, own, values, places, includeSelf }: Sent, { join, neutral }: Joining): Tensor {
  const { values: sorted, indices } = sort(places, axis);
  const extent = places.shape[axis];
  let results = gather(values, axis, indices);
  for (let reach = 1; reach < extent; reach *= 2) {
    const [before, behind] = [results, sorted].map((x) => narrow(x, axis, 0, extent - reach));
    const [later, place] = [results, sorted].map((x) => narrow(x, axis, reach, extent - reach));
    // What belongs to another place must not be met at all: a NaN there would come back with the gradient.
    const next = join(where(place.eq(behind), before, neutral), later);
    results = cat([narrow(results, axis, 0, reach), next], axis);
  }
  const last = lastPosition(sorted, axis, own.shape[axis]);
  const result = gather(results, axis, found(last));
  if (!includeSelf) return where(isFound(last), result, own);
  return join(own, where(isFound(last), result, neutral));
}

/** An extreme, whose gradient those that equal it share: the differences that carry it are 0. */
function sharedEvenly(sent: Sent, joining: Joining): Tensor {
  const { axis, own, values, places, includeSelf } = sent;
  const result = joined({ ...sent, own: own.detach(), values: values.detach() }, joining);
  if (own.dtype !== "float32") return result;
  const [isOwn, isSent] = [own.eq(result), values.eq(gather(result, axis, places))];
  const { shape } = own;
  const count = isOwn.float().add(apply("scatter_add", [isSent.float(), places], { axis, shape }));
  const carried = (x: Tensor): Tensor => {
    const finite = where(x.isfinite(), x, 0);
    return finite.sub(finite.detach());
  };
  const counts = includeSelf ? isOwn : isOwn.logicalAnd(isReached(sent).logicalNot());
  const kept = where(counts, carried(own).div(count), 0);
  const shares = where(isSent, carried(values).div(gather(count, axis, places)), 0);
  return result.add(kept).add(apply("scatter_add", [shares, places], { axis, shape }));
}
