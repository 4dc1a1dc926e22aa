/**
 * In-place operations (`p.sub_(…)`). They compute a new version and assign it to the tensor: operations on the old
 * numbers, pending ones included, keep them, and views of the same memory show the new ones (view.ts).
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import { type AlphaOptions, requireTensor } from "./arguments.ts";
import { currentRecorder } from "./context.ts";
import type { ValueOptions } from "./elementary.ts";
import { isGradEnabled } from "./grad-mode.ts";
import { written } from "./index-put.ts";
import { type IndexItem, indexed } from "./indexing.ts";
import { TensorMethods } from "./methods.ts";
import { apply } from "./operation.ts";
import { rememberKept } from "./pending.ts";
import { filling, to } from "./promotion.ts";
import type { Tensor } from "./tensor.ts";
import { ambiguousView, hasSharedElements, ownerOf, sameNumbers, write } from "./view.ts";

export abstract class InPlaceMethods extends TensorMethods {
  /** Like {@link add}, in place; returns this tensor. */
  add_(this: Tensor, other: Tensor | number, options?: AlphaOptions): Tensor {
    return changed(this, "add_", this.add(other, options));
  }
  /** Like {@link sub}, in place; returns this tensor. */
  sub_(this: Tensor, other: Tensor | number, options?: AlphaOptions): Tensor {
    return changed(this, "sub_", this.sub(other, options));
  }
  /** Like {@link mul}, in place; returns this tensor. */
  mul_(this: Tensor, other: Tensor | number): Tensor {
    return changed(this, "mul_", this.mul(other));
  }
  /** Like {@link div}, in place; returns this tensor. */
  div_(this: Tensor, other: Tensor | number): Tensor {
    return changed(this, "div_", this.div(other));
  }
  /** Like {@link neg}, in place; returns this tensor. */
  neg_(this: Tensor): Tensor {
    return changed(this, "neg_", this.neg());
  }
  /** Like {@link exp}, in place; returns this tensor. */
  exp_(this: Tensor): Tensor {
    return changed(this, "exp_", this.exp());
  }
  /** Like {@link sqrt}, in place; returns this tensor. */
  sqrt_(this: Tensor): Tensor {
    return changed(this, "sqrt_", this.sqrt());
  }
  /** Like {@link sin}, in place; returns this tensor. */
  sin_(this: Tensor): Tensor {
    return changed(this, "sin_", this.sin());
  }
  /** Like {@link cos}, in place; returns this tensor. */
  cos_(this: Tensor): Tensor {
    return changed(this, "cos_", this.cos());
  }
  /** Like {@link tanh}, in place; returns this tensor. */
  tanh_(this: Tensor): Tensor {
    return changed(this, "tanh_", this.tanh());
  }
  /** Like {@link sigmoid}, in place; returns this tensor. */
  sigmoid_(this: Tensor): Tensor {
    return changed(this, "sigmoid_", this.sigmoid());
  }
  /** Like {@link abs}, in place; returns this tensor. */
  abs_(this: Tensor): Tensor {
    return changed(this, "abs_", this.abs());
  }
  /** Like {@link floor}, in place; returns this tensor. */
  floor_(this: Tensor): Tensor {
    return changed(this, "floor_", this.floor());
  }
  /** Like {@link ceil}, in place; returns this tensor. */
  ceil_(this: Tensor): Tensor {
    return changed(this, "ceil_", this.ceil());
  }
  /** Like {@link round}, in place; returns this tensor. */
  round_(this: Tensor): Tensor {
    return changed(this, "round_", this.round());
  }
  /** Like {@link trunc}, in place; returns this tensor. */
  trunc_(this: Tensor): Tensor {
    return changed(this, "trunc_", this.trunc());
  }
  /** Like {@link fmod}, in place; returns this tensor. */
  fmod_(this: Tensor, other: Tensor | number): Tensor {
    return changed(this, "fmod_", this.fmod(other));
  }
  /** Like {@link remainder}, in place; returns this tensor. */
  remainder_(this: Tensor, other: Tensor | number): Tensor {
    return changed(this, "remainder_", this.remainder(other));
  }
  /** Like {@link addcmul}, in place; returns this tensor. */
  addcmul_(this: Tensor, a: Tensor, b: Tensor, options?: ValueOptions): Tensor {
    return changed(this, "addcmul_", this.addcmul(a, b, options));
  }
  /** Like {@link addcdiv}, in place; returns this tensor. */
  addcdiv_(this: Tensor, a: Tensor, b: Tensor, options?: ValueOptions): Tensor {
    return changed(this, "addcdiv_", this.addcdiv(a, b, options));
  }
  /** Like {@link lerp}, in place; returns this tensor. */
  lerp_(this: Tensor, end: Tensor, weight: Tensor | number): Tensor {
    return changed(this, "lerp_", this.lerp(end, weight));
  }
  /** Like {@link relu}, in place; returns this tensor. */
  relu_(this: Tensor): Tensor {
    return changed(this, "relu_", this.relu());
  }
  /** Like {@link clamp}, in place; returns this tensor. */
  clamp_(this: Tensor, min?: Tensor | number, max?: Tensor | number): Tensor {
    return changed(this, "clamp_", this.clamp(min, max));
  }
  /** Copies the numbers of `source`, converted to this tensor's dtype and broadcast to its shape. */
  copy_(this: Tensor, source: Tensor): Tensor {
    requireTensor("copy_", source);
    return changed(this, "copy_", copied(to(source, this.dtype), this));
  }
  /** Fills the tensor with `value`. */
  fill_(this: Tensor, value: number): Tensor {
    return changed(this, "fill_", constantLike(this, value, "fill_"), true);
  }
  /** Fills the tensor with zeros. */
  zero_(this: Tensor): Tensor {
    return changed(this, "zero_", constantLike(this, 0, "zero_"), true);
  }
  /**
   * Assignment to an index in PyTorch: `x.indexPut_([0, rows], value)` is `x[0, rows] = value`. With a bool mask among
   * the items, one value is written wherever it is true. With `accumulate`, values are added, once for each time a
   * position occurs.
   */
  indexPut_(this: Tensor, items: readonly IndexItem[], value: Tensor | number, accumulate = false): Tensor {
    const { part, places } = indexed("indexPut", this, items);
    changed(part, "indexPut_", written(part, places, value, accumulate));
    return this;
  }
  /** A copy of the tensor with values written as by {@link indexPut_}. */
  indexPut(this: Tensor, items: readonly IndexItem[], value: Tensor | number, accumulate = false): Tensor {
    return this.clone().indexPut_(items, value, accumulate);
  }
  /** Like {@link maskedFill}, in place; returns this tensor. */
  maskedFill_(this: Tensor, mask: Tensor, value: Tensor | number): Tensor {
    return changed(this, "maskedFill_", this.maskedFill(mask, value));
  }
  /** Like {@link tril}, in place; returns this tensor. */
  tril_(this: Tensor, diagonal?: number): Tensor {
    return changed(this, "tril_", this.tril(diagonal));
  }
  /** Like {@link triu}, in place; returns this tensor. */
  triu_(this: Tensor, diagonal?: number): Tensor {
    return changed(this, "triu_", this.triu(diagonal));
  }
  /** Like {@link scatter}, in place; returns this tensor. */
  scatter_(this: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor {
    return changed(this, "scatter_", this.scatter(dim, index, src));
  }
  /** Like {@link scatterAdd}, in place; returns this tensor. */
  scatterAdd_(this: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
    return changed(this, "scatterAdd_", this.scatterAdd(dim, index, src));
  }
  /** Like {@link indexAdd}, in place; returns this tensor. */
  indexAdd_(this: Tensor, dim: number, index: Tensor, source: Tensor, options?: AlphaOptions): Tensor {
    return changed(this, "indexAdd_", this.indexAdd(dim, index, source, options));
  }
  /** Like {@link indexCopy}, in place; returns this tensor. */
  indexCopy_(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    return changed(this, "indexCopy_", this.indexCopy(dim, index, source));
  }
  /** Like {@link indexFill}, in place; returns this tensor. */
  indexFill_(this: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
    return changed(this, "indexFill_", this.indexFill(dim, index, value));
  }
}

/** A tensor of the same type in which every element is `value`. */
export const constantLike = (like: Tensor, value: number, callee: string): Tensor =>
  apply("broadcast_to", [filling(callee, value, like.dtype)], { shape: like.shape });

/** The new value of `target` with the numbers of `source`; gradients pass if they are recorded. */
function copied(source: Tensor, { shape }: Tensor): Tensor {
  const isAsItIs = sameShape(source.shape, shape);
  // What a view showed in a trace before is no value of this one: `behind` shows what it shows now.
  const isTraced = source.behind.kind === "traced";
  if (!isAsItIs || isTraced !== (currentRecorder() !== undefined))
    return apply("broadcast_to", [source], { shape });
  if (isGradEnabled() && source.requiresGrad)
    return isTraced ? source : apply("broadcast_to", [source], { shape });
  return sameNumbers(source);
}

/** Makes `target` refer to `result`; PyTorch's rules say when that is allowed. */
function changed(target: Tensor, method: string, result: Tensor, isOneValue = false): Tensor {
  if (!sameShape(result.shape, target.shape)) {
    throw new KilnError(
      `${method} cannot change the shape of its tensor from ${formatShape(target.shape)} to the broadcast ` +
        `${formatShape(result.shape)}: use the operation that returns a new tensor`,
    );
  }
  if (result.dtype !== target.dtype) {
    throw new KilnError(`${method} cannot turn its ${target.dtype} tensor into ${result.dtype}`);
  }
  if (!isOneValue && hasSharedElements(target)) {
    throw new KilnError(
      `${method} would write several numbers to one place, for expand() repeats elements without copying them: ` +
        "clone() the tensor first",
    );
  }
  const numbersOnly = !isGradEnabled();
  if (!numbersOnly) requireRecordable(target, method, result);
  const recorder = currentRecorder();
  if (recorder !== undefined) recorder.change(ownerOf(target));
  else {
    // A version that only this operation has read need not be stored.
    if (target.version.uses <= 1) target.version.isSaved = false;
    rememberKept(result.version);
  }
  write(target, result, numbersOnly);
  return target;
}

/**
 * Gives a parameter the numbers of `result`, which obey a constraint, before it is used; its history stays what it is.
 */
export function constrain(parameter: Tensor, result: Tensor): void {
  currentRecorder()?.change(ownerOf(parameter), true);
  write(parameter, result, true);
}

/** Throws where `backward` could not go back through the change. */
function requireRecordable(target: Tensor, method: string, result: Tensor): void {
  const isLearned = (tensor: Tensor): boolean => !tensor.isTraced && tensor.isLeaf && tensor.requiresGrad;
  const { memory, bond } = target.link ?? {};
  const base = memory?.tensor;
  const isLearnedBase = bond === "view" && base !== undefined && isLearned(base);
  if (isLearned(target) || isLearnedBase) {
    throw new KilnError(
      `${method} would change ${isLearnedBase ? "a view of a leaf" : "a leaf"} that requires gradients, which backward ` +
        "could not undo: do it inside noGrad(() => …)",
    );
  }
  if (bond === "noGrad" && (result.requiresGrad || base?.requiresGrad)) throw ambiguousView();
}
