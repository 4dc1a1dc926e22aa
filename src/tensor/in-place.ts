/**
 * Operations in place (`p.sub_(…)`). They compute a new version and make the tensor stand for it: what was computed from
 * the old numbers, or still waits to be, keeps them, and views of the same memory show the new ones (view.ts).
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
  /** As {@link add}, written to this tensor, which it gives back. */
  add_(this: Tensor, other: Tensor | number, options?: AlphaOptions): Tensor {
    return changed(this, "add_", this.add(other, options));
  }
  /** As {@link sub}, written to this tensor, which it gives back. */
  sub_(this: Tensor, other: Tensor | number, options?: AlphaOptions): Tensor {
    return changed(this, "sub_", this.sub(other, options));
  }
  /** As {@link mul}, written to this tensor, which it gives back. */
  mul_(this: Tensor, other: Tensor | number): Tensor {
    return changed(this, "mul_", this.mul(other));
  }
  /** As {@link div}, written to this tensor, which it gives back. */
  div_(this: Tensor, other: Tensor | number): Tensor {
    return changed(this, "div_", this.div(other));
  }
  /** As {@link neg}, written to this tensor, which it gives back. */
  neg_(this: Tensor): Tensor {
    return changed(this, "neg_", this.neg());
  }
  /** As {@link exp}, written to this tensor, which it gives back. */
  exp_(this: Tensor): Tensor {
    return changed(this, "exp_", this.exp());
  }
  /** As {@link sqrt}, written to this tensor, which it gives back. */
  sqrt_(this: Tensor): Tensor {
    return changed(this, "sqrt_", this.sqrt());
  }
  /** As {@link sin}, written to this tensor, which it gives back. */
  sin_(this: Tensor): Tensor {
    return changed(this, "sin_", this.sin());
  }
  /** As {@link cos}, written to this tensor, which it gives back. */
  cos_(this: Tensor): Tensor {
    return changed(this, "cos_", this.cos());
  }
  /** As {@link tanh}, written to this tensor, which it gives back. */
  tanh_(this: Tensor): Tensor {
    return changed(this, "tanh_", this.tanh());
  }
  /** As {@link sigmoid}, written to this tensor, which it gives back. */
  sigmoid_(this: Tensor): Tensor {
    return changed(this, "sigmoid_", this.sigmoid());
  }
  /** As {@link abs}, written to this tensor, which it gives back. */
  abs_(this: Tensor): Tensor {
    return changed(this, "abs_", this.abs());
  }
  /** As {@link floor}, written to this tensor, which it gives back. */
  floor_(this: Tensor): Tensor {
    return changed(this, "floor_", this.floor());
  }
  /** As {@link ceil}, written to this tensor, which it gives back. */
  ceil_(this: Tensor): Tensor {
    return changed(this, "ceil_", this.ceil());
  }
  /** As {@link round}, written to this tensor, which it gives back. */
  round_(this: Tensor): Tensor {
    return changed(this, "round_", this.round());
  }
  /** As {@link trunc}, written to this tensor, which it gives back. */
  trunc_(this: Tensor): Tensor {
    return changed(this, "trunc_", this.trunc());
  }
  /** As {@link fmod}, written to this tensor, which it gives back. */
  fmod_(this: Tensor, other: Tensor | number): Tensor {
    return changed(this, "fmod_", this.fmod(other));
  }
  /** As {@link remainder}, written to this tensor, which it gives back. */
  remainder_(this: Tensor, other: Tensor | number): Tensor {
    return changed(this, "remainder_", this.remainder(other));
  }
  /** As {@link addcmul}, written to this tensor, which it gives back. */
  addcmul_(this: Tensor, a: Tensor, b: Tensor, options?: ValueOptions): Tensor {
    return changed(this, "addcmul_", this.addcmul(a, b, options));
  }
  /** As {@link addcdiv}, written to this tensor, which it gives back. */
  addcdiv_(this: Tensor, a: Tensor, b: Tensor, options?: ValueOptions): Tensor {
    return changed(this, "addcdiv_", this.addcdiv(a, b, options));
  }
  /** As {@link lerp}, written to this tensor, which it gives back. */
  lerp_(this: Tensor, end: Tensor, weight: Tensor | number): Tensor {
    return changed(this, "lerp_", this.lerp(end, weight));
  }
  /** As {@link relu}, written to this tensor, which it gives back. */
  relu_(this: Tensor): Tensor {
    return changed(this, "relu_", this.relu());
  }
  /** As {@link clamp}, written to this tensor, which it gives back. */
  clamp_(this: Tensor, min?: Tensor | number, max?: Tensor | number): Tensor {
    return changed(this, "clamp_", this.clamp(min, max));
  }
  /** Takes over the numbers of `source`, in this tensor's dtype and broadcast to its shape. */
  copy_(this: Tensor, source: Tensor): Tensor {
    requireTensor("copy_", source);
    return changed(this, "copy_", copied(to(source, this.dtype), this));
  }
  /** Writes `value` everywhere. */
  fill_(this: Tensor, value: number): Tensor {
    return changed(this, "fill_", constantLike(this, value, "fill_"), true);
  }
  /** Writes 0 everywhere. */
  zero_(this: Tensor): Tensor {
    return changed(this, "zero_", constantLike(this, 0, "zero_"), true);
  }
  /**
   * Writes to what brackets name in PyTorch: `x.indexPut_([0, rows], value)` is `x[0, rows] = value`. A bool mask among the
   * items has one value written wherever it is true. With `accumulate` it is added instead, as often as a place is named.
   */
  indexPut_(this: Tensor, items: readonly IndexItem[], value: Tensor | number, accumulate = false): Tensor {
    const { part, places } = indexed("indexPut", this, items);
    changed(part, "indexPut_", written(part, places, value, accumulate));
    return this;
  }
  /** A copy in which what the items name has other values, as {@link indexPut_} writes them. */
  indexPut(this: Tensor, items: readonly IndexItem[], value: Tensor | number, accumulate = false): Tensor {
    return this.clone().indexPut_(items, value, accumulate);
  }
  /** As {@link maskedFill}, written to this tensor, which it gives back. */
  maskedFill_(this: Tensor, mask: Tensor, value: Tensor | number): Tensor {
    return changed(this, "maskedFill_", this.maskedFill(mask, value));
  }
  /** As {@link tril}, written to this tensor, which it gives back. */
  tril_(this: Tensor, diagonal?: number): Tensor {
    return changed(this, "tril_", this.tril(diagonal));
  }
  /** As {@link triu}, written to this tensor, which it gives back. */
  triu_(this: Tensor, diagonal?: number): Tensor {
    return changed(this, "triu_", this.triu(diagonal));
  }
  /** As {@link scatter}, written to this tensor, which it gives back. */
  scatter_(this: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor {
    return changed(this, "scatter_", this.scatter(dim, index, src));
  }
  /** As {@link scatterAdd}, written to this tensor, which it gives back. */
  scatterAdd_(this: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
    return changed(this, "scatterAdd_", this.scatterAdd(dim, index, src));
  }
  /** As {@link indexAdd}, written to this tensor, which it gives back. */
  indexAdd_(this: Tensor, dim: number, index: Tensor, source: Tensor, options?: AlphaOptions): Tensor {
    return changed(this, "indexAdd_", this.indexAdd(dim, index, source, options));
  }
  /** As {@link indexCopy}, written to this tensor, which it gives back. */
  indexCopy_(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    return changed(this, "indexCopy_", this.indexCopy(dim, index, source));
  }
  /** As {@link indexFill}, written to this tensor, which it gives back. */
  indexFill_(this: Tensor, dim: number, index: Tensor, value: Tensor | number): Tensor {
    return changed(this, "indexFill_", this.indexFill(dim, index, value));
  }
}

/** A tensor of the same type in which every element is `value`. */
export const constantLike = (like: Tensor, value: number, callee: string): Tensor =>
  apply("broadcast_to", [filling(callee, value, like.dtype)], { shape: like.shape });

/** What `target` is to stand for to have the numbers of `source`; gradients pass where they are recorded. */
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

/** Makes `target` stand for `result`; PyTorch's rules say when that is allowed. */
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
    // What nobody but this operation has read need not be stored.
    if (target.version.uses <= 1) target.version.isSaved = false;
    rememberKept(result.version);
  }
  write(target, result, numbersOnly);
  return target;
}

/** Gives a parameter the numbers of `result`, which obey a constraint, before it is used; its history stays what it is. */
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
