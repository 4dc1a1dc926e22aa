/** When computing a node where it is read repeats little or nothing: what fusion asks of a node and one of its users. */

import { sameShape, sizeOf } from "../../src/core/shape.ts";
import type { Node } from "../../src/ir/types.ts";
import { ints, number } from "../../src/ops/definition.ts";
import { windowsAreDisjoint } from "../../src/ops/max_pool2d.ts";
import { definitionOf } from "../../src/ops/registry.ts";

/** Whether `user` reads each element of `node` about once, so that computing it there repeats nothing. */
export function isCheapIn(node: Node, user: Node): boolean {
  switch (definitionOf(user.op).pattern) {
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
    case "view":
    case "generator":
      return false;
  }
}

/** Disjoint windows that lie wholly inside: each element is read once at most, and without a guard. */
export function windowsCoverOnce(user: Node): boolean {
  const kernel = ints(user.attrs, "kernel");
  const input = user.inputs[0].type.shape;
  return (
    windowsAreDisjoint(user.attrs) &&
    kernel.every((k, axis) => user.type.shape[axis + 2] * k <= input[axis + 2])
  );
}

/** Constants, broadcasts and one-hot rows are cheaper to compute than to load. */
export const isFree = (node: Node): boolean =>
  node.op === "constant" ||
  node.op === "one_hot" ||
  (node.op === "broadcast_to" && sizeOf(node.inputs[0].type.shape) === 1);

/** Truth values as numbers, such as a dropout's mask: a quarter of the memory when each user casts them itself. */
export const widensTruth = (node: Node, users: readonly Node[]): boolean =>
  node.op === "cast" &&
  node.inputs[0].type.dtype === "bool" &&
  users.length > 0 &&
  users.every((user) => ["elementwise", "reduction"].includes(definitionOf(user.op).pattern));

/** Whether `user` works on the elements of `node` one by one, as they are made. */
export const isEpilogue = (node: Node, user: Node): boolean =>
  definitionOf(user.op).pattern === "elementwise" &&
  user.op !== "one_hot" &&
  sameShape(node.type.shape, user.type.shape);

/** Whether `user` is a convolution gradient that can skip the zeros of max_pool2d_grad. */
export function exploitsSparsity(user: Node, node: Node): boolean {
  if (node.op !== "max_pool2d_grad" || !windowsAreDisjoint(node.attrs)) return false;
  const windows = node.inputs[0].type.shape.slice(2);
  const kernel = ints(node.attrs, "kernel");
  if (ints(node.attrs, "inputSize").some((extent, axis) => windows[axis] * kernel[axis] > extent))
    return false;
  const [operand] =
    user.op === "conv2d_weight_grad"
      ? [user.inputs[1]]
      : user.op === "conv2d_input_grad"
        ? [user.inputs[0]]
        : [];
  if (operand !== node) return false;
  const unit = (name: string): boolean => ints(user.attrs, name).every((v) => v === 1);
  return unit("stride") && unit("dilation") && number(user.attrs, "groups") === 1;
}
