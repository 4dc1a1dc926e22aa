/** Connectionist temporal classification: the loss of a sequence of labels whose positions are not given. */

import { KilnError } from "../../../core/errors.ts";
import { formatShape } from "../../../core/shape.ts";
import { describe } from "../../../ops/definition.ts";
import { requireFloats } from "../../../tensor/arguments.ts";
import { arange, full, tensor } from "../../../tensor/creation.ts";
import { isLabels, type Labels, labelTensor } from "../../../tensor/labels.ts";
import { bounded } from "../../../tensor/lookup.ts";
import { cat, pad, stack, where } from "../../../tensor/rearrange.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { withOrigin } from "../../../tensor/with-origin.ts";
import { scan } from "../../../trace/scan.ts";
import { Arguments } from "../../options.ts";
import {
  type LossOptions,
  type Reduction,
  reduced,
  reductionOf,
  refuse,
  requireTensors,
} from "../../reduction.ts";

/** The named arguments of {@link ctcLoss}. */
export interface CTCLossOptions extends LossOptions {
  /** The class that stands for no label (default: 0). */
  readonly blank?: number;
  /** Whether the infinite losses of sequences that are too short for their labels count as 0 (default: false). */
  readonly zeroInfinity?: boolean;
}

/** How long each sequence is: int32 numbers [N], or the numbers themselves. */
export type Lengths = Tensor | readonly number[] | number;

/** The options of a CTC loss, for the module and the function. */
export function readCtc(callee: string, given: readonly unknown[]): Required<CTCLossOptions> {
  const options = new Arguments(callee, given, ["blank", "reduction", "zeroInfinity"]);
  return {
    blank: options.integer("blank", 0, 0),
    reduction: reductionOf(options),
    zeroInfinity: options.flag("zeroInfinity", false),
  };
}

/** The logarithm of a probability that is 0: so low that nothing can be added to it, and still a number. */
const IMPOSSIBLE = -1e30;

/**
 * The negative log-probability that a model's frames spell the targets, summed over all ways to stretch them
 * (Graves et al., 2006; torch.nn.functional.ctc_loss). Log-probabilities [T,N,C] as `logSoftmax` returns them, targets
 * int32 [N,S] or, for known lengths, all in one list, as a tensor or integers; the lengths int32 [N]. Without N there
 * is one sequence. The mean divides each loss by the number of its labels first.
 *
 * The gradient is that of this formula. PyTorch's own assumes a logSoftmax before it, through which both give the same
 * gradient.
 */
export function ctcLoss(
  logProbs: Tensor,
  labels: Labels,
  inputLengths: Lengths,
  targetLengths: Lengths,
  blank?: number | CTCLossOptions,
  reduction?: Reduction | CTCLossOptions,
  zeroInfinity?: boolean | CTCLossOptions,
): Tensor {
  const settings = readCtc("ctcLoss", [blank, reduction, zeroInfinity]);
  const targets = isLabels(labels) ? labelTensor("ctcLoss's targets", labels) : labels;
  requireTensors("ctcLoss", { logProbs, targets });
  requireFloats("ctcLoss", logProbs);
  const isBatch = logProbs.ndim === 3;
  if (!isBatch && logProbs.ndim !== 2)
    refuse(`ctcLoss expects log-probabilities [T,N,C] or [T,C] but got ${describe(logProbs)}`);
  const frames = isBatch ? logProbs : logProbs.unsqueeze(1);
  const [most, samples, classes] = frames.shape;
  if (settings.blank >= classes)
    refuse(
      `ctcLoss's blank ${settings.blank} must be one of the ${classes} classes of ${describe(logProbs)}`,
    );
  const frameCounts = readLengths("inputLengths", inputLengths, samples, most);
  const rows = paddedTargets(targets, targetLengths, samples);
  const labelCounts = readLengths("targetLengths", targetLengths, samples, rows.shape[1]);
  const losses = sequenceLosses(frames, rows, frameCounts, labelCounts, settings.blank);
  const isEndless = losses.gt(-IMPOSSIBLE / 2);
  const kept = losses.maskedFill(isEndless, settings.zeroInfinity ? 0 : Number.POSITIVE_INFINITY);
  const own = isBatch ? kept : kept.squeeze(0);
  if (settings.reduction !== "mean") return reduced(own, settings.reduction);
  return kept.div(labelCounts.clamp(1).float()).mean();
}

/** The lengths as int32 [N], checked. */
function readLengths(name: string, lengths: Lengths, samples: number, most: number): Tensor {
  const list = typeof lengths === "number" ? [lengths] : lengths;
  const own = list instanceof Tensor ? list : tensor(Int32Array.from(list));
  if (own.dtype !== "int32" || own.numel() !== samples || own.ndim > 1)
    refuse(`ctcLoss's ${name} must be int32[${samples}], one for each sequence, but are ${describe(own)}`);
  const known = list instanceof Tensor ? list.peek() : list;
  const wrong = known?.find((length: number) => !Number.isInteger(length) || length < 0 || length > most);
  if (wrong !== undefined)
    refuse(`ctcLoss's ${name} must be whole numbers from 0 to ${most}, but one is ${wrong}`);
  return bounded(`ctcLoss's ${name}`, own.reshape(samples), 0, most);
}

/** The targets as rows [N,S]. */
function paddedTargets(targets: Tensor, lengths: Lengths, samples: number): Tensor {
  if (targets.dtype !== "int32" || targets.ndim < 1 || targets.ndim > 2)
    refuse(`ctcLoss expects int32 targets [N,S] or all in one list but got ${describe(targets)}`);
  if (targets.ndim === 2) {
    if (targets.shape[0] !== samples)
      refuse(`ctcLoss expects the targets of ${samples} sequences but got ${describe(targets)}`);
    return targets;
  }
  if (samples === 1) return targets.unsqueeze(0);
  const known =
    typeof lengths === "number" ? [lengths] : lengths instanceof Tensor ? lengths.peek() : lengths;
  if (known === undefined)
    return refuse(
      "ctcLoss needs targets as rows [N,S], padded at the end, where their lengths are inputs of the program",
    );
  const counts = Array.from(known);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total !== targets.shape[0])
    refuse(
      `ctcLoss's targetLengths add up to ${total}, but there are ${targets.shape[0]} labels in one list`,
    );
  const longest = Math.max(0, ...counts);
  let start = 0;
  return stack(
    counts.map((count) => {
      start += count;
      return pad(targets.slice(0, start - count, start), [0, longest - count]);
    }),
  );
}

/**
 * The forward variables of Graves et al., in logarithms: the probabilities of reaching the states blank, label, blank,
 * …, blank of each sequence, frame by frame. A sequence that has ended keeps its own.
 */
function sequenceLosses(
  frames: Tensor,
  labels: Tensor,
  frameCounts: Tensor,
  labelCounts: Tensor,
  blank: number,
): Tensor {
  const [most, samples] = frames.shape;
  const states = 2 * labels.shape[1] + 1;
  withOrigin(() => {
    if (most === 0)
      throw new KilnError(`ctcLoss needs at least one frame but got ${formatShape(frames.shape)}`);
  });
  const places = arange(states, { dtype: "int32" });
  const isCounted = places.unsqueeze(0).le(labelCounts.add(labelCounts).unsqueeze(1));
  const path = where(isCounted, withBlanks(labels, blank), blank);
  const skips = path
    .ne(blank)
    .float()
    .mul(path.ne(shifted(path, 2, blank)).float())
    .ne(0);
  const index = path.unsqueeze(0).expand(most, samples, states);
  const emitted = frames.gather(2, index);
  // Before the first frame all are at the first blank: there they can stay, or go on to the first label.
  const start = where(places.eq(0), 0, full([samples, states], IMPOSSIBLE));
  const [reached] = scan(
    (reach: Tensor, [emission, time]: readonly [Tensor, Tensor]) => {
      const ways = [
        reach,
        shifted(reach, 1, IMPOSSIBLE),
        where(skips, shifted(reach, 2, IMPOSSIBLE), IMPOSSIBLE),
      ];
      const next = logSumExp(ways).add(emission);
      return [where(time.lt(frameCounts).unsqueeze(1), next, reach), null];
    },
    start,
    [emitted, arange(most, { dtype: "int32" })] as const,
  );
  const last = labelCounts.add(labelCounts).unsqueeze(1);
  const ends = reached.gather(1, cat([last, last.add(-1).clamp(0)], 1));
  const [atBlank, atLabel] = [ends.select(1, 0), ends.select(1, 1)];
  const total = logSumExp([atBlank, atLabel.maskedFill(labelCounts.eq(0), IMPOSSIBLE)]);
  return total.neg();
}

/** `log Σ e^x` of several tensors, element by element. */
function logSumExp(terms: readonly Tensor[]): Tensor {
  const largest = terms.reduce((a, b) => a.maximum(b)).detach();
  return terms
    .map((x) => x.sub(largest).exp())
    .reduce((a, b) => a.add(b))
    .log()
    .add(largest);
}

/** [N,S] → [N,2S+1]: a blank before, between and behind the labels. */
function withBlanks(labels: Tensor, blank: number): Tensor {
  const [samples, count] = labels.shape;
  const between = pad(labels.unsqueeze(2), [1, 0], "constant", blank).reshape(samples, 2 * count);
  return pad(between, [0, 1], "constant", blank);
}

/** Every row moved `by` places to the right, with `value` in front. */
function shifted(rows: Tensor, by: number, value: number): Tensor {
  const kept = Math.max(0, rows.shape[1] - by);
  return pad(rows.slice(1, 0, kept), [rows.shape[1] - kept, 0], "constant", value);
}
