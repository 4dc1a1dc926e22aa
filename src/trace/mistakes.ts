/** Messages for models that a trace cannot represent as they are written. */

import { formatShape } from "../core/shape.ts";
import { outsideBody, Tensor } from "../tensor/tensor.ts";

/** Of a tensor that wants gradients and would be frozen into the program. */
export const untrained = ({ dtype, shape, isLeaf }: Tensor): string =>
  isLeaf
    ? `forward uses a parameter ${dtype}[${shape}] that is not part of the model, so it would not be trained: keep ` +
      "layers and parameters in fields, lists of them in nn.ModuleList; noGrad or detach() says that it is a constant"
    : `forward uses a tensor ${dtype}[${shape}] that was computed from parameters before it ran, so that no gradient ` +
      "would reach them: compute it inside forward; noGrad or detach() says that it is a constant";

export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** The value that was returned instead of a tensor. */
export function described(result: unknown): string {
  if (result instanceof Promise) return "a promise: forward is not async, and awaits nothing";
  if (Array.isArray(result)) return "a list with something else in it, or nothing";
  return result === null || result === undefined ? "nothing" : `a ${typeof result}`;
}

export const keepsTensor = (path: string): string =>
  `forward keeps a tensor in ${path}, which a compiled model does not carry from one run to the next: ` +
  "make it a buffer with registerBuffer, and change it with copy_";

export const changesNumber = (path: string): string =>
  `forward changes the number ${path}, which happens once in a compiled model, when it is traced, and not in each ` +
  "run: make it a buffer with registerBuffer, and change it with add_ or copy_";

export const assignsTo = (what: string): string =>
  `forward assigns to ${what}: in a compiled model only buffers change, which registerBuffer makes, and parameters ` +
  "that want no gradient; others change with the optimizer's step";

export const changesOutside = ({ dtype, shape }: Tensor): string =>
  `the body of a scan changes a tensor ${dtype}[${shape}] from outside of it in place, a buffer such as those of batch ` +
  "norm or another: its iterations hand on nothing but what is carried, so carry it, or change it outside";

export const saysNoTarget = (loss: string): string =>
  `${loss} does not say what targets it compares with: give their shapes, such as targets: [[64, 10]], or give it a ` +
  "method targetType(output) that returns { shape, dtype }";

export const givenToLoss = (loss: string, takes: number, outputs: number, targets: number): string =>
  `${loss} takes ${counted(takes, "tensor")}, and is given ${counted(outputs, "output")} of the model and ` +
  `${counted(targets, "target")}: a loss of your own can take them all, a module whose forward(...outputs, ...targets) ` +
  "returns one tensor";

/** Of a metric, or one of several losses, that is no number. */
export const wantsNumber = (name: string, given: unknown): string =>
  `${name} must be one number, such as a mean, not ${given instanceof Tensor ? typeOf(given) : described(given)}`;

export const typeOf = ({ dtype, shape }: Tensor): string => `${dtype}${formatShape(shape)}`;

/** A tensor is used that another trace has made, or the body of a loop. */
export const ofAnotherTrace = (isBody: boolean): string =>
  isBody
    ? outsideBody("forward")
    : "a tensor of another trace is used here: build everything inside forward from its inputs";
