/**
 * Sums of gradients of adjacent slices are concatenations, as they arise from split, chunk and unbind.
 * Added up one by one, each of them would go through the whole tensor.
 */

import type { Value } from "../ir/types.ts";
import { ints, isNodeOf, type Rewrite, type Rewriter } from "./definition.ts";

/** The gradient of a slice along one axis: `value` from `start` up to `stop`, and zeros elsewhere. */
interface Stretch {
  readonly value: Value;
  readonly axis: number;
  readonly start: number;
  readonly stop: number;
}

function stretchOf(value: Value): Stretch | undefined {
  if (!isNodeOf(value, "slice_grad")) return undefined;
  const [starts, stops, steps, shape] = ["starts", "stops", "steps", "shape"].map((name) =>
    ints(value.attrs, name),
  );
  const cut = shape.flatMap((extent, axis) => (starts[axis] > 0 || stops[axis] < extent ? [axis] : []));
  if (cut.length !== 1 || steps.some((step) => step !== 1)) return undefined;
  const [axis] = cut;
  return { value: value.inputs[0], axis, start: starts[axis], stop: stops[axis] };
}

/** The sum of two gradients of slices, if one begins where the other ends. */
function joined(to: Rewriter, x: Value, y: Value): Value | undefined {
  const stretches = [stretchOf(x), stretchOf(y)];
  const [first, second] = stretches.sort((a, b) => (a?.start ?? 0) - (b?.start ?? 0));
  if (first === undefined || second === undefined) return undefined;
  if (first.axis !== second.axis || first.stop !== second.start) return undefined;
  const { axis } = first;
  const { shape } = x.type;
  const parts = to.node("cat", [first.value, second.value], { axis });
  return to.node("slice_grad", [parts], {
    starts: shape.map((_, k) => (k === axis ? first.start : 0)),
    stops: shape.map((extent, k) => (k === axis ? second.stop : extent)),
    steps: shape.map(() => 1),
    shape,
  });
}

/** How many terms of a sum are searched for one that the next may join. */
const MOST_TERMS = 8;

/** `sum` with `part`, a gradient of a slice, joined into the adjacent term. */
function withPart(to: Rewriter, sum: Value, part: Value, terms = MOST_TERMS): Value | undefined {
  if (terms === 0) return undefined;
  const both = joined(to, sum, part);
  if (both !== undefined || !isNodeOf(sum, "add")) return both;
  const [x, y] = sum.inputs;
  const right = isNodeOf(y, "slice_grad") ? joined(to, y, part) : undefined;
  if (right !== undefined) return to.node("add", [x, right]);
  const left = isNodeOf(y, "slice_grad") ? withPart(to, x, part, terms - 1) : joined(to, x, part);
  return left === undefined ? undefined : to.node("add", [left, y]);
}

/** A rewrite of `add`. Nowhere are there more than two terms that are not 0, so that nothing rounds differently. */
export const joinSlices: Rewrite = (to, [x, y]) =>
  isNodeOf(y, "slice_grad") ? withPart(to, x, y) : isNodeOf(x, "slice_grad") ? withPart(to, y, x) : undefined;
