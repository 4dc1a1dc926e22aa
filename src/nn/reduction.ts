/** What the losses share, as modules and as functions: their options, their shapes, and how elements become one number. */

import { KilnError } from "../core/errors.ts";
import { sameShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { Tensor } from "../tensor/tensor.ts";
import { withOrigin } from "../tensor/with-origin.ts";
import { Arguments } from "./options.ts";

/** Whether a loss is averaged, summed or left as it is. */
export type Reduction = "mean" | "sum" | "none";

/** The options of every loss. */
export interface LossOptions {
  /** Default: "mean". */
  readonly reduction?: Reduction;
}

/** The named arguments of losses that weigh elements or classes. */
export interface WeightedLossOptions extends LossOptions {
  /** What each element or class counts (default: 1). */
  readonly weight?: Tensor;
}

const REDUCTIONS: readonly Reduction[] = ["mean", "sum", "none"];

/** The checked reduction among a loss's arguments. */
export const reductionOf = (given: Arguments): Reduction => given.choice("reduction", REDUCTIONS, "mean");

/** The checked option of a loss that has no other. */
export const readReduction = (callee: string, options?: LossOptions): Reduction =>
  reductionOf(new Arguments(callee, [options], [], ["reduction"]));

/** A tensor among a loss's options, if it is there. */
export function tensorOption<Name extends string>(
  callee: string,
  options: { readonly [Key in Name]?: unknown } | undefined,
  name: Name,
): Tensor | undefined {
  const value: unknown = options?.[name];
  if (value === undefined || value instanceof Tensor) return value;
  throw new KilnError(`${callee}'s ${name} must be a tensor, such as tensor([1, 2]), not a ${typeof value}`);
}

/** A loss's options where its first argument may be a tensor in PyTorch, which then stands for `weight`. */
export const withWeight = <Options extends WeightedLossOptions>(
  first: Tensor | Options | undefined,
  others: Options | undefined,
): WeightedLossOptions | Options | undefined =>
  first instanceof Tensor ? { weight: first, ...others } : { ...others, ...first };

/** The losses of single elements as their mean, their sum or themselves. */
export function reduced(losses: Tensor, reduction: Reduction): Tensor {
  switch (reduction) {
    case "mean":
      return losses.mean();
    case "sum":
      return losses.sum();
    case "none":
      return losses;
    default:
      return reduction satisfies never;
  }
}

/** Throws if something else is given for a tensor. */
export function requireTensors(callee: string, tensors: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(tensors))
    if (!(value instanceof Tensor)) refuse(`${callee} expects a tensor as ${name} but got ${typeof value}`);
}

/** Throws unless all tensors have one shape: a broadcast target is nearly always a mistake. */
export function requireSameShape(callee: string, tensors: Readonly<Record<string, Tensor>>): void {
  requireTensors(callee, tensors);
  const shapes = Object.values(tensors).map(({ shape }) => shape);
  if (shapes.every((shape) => sameShape(shape, shapes[0]))) return;
  const listed = Object.entries(tensors).map(([name, t]) => `${name} ${describe(t)}`);
  refuse(`${callee} expects tensors of one shape but got ${listed.join(", ")}`);
}

/** Reports a user's mistake with the line of the model that is being traced. */
export const refuse = (message: string): never =>
  withOrigin(() => {
    throw new KilnError(message);
  });

/** The axis on which scores of `rank` dimensions have their classes. */
export const classAxis = (rank: number): number => (rank === 1 ? 0 : 1);
