/** Losses of class scores, with PyTorch's defaults: each position belongs to one class, or to several in shares. */

import { checkIndices } from "../../../core/index-limit.ts";
import { sameShape } from "../../../core/shape.ts";
import type { TensorType } from "../../../ir/types.ts";
import { describe } from "../../../ops/definition.ts";
import { isLabels, type Labels, labelTensor } from "../../../tensor/labels.ts";
import { apply, type Tensor } from "../../../tensor/tensor.ts";
import { withOrigin } from "../../../tensor/with-origin.ts";
import { Arguments } from "../../options.ts";
import {
  classAxis,
  type Reduction,
  reduced,
  reductionOf,
  refuse,
  requireTensors,
  tensorOption,
  type WeightedLossOptions,
} from "../../reduction.ts";

/** The named arguments of {@link nllLoss}; `weight` is [C]. */
export interface NLLLossOptions extends WeightedLossOptions {
  /** The label of targets that do not count (default: -100). Any other outside of the classes is a mistake. */
  readonly ignoreIndex?: number;
}

/** The named arguments of {@link crossEntropy}. */
export interface CrossEntropyOptions extends NLLLossOptions {
  /** The share, from 0 to 1, of each target that is spread evenly over all classes (default: 0). */
  readonly labelSmoothing?: number;
}

/** The options as they are computed with. */
export interface ClassLossSettings {
  readonly weight: Tensor | undefined;
  readonly ignoreIndex: number;
  readonly reduction: Reduction;
  readonly labelSmoothing: number;
}

/** PyTorch's label for targets that do not count. */
const IGNORED = -100;

const NLL_OPTIONS = ["weight", "ignoreIndex", "reduction"];

/** Reads the options of a class loss, module or function; `names` lists those it has. */
export function readClassLoss(
  callee: string,
  options: CrossEntropyOptions | undefined,
  hasSmoothing: boolean,
): ClassLossSettings {
  const names = hasSmoothing ? [...NLL_OPTIONS, "labelSmoothing"] : NLL_OPTIONS;
  const given = new Arguments(callee, [options], [], names);
  const labelSmoothing = given.number("labelSmoothing", 0, 0);
  if (labelSmoothing > 1) refuse(`${callee}'s labelSmoothing must be at most 1, not ${labelSmoothing}`);
  return {
    weight: tensorOption(callee, options, "weight"),
    ignoreIndex: given.integer("ignoreIndex", Number.NEGATIVE_INFINITY, IGNORED),
    reduction: reductionOf(given),
    labelSmoothing,
  };
}

function negativeLogLikelihood(logp: Tensor, target: Tensor, settings: ClassLossSettings): Tensor {
  checkKnownLabels(logp, target, settings);
  return apply("nll_loss", settings.weight ? [logp, target, settings.weight] : [logp, target], {
    reduction: settings.reduction,
    ignoreIndex: settings.ignoreIndex,
  });
}

/** Labels on the host are checked at once; those that a program is fed, when they are fed. */
function checkKnownLabels(logp: Tensor, target: Tensor, { ignoreIndex }: ClassLossSettings): void {
  const labels = target.dtype === "int32" ? target.peek() : undefined;
  const classes = logp.shape[classAxis(logp.ndim)];
  if (labels !== undefined)
    withOrigin(() =>
      checkIndices(labels, target.shape, { of: "class", below: classes, ignoreIndex, op: "nll_loss" }),
    );
}

/**
 * The negative log-probability of each target class, from log-probabilities [N,C,…] or [C] and classes [N,…] or [], an
 * int32 tensor or integers. The mean is weighted, over the targets that are not ignored; if there are none it is NaN.
 */
export function nllLoss(input: Tensor, target: Labels, options?: NLLLossOptions): Tensor {
  const labels = classTargets("nllLoss", input, target);
  return negativeLogLikelihood(input, labels, readClassLoss("nllLoss", options, false));
}

/**
 * `logSoftmax` over the classes (axis 1, or axis 0 of a single sample), then the negative log-probability of the
 * targets: classes [N,…], as an int32 tensor or whole numbers, or float32 probabilities of the scores' shape, whose
 * mean is over N and all positions (torch.nn.functional.cross_entropy).
 *
 * ```ts
 * const loss = F.crossEntropy(net.forward(images), labels); // a class for each image, such as [3, 1, 4]
 * ```
 */
export function crossEntropy(input: Tensor, targets: Labels, options?: CrossEntropyOptions): Tensor {
  const target = classTargets("crossEntropy", input, targets);
  const settings = readClassLoss("crossEntropy", options, true);
  if (input.ndim === 0) refuse("crossEntropy expects scores [N,C,…] or [C] but got a single number");
  const axis = classAxis(input.ndim);
  if (target.dtype === "float32") requireProbabilities(input, target, settings);
  const logp = input.logSoftmax(axis);
  if (target.dtype === "float32") return probabilityLoss(logp, target, axis, settings);
  return settings.labelSmoothing === 0
    ? negativeLogLikelihood(logp, target, settings)
    : smoothedLoss(logp, target, axis, settings);
}

/** The targets of class scores as a tensor: the classes that numbers name, or what a tensor holds. */
export function classTargets(callee: string, input: Tensor, target: Labels): Tensor {
  requireTensors(callee, { input });
  if (isLabels(target))
    return withOrigin(() => labelTensor(`${callee}'s target`, target, classTargetType(input).shape));
  requireTensors(callee, { target });
  return target;
}

/** The type of class targets for scores of the given type. */
export function classTargetType(scores: TensorType): TensorType {
  const axis = classAxis(scores.shape.length);
  return { dtype: "int32", shape: scores.shape.filter((_, k) => k !== axis) };
}

function requireProbabilities(input: Tensor, target: Tensor, { ignoreIndex }: ClassLossSettings): void {
  if (!sameShape(input.shape, target.shape)) {
    const expected = classTargetType(input);
    const hint = sameShape(target.shape, expected.shape)
      ? "make whole numbers of them with .int()"
      : `probabilities of classes must be ${describe(input)}`;
    refuse(
      `the class targets of ${describe(input)} must be ${describe(expected)} but are ${describe(target)}: ${hint}`,
    );
  }
  if (ignoreIndex !== IGNORED) refuse("crossEntropy's ignoreIndex is for class targets, not probabilities");
}

/** `-Σ weight·q·logp` over the classes, for target distributions q. */
function expectedLoss(
  logp: Tensor,
  q: Tensor,
  axis: number,
  { weight, labelSmoothing }: ClassLossSettings,
): Tensor {
  const classes = logp.shape[axis];
  const smoothed = labelSmoothing === 0 ? q : q.mul(1 - labelSmoothing).add(labelSmoothing / classes);
  const weighted = weight === undefined ? logp : logp.mul(alignedWeight(logp, weight, axis));
  return weighted.mul(smoothed).sum(axis).neg();
}

function alignedWeight(logp: Tensor, weight: Tensor, axis: number): Tensor {
  const classes = logp.shape[axis];
  if (weight.dtype !== "float32" || !sameShape(weight.shape, [classes])) {
    refuse(`the class weights of ${describe(logp)} must be float32[${classes}] but are ${describe(weight)}`);
  }
  return weight.reshape([classes, ...logp.shape.slice(axis + 1).fill(1)]);
}

const probabilityLoss = (logp: Tensor, target: Tensor, axis: number, settings: ClassLossSettings): Tensor =>
  reduced(expectedLoss(logp, target, axis, settings), settings.reduction);

/** Class targets as distributions that give every class a share; the mean is over what counts, as for nll_loss. */
function smoothedLoss(logp: Tensor, target: Tensor, axis: number, settings: ClassLossSettings): Tensor {
  requireClasses(logp, target);
  checkKnownLabels(logp, target, settings);
  const { ignoreIndex, weight, reduction } = settings;
  const hot = apply("one_hot", [target], { classes: logp.shape[axis], axis, ignoreIndex });
  const all = expectedLoss(logp, hot, axis, settings);
  const losses = all.maskedFill(target.eq(ignoreIndex), 0);
  if (reduction !== "mean") return reduced(losses, reduction);
  const counted = weight === undefined ? hot : hot.mul(alignedWeight(logp, weight, axis));
  return losses.sum().div(counted.sum());
}

function requireClasses(logp: Tensor, target: Tensor): void {
  const expected = classTargetType(logp);
  if (target.dtype === expected.dtype && sameShape(target.shape, expected.shape)) return;
  refuse(`the class targets of ${describe(logp)} must be ${describe(expected)} but are ${describe(target)}`);
}
