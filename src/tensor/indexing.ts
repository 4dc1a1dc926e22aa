/**
 * PyTorch's indexing, as one list of items: numbers, slices, "...", null for a new axis, and int32 tensors. All but
 * tensors make views; tensors make copies, and several of them are broadcast together. Names and form are those of
 * PyTorch's C++ library (`x.index({0, Slice(1, 3), "...", None, rows})`).
 */

import { describeValue } from "../core/describe-value.ts";
import { formatShape, sameShape, sizeOf } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { refuse } from "./arguments.ts";
import { flatIndex } from "./lookup.ts";
import { apply } from "./operation.ts";
import { movedim, select, slice as sliced } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";

/** `start:stop:step` of one axis; what is missing means the axis's ends and steps of 1. */
export interface Slice {
  /** The first position (default: the first of the axis). */
  readonly start?: number | null;
  /** The position before which it ends (default: behind the last). */
  readonly stop?: number | null;
  /** The step (default: 1). */
  readonly step?: number | null;
}

/** An index of an axis; "..." means all axes that no other item is for, `null` a new one. */
export type IndexItem = number | Slice | "..." | null | Tensor;

/**
 * `start:stop:step` for {@link IndexItem}; `slice()` is a whole axis. As PyTorch's Slice in C++, one number is where it
 * starts.
 */
export const slice = (start?: number | null, stop?: number | null, step?: number | null): Slice => ({
  start: start ?? null,
  stop: stop ?? null,
  step: step ?? null,
});

/** A tensor among the items, and the first axis that it is for. */
export interface Place {
  readonly axis: number;
  readonly index: Tensor;
}

/** The result of the items: a view of the input, and the axes of it that tensors index. */
export interface Indexed {
  readonly part: Tensor;
  readonly places: readonly Place[];
}

const isTensor = (item: unknown): item is Tensor =>
  typeof item === "object" && item !== null && Array.isArray((item as Tensor).shape) && "dtype" in item;

const isSlice = (item: unknown): item is Slice =>
  typeof item === "object" &&
  item !== null &&
  !Array.isArray(item) &&
  Object.keys(item).every((key) => ["start", "stop", "step"].includes(key));

/** How many axes of the input an item is for. */
function axesFor(callee: string, item: unknown): number {
  if (item === null || item === "...") return 0;
  if (isTensor(item)) {
    if (item.dtype === "bool") return item.ndim;
    if (item.dtype !== "int32")
      return refuse(
        `${callee} takes tensors of int32, or masks of bool, but got ${describe(item)}; use .int()`,
      );
    return 1;
  }
  if (typeof item === "number" || isSlice(item)) return 1;
  const advice = Array.isArray(item) ? ': positions come as tensor([...], { dtype: "int32" })' : "";
  return refuse(
    `${callee} takes numbers, slice(start, stop, step), "...", null and tensors, not ${describeValue(item)}${advice}`,
  );
}

/** Follows all items but tensors. */
export function indexed(callee: string, input: Tensor, items: readonly IndexItem[]): Indexed {
  if (!Array.isArray(items))
    return refuse(`${callee} takes its items as a list, not ${describeValue(items)}`);
  const named = items.reduce<number>((sum, item) => sum + axesFor(callee, item), 0);
  const rest = items.filter((item) => item === "...").length;
  if (rest > 1) return refuse(`${callee} can have "..." in one place only`);
  if (named > input.ndim)
    return refuse(`${callee} is given items for ${named} axes, more than ${describe(input)} has`);
  let part = input;
  let axis = 0;
  const places: Place[] = [];
  for (const item of items) {
    if (item === "...") axis += input.ndim - named;
    else if (item === null) part = part.unsqueeze(axis++);
    else if (typeof item === "number") part = partAt(callee, part, axis, item);
    else if (isTensor(item)) {
      places.push({ axis, index: item });
      axis += axesFor(callee, item);
    } else part = between(callee, part, axis++, item);
  }
  return { part, places };
}

function partAt(callee: string, part: Tensor, axis: number, position: number): Tensor {
  const extent = part.shape[axis];
  if (!Number.isInteger(position) || position < -extent || position >= extent)
    return refuse(
      `${callee} is given the position ${position}, outside of ${-extent}..${extent - 1} along axis ${axis} of ${describe(part)}`,
    );
  return select(part, axis, position);
}

function between(callee: string, part: Tensor, axis: number, item: Slice): Tensor {
  const { start, stop, step } = item;
  for (const bound of [start, stop, step])
    if (bound !== undefined && bound !== null && !Number.isInteger(bound) && Math.abs(bound) !== Infinity)
      refuse(`${callee} needs whole numbers in slices, not ${describeValue(bound)}`);
  const by = step ?? 1;
  if (by < 1) refuse(`${callee} needs slices with a positive step, not ${by}: flip reverses an axis`);
  const isWhole = (start ?? 0) === 0 && (stop ?? Infinity) === Infinity && by === 1;
  return isWhole ? part : sliced(part, axis, start ?? 0, stop ?? Number.POSITIVE_INFINITY, by);
}

/** The elements of a tensor that items name. */
export function index(input: Tensor, items: readonly IndexItem[]): Tensor {
  const { part, places } = indexed("index", input, items);
  if (places.some(({ index }) => index.dtype === "bool"))
    return refuse(
      "index with a bool mask would have as many elements as the mask has true ones, a shape that depends on data: use " +
        "where(mask, x, 0) or x.maskedFill(mask, 0) to keep the shape, or indexPut to write by a mask",
    );
  return places.length === 0 && part === input ? input.reshape(input.shape) : read(part, places);
}

function read(part: Tensor, places: readonly Place[]): Tensor {
  if (places.length === 0) return part;
  const single = singleAmong(places);
  if (single !== undefined) return read(partAmong(part, single.place), single.others);
  const { merged, axis, position } = mergedAxes("index", part, places);
  return apply("index_select", [merged, position], { axis });
}

/** A tensor of one number selects as that number would; the axes behind the one that this takes away count one less. */
export function singleAmong(places: readonly Place[]) {
  const place = places.find(({ index }) => index.ndim === 0);
  if (place === undefined) return undefined;
  const others = places
    .filter((other) => other !== place)
    .map(({ axis, index }) => ({ axis: axis > place.axis ? axis - 1 : axis, index }));
  return { place, others };
}

/** The part at the position that a tensor of one number names, without that axis. */
export const partAmong = (part: Tensor, { axis, index }: Place): Tensor =>
  apply("index_select", [part, flatIndex("index", [index], [part.shape[axis]], true)], { axis });

/**
 * The tensor with all axes that are indexed by tensors merged into one, and the positions on it. The merged axis is in
 * their place if they are adjacent, else in front: that is where the axes of the index go, as in PyTorch.
 */
export function mergedAxes(callee: string, part: Tensor, places: readonly Place[]) {
  const axes = places.map(({ axis }) => axis);
  const isTogether = axes.every((axis, k) => axis === axes[0] + k);
  const axis = isTogether ? axes[0] : 0;
  const moved = isTogether
    ? part
    : movedim(
        part,
        axes,
        axes.map((_, k) => k),
      );
  const extents = axes.map((own) => part.shape[own]);
  const shape = [...moved.shape.slice(0, axis), sizeOf(extents), ...moved.shape.slice(axis + axes.length)];
  const position = flatIndex(
    callee,
    places.map((place) => place.index),
    extents,
    true,
  );
  const merged = axes.length === 1 ? moved : moved.reshape(shape);
  /** What has the shape of `merged`, with the axes as they were. */
  const apart = (x: Tensor): Tensor => {
    const split = axes.length === 1 ? x : x.reshape(moved.shape);
    return isTogether
      ? split
      : movedim(
          split,
          axes.map((_, k) => k),
          axes,
        );
  };
  return { merged, axis, position, apart };
}

/** `value` without leading axes of extent 1 that `shape` has no place for, broadcast to it. */
export function fitted(callee: string, value: Tensor, shape: readonly number[]): Tensor {
  const added = Math.max(0, value.ndim - shape.length);
  const own = value.shape.slice(0, added).every((extent) => extent === 1)
    ? value.shape.slice(added)
    : value.shape;
  const skipped = shape.length - own.length;
  if (skipped < 0 || !own.every((extent, k) => extent === 1 || extent === shape[k + skipped]))
    return refuse(`${callee} cannot write ${describe(value)} to a part of the shape ${formatShape(shape)}`);
  const bare = sameShape(own, value.shape) ? value : value.reshape(own);
  return apply("broadcast_to", [bare], { shape });
}
