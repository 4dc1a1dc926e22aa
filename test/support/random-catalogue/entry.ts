/**
 * The entries in the tables of random models' parts: how a layer or a function is made from a shape and three numbers.
 */

import type { nn, Tensor } from "kiln-js";
import type { Shape } from "../../../src/core/shape.ts";

/** Numbers from which an entry picks its options. */
export interface Draws {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

export type MakeLayer = (shape: Shape, draws: Draws) => nn.Module;

/** How to call a layer that takes or returns more than one tensor; `y` has the shape of `x`. */
export type CallLayer = (layer: nn.Module, x: Tensor, y: Tensor, draws: Draws) => Tensor;

/** A layer: how to construct it, and how to call it if not by `layer.forward(x)`. */
export type LayerEntry = MakeLayer | { readonly make: MakeLayer; readonly call: CallLayer };

/**
 * The arguments of a function besides its first operand: another
 * one of the same shape, an axis that is not the batch's.
 */
export interface Operands extends Draws {
  readonly y: Tensor;
  readonly axis: number;
}

/** A function of tensors, as a step of a net: its result keeps the batch as its first axis. */
export type FunctionEntry = (x: Tensor, operands: Operands) => Tensor;

export type LayerTable = Readonly<Record<string, LayerEntry>>;
export type FunctionTable = Readonly<Record<string, FunctionEntry>>;

/** An entry of a layer that is called in a special way. */
export const called = <M extends nn.Module>(
  make: (shape: Shape, draws: Draws) => M,
  call: (layer: M, x: Tensor, y: Tensor, draws: Draws) => Tensor,
): LayerEntry => ({
  make,
  call: (layer: nn.Module, x: Tensor, y: Tensor, draws: Draws) => call(layer as M, x, y, draws),
});

/** A number from 1 to `most`. */
export const small = (n: number, most: number): number => 1 + (n % most);

/** A number below one, away from kinks: what is 0 or 1 in exact arithmetic stays off the jumps of floor and sign. */
export const OFF = 0.37;

/** Integers derived from a tensor: they jump, so nothing is differentiated through them. */
export const wholeOf = (x: Tensor): Tensor => x.mul(1.3).add(OFF).floor().int();

/** `x` plus something that has no gradient. */
export const beside = (x: Tensor, value: Tensor): Tensor => x.add(value.float().mul(0.3));

/** `x`, made to depend on all elements of `value`, of any shape. */
export const seen = (x: Tensor, value: Tensor): Tensor => x.add(value.square().mean());

/** The extent of the last axis. */
export const last = (shape: Shape): number => shape[shape.length - 1];
