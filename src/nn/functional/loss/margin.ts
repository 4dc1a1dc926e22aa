/**
 * Losses that want the scores of the right classes ahead of the others, by a margin or smoothly, with PyTorch's
 * defaults.
 */

import { sameShape } from "../../../core/shape.ts";
import { describe } from "../../../ops/definition.ts";
import { requireFloats } from "../../../tensor/arguments.ts";
import { isLabels, type Labels, labelTensor } from "../../../tensor/labels.ts";
import { where } from "../../../tensor/rearrange.ts";
import { apply, type Tensor } from "../../../tensor/tensor.ts";
import { Arguments } from "../../options.ts";
import {
  classAxis,
  type LossOptions,
  type Reduction,
  readReduction,
  reduced,
  reductionOf,
  refuse,
  requireSameShape,
  requireTensors,
  tensorOption,
  type WeightedLossOptions,
} from "../../reduction.ts";
import { classTargets } from "./classification.ts";

/** The named arguments of {@link multiMarginLoss}; `weight` is [C]. */
export interface MultiMarginLossOptions extends WeightedLossOptions {
  /** Whether shortfalls count as they are (1, the default) or squared (2). */
  readonly p?: 1 | 2;
  /** How far the right class should be ahead of each other one (default: 1). */
  readonly margin?: number;
}

/** The options of {@link multiMarginLoss} as they are computed with. */
export interface MultiMarginSettings {
  readonly p: 1 | 2;
  readonly margin: number;
  readonly weight: Tensor | undefined;
  readonly reduction: Reduction;
}

/** Reads the options of a multi-margin loss, module or function. */
export function readMultiMargin(
  callee: string,
  options: MultiMarginLossOptions | undefined,
): MultiMarginSettings {
  const given = new Arguments(callee, [options], [], ["p", "margin", "weight", "reduction"]);
  const p = given.integer("p", Number.NEGATIVE_INFINITY, 1);
  return {
    p: p === 1 || p === 2 ? p : refuse(`${callee}'s p must be 1 or 2, not ${p}`),
    margin: given.number("margin", Number.NEGATIVE_INFINITY, 1),
    weight: tensorOption(callee, options, "weight"),
    reduction: reductionOf(given),
  };
}

/** `log(1 + e^(-t·x))` of scores x and targets t that are 1 or -1. */
export function softMarginLoss(input: Tensor, target: Tensor, options?: LossOptions): Tensor {
  const reduction = readReduction("softMarginLoss", options);
  requireSameShape("softMarginLoss", { input, target });
  return reduced(apply("softplus", [input.mul(target.float()).neg()]), reduction);
}

/** Scores as rows [N,C], whether there are several samples or one [C]. */
function rowsOf(callee: string, input: Tensor): Tensor {
  requireFloats(callee, input);
  if (input.ndim === 2) return input;
  return input.ndim === 1
    ? input.unsqueeze(0)
    : refuse(`${callee} expects scores [N,C] or [C] but got ${describe(input)}`);
}

/** The losses of the rows of scores, as many as there were. */
const reducedRows = (losses: Tensor, input: Tensor, reduction: Reduction): Tensor =>
  reduced(input.ndim === 1 ? losses.squeeze(0) : losses, reduction);

/**
 * `Σ max(0, margin - x[t] + x[i])^p / C` over the classes i other than the target t, times the target's `weight`;
 * scores [N,C] or [C] and classes [N] or [], an int32 tensor or whole numbers (torch.nn.functional.multi_margin_loss).
 */
export function multiMarginLoss(input: Tensor, targets: Labels, options?: MultiMarginLossOptions): Tensor {
  const callee = "multiMarginLoss";
  const { p, margin, weight, reduction } = readMultiMargin(callee, options);
  const target = classTargets(callee, input, targets);
  const rows = rowsOf(callee, input);
  const [samples, classes] = rows.shape;
  const expected = input.shape.filter((_, axis) => axis !== classAxis(input.ndim));
  if (target.dtype !== "int32" || !sameShape(target.shape, expected))
    refuse(
      `${callee}'s targets of ${describe(input)} must be int32[${expected}] but are ${describe(target)}`,
    );
  const labels = target.reshape(samples, 1);
  const shortfall = rows.sub(rows.gather(1, labels)).add(margin).clamp(0);
  const powers = p === 1 ? shortfall : shortfall.mul(shortfall);
  const isTarget = hot(labels.squeeze(1), classes).ne(0);
  const sums = powers.maskedFill(isTarget, 0).sum(1).div(classes);
  return reducedRows(
    weight === undefined ? sums : sums.mul(weightOf(weight, labels, classes)),
    input,
    reduction,
  );
}

/** The weight of each sample's class. */
function weightOf(weight: Tensor, labels: Tensor, classes: number): Tensor {
  if (weight.dtype !== "float32" || !sameShape(weight.shape, [classes]))
    refuse(`multiMarginLoss's weight must be float32[${classes}] but is ${describe(weight)}`);
  return weight.gather(0, labels.squeeze(1));
}

/** 1 at each label's place in a new last axis, 0 elsewhere; nowhere for -1. */
const hot = (labels: Tensor, classes: number): Tensor =>
  apply("one_hot", [labels], { classes, axis: labels.ndim, ignoreIndex: -1 });

/**
 * `Σ max(0, 1 - (x[t] - x[i])) / C` over the target classes t and all other classes i; scores [N,C] or [C] and int32
 * targets of the same shape, of which those before the first negative one count
 * (torch.nn.functional.multilabel_margin_loss).
 */
export function multilabelMarginLoss(input: Tensor, targets: Labels, options?: LossOptions): Tensor {
  const callee = "multilabelMarginLoss";
  const reduction = readReduction(callee, options);
  requireTensors(callee, { input });
  const target = isLabels(targets) ? labelTensor(`${callee}'s target`, targets, input.shape) : targets;
  requireSameShape(callee, { input, target });
  if (target.dtype !== "int32") refuse(`${callee} expects int32 targets but got ${describe(target)}`);
  const rows = rowsOf(callee, input);
  const classes = rows.shape[1];
  const labels = target.reshape(rows.shape);
  const counts = labels.lt(0).float().cumsum(1).eq(0);
  const own = rows.gather(1, where(counts, labels, 0));
  const isTarget = hot(where(counts, labels, -1), classes)
    .amax(1)
    .ne(0);
  const shortfall = rows.unsqueeze(1).sub(own.unsqueeze(2)).add(1).clamp(0);
  const counted = shortfall.maskedFill(counts.unsqueeze(2).eq(0), 0).maskedFill(isTarget.unsqueeze(1), 0);
  return reducedRows(counted.sum([1, 2]).div(classes), input, reduction);
}

/**
 * The mean over the classes, the last axis, of `-(t·log σ(x) + (1 - t)·log σ(-x))` times the classes' `weight`, for
 * scores and targets from 0 to 1 of one shape (torch.nn.functional.multilabel_soft_margin_loss).
 */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  options?: WeightedLossOptions,
): Tensor {
  const callee = "multilabelSoftMarginLoss";
  const reduction = reductionOf(new Arguments(callee, [options], [], ["weight", "reduction"]));
  requireSameShape(callee, { input, target });
  if (input.ndim === 0)
    refuse(`${callee} expects scores of several classes, [N,C] or [C], but got a single number`);
  const t = target.float();
  const softplus = (x: Tensor): Tensor => apply("softplus", [x]);
  const losses = t.mul(softplus(input.neg())).add(t.rsub(1).mul(softplus(input)));
  const weight = tensorOption(callee, options, "weight");
  return reduced((weight === undefined ? losses : losses.mul(weight)).mean(-1), reduction);
}
