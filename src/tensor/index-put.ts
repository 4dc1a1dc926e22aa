/** Writing to what brackets name in PyTorch: the other side of indexing.ts, and masks. */

import { formatShape, sameShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { asOperand, refuse } from "./arguments.ts";
import { fitted, mergedAxes, type Place, partAmong, singleAmong } from "./indexing.ts";
import { flatIndex } from "./lookup.ts";
import { apply } from "./operation.ts";
import { filling, to } from "./promotion.ts";
import { where } from "./rearrange.ts";
import { withParts } from "./scatter.ts";
import type { Tensor } from "./tensor.ts";

/** `part` with `value` at the places that tensors name, or with it added there; of a mask, wherever it is true. */
export function written(
  part: Tensor,
  places: readonly Place[],
  value: Tensor | number,
  accumulate: boolean,
): Tensor {
  const given = asOperand("indexPut", value, (number) => filling("indexPut", number, part.dtype));
  return put(part, places, to(given, part.dtype), accumulate);
}

function put(part: Tensor, places: readonly Place[], value: Tensor, accumulate: boolean): Tensor {
  const mask = places.find(({ index }) => index.dtype === "bool");
  if (mask !== undefined) {
    if (places.length > 1)
      return refuse(
        "indexPut takes a bool mask by itself or with numbers and slices, not with other tensors",
      );
    return masked(part, mask, value, accumulate);
  }
  if (places.length === 0) {
    const whole = fitted("indexPut", value, part.shape);
    return accumulate ? part.add(whole) : whole;
  }
  const single = singleAmong(places);
  if (single !== undefined) {
    const { axis, index } = single.place;
    const inner = put(partAmong(part, single.place), single.others, value, accumulate);
    const position = flatIndex("indexPut", [index.reshape(1)], [part.shape[axis]], true);
    return withParts(part, axis, position, () => inner.unsqueeze(axis));
  }
  const { merged, axis, position, apart } = mergedAxes("indexPut", part, places);
  const count = position.numel();
  const [before, after] = [merged.shape.slice(0, axis), merged.shape.slice(axis + 1)];
  const values = fitted("indexPut", value, [...before, ...position.shape, ...after]);
  if (count === 0) return part.clone();
  const list = position.reshape(count);
  const listed = values.reshape([...before, count, ...after]);
  return apart(
    accumulate
      ? merged.add(apply("index_add", [listed, list], { axis, shape: merged.shape }))
      : withParts(merged, axis, list, (winner) => apply("index_select", [listed, winner], { axis })),
  );
}

/** The part with `value` where the mask is true; the shape of the value must not depend on how many those are. */
function masked(part: Tensor, { axis, index: mask }: Place, value: Tensor, accumulate: boolean): Tensor {
  const covered = part.shape.slice(axis, axis + mask.ndim);
  if (!sameShape(covered, mask.shape))
    return refuse(`indexPut needs a mask of the shape ${formatShape(covered)}, not ${describe(mask)}`);
  const behind = part.ndim - axis - mask.ndim;
  const count = value.ndim - 1 - behind;
  if (count >= 0 && value.shape[count] !== 1)
    return refuse(
      `indexPut by a mask writes one value wherever it is true, but ${describe(value)} has ${value.shape[count]}, and how ` +
        "many are needed depends on data: write where(mask, values, x) with values for all places",
    );
  const ones = mask.shape.map(() => 1);
  const spread =
    count < 0
      ? value
      : value.reshape([...value.shape.slice(0, count), ...ones, ...value.shape.slice(count + 1)]);
  const aligned = mask.reshape([...mask.shape, ...Array(behind).fill(1)]);
  const whole = fitted("indexPut", spread, part.shape);
  return where(aligned, accumulate ? part.add(whole) : whole, part);
}
