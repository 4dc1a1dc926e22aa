/**
 * Decides whether computing a node where it is read repeats little
 * or nothing: fusion's questions about a node and a user.
 */

import { byteSize, isFloat } from "../../src/core/dtype.ts";
import { sameShape, sizeOf } from "../../src/core/shape.ts";
import { operandsOf, producerOf } from "../../src/ir/body.ts";
import type { Node, TensorType, Value } from "../../src/ir/types.ts";
import { ints } from "../../src/ops/definition.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** Whether `user` reads each element of `node` about once, so that computing it there repeats nothing. */
export function isCheapIn(node: Node, user: Node): boolean {
  switch (definitionOf(user).pattern) {
    case "elementwise":
      return sizeOf(node.type.shape) === sizeOf(user.type.shape) || sizeOf(node.type.shape) === 1;
    case "row":
    case "reduction":
      return true;
    case "window":
      return windowsCoverOnce(user);
    case "contraction":
      return exploitsSparsity(user, node);
    case "sparse":
      return definitionOf(node).pattern === "elementwise" && movesWhole(user);
    case "view":
    case "generator":
    case "loop":
    case "result":
      return false;
  }
}

/** Whether a window reads each element of its input once at most, and without a guard. */
export const windowsCoverOnce = (user: Node): boolean =>
  definitionOf(user).readsOnce?.(operandsOf(user)[0].type, user.type, producerOf(user).attrs) ?? false;

/** The most window sums that registers hold at once. */
const MOST_IN_WINDOW = 9;

/** Whether a window takes the elements of a product from the registers that they are accumulated in. */
export const holdsContraction = (user: Node): boolean =>
  definitionOf(user).holdsContraction === true &&
  windowsCoverOnce(user) &&
  sizeOf(operandsOf(user)[0].type.shape) <= MOST_IN_WINDOW * sizeOf(user.type.shape);

/** Whether `node` is another view of the memory of its operand. */
export const isView = (node: Node): boolean => definitionOf(node).pattern === "view";

/** Whether an element of `node` costs less to compute than to load. */
export const isFree = (node: Node): boolean => definitionOf(node).isFree?.(typesOf(node)) ?? false;

/**
 * Narrow elements made wider, such as a dropout's boolean mask: it takes less memory if each user widens them itself.
 */
export const widens = (node: Node, users: readonly Node[]): boolean =>
  definitionOf(node).pattern === "elementwise" &&
  node.inputs.length === 1 &&
  byteSize(node.inputs[0].type.dtype) < byteSize(node.type.dtype) &&
  users.length > 0 &&
  users.every((user) => ["elementwise", "reduction"].includes(definitionOf(user).pattern));

/**
 * Booleans computed from something smaller, such as a mask of two
 * rows of positions: computing them costs no more than loading.
 */
export const isOuter = (node: Node): boolean =>
  definitionOf(node).pattern === "elementwise" &&
  node.type.dtype === "bool" &&
  node.inputs.every(({ type }) => sizeOf(type.shape) < sizeOf(node.type.shape));

/** Whether `user` reorders all elements of its operand. */
export const movesWhole = (user: Node): boolean => {
  const { pattern, movement } = definitionOf(user);
  return pattern === "sparse" && movement?.keepsAll === true;
};

/** Whether `user` works on the elements of `node` one by one, as they are computed. */
export const isEpilogue = (node: Node, user: Node): boolean =>
  definitionOf(user).pattern === "elementwise" && sameShape(node.type.shape, user.type.shape);

/** A reduction over trailing axes, spread over them again: computed once per row before the row's loop. */
export function isRowConstant(node: Node, user: Node): boolean {
  const { attrs } = producerOf(node);
  if (attrs.keepdim !== true) return false;
  const rank = node.type.shape.length;
  const axes = ints(attrs, "axes");
  const trailing = axes.every((axis, k) => axis === rank - axes.length + k);
  return trailing && definitionOf(user).pattern === "elementwise" && user.type.shape.length === rank;
}

/** Whether `user` can skip the zeros that `node` mostly consists of. */
export function exploitsSparsity(user: Node, node: Node): boolean {
  if (!definitionOf(node).isMostlyZero?.(typesOf(node), node.attrs)) return false;
  const operand = definitionOf(user).skipsZerosOf?.(user.attrs);
  return operand !== undefined && operandsOf(user)[operand] === node;
}

/** Whether some users compare the exact numbers of `node`. Integers are exact however they are computed. */
export const isCompared = (node: Node, users: readonly Node[]): boolean =>
  isFloat(node.type.dtype) &&
  users.some((user) => definitionOf(user).compares?.some((k) => operandsOf(user)[k] === node));

/** Whether a reduction leaves an axis along which the rows of `node` lie. */
export function reducesAcross(node: Node, { attrs, inputs }: Node): boolean {
  if (!Array.isArray(attrs.axes)) return false;
  const { shape } = node.type;
  const further = inputs[0].type.shape.length - shape.length;
  const reduced = new Set(ints(attrs, "axes"));
  return definitionOf(node).rowAxes!(shape, producerOf(node).attrs).some(
    (axis) => !reduced.has(axis + further),
  );
}

const typesOf = (node: Node): TensorType[] => operandsOf(node).map(({ type }) => type);

/** A value that is this many times smaller than another is negligible beside it, such as one weight for each column. */
const SMALL = 8;

export const isSmallBeside = (value: Value, other: Value): boolean =>
  SMALL * sizeOf(value.type.shape) <= sizeOf(other.type.shape);
