/** Connectionist temporal classification as a module. */

import type { Labels } from "../../tensor/labels.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type CTCLossOptions, ctcLoss, type Lengths, readCtc } from "../functional/loss/ctc.ts";
import type { Reduction } from "../reduction.ts";
import { ToldLoss } from "./loss.ts";

/**
 * The negative log-probability that frames [T,N,C] of log-probabilities spell the targets, summed over all alignments
 * (torch.nn.CTCLoss): `forward(logProbs, targets, inputLengths, targetLengths)`. To compile it, the model returns the
 * log-probabilities, and `targets` gives the types of the three others, int32 [N,S], [N] and [N].
 */
export class CTCLoss extends ToldLoss {
  /** The class that means no label. */
  readonly blank: number;
  /** Whether the infinite losses of sequences that are too short for their labels count as 0. */
  readonly zeroInfinity: boolean;

  constructor(
    blank?: number | CTCLossOptions,
    reduction?: Reduction | CTCLossOptions,
    zeroInfinity?: boolean | CTCLossOptions,
  ) {
    const settings = readCtc("CTCLoss", [blank, reduction, zeroInfinity]);
    super(settings.reduction);
    this.blank = settings.blank;
    this.zeroInfinity = settings.zeroInfinity;
  }

  forward(logProbs: Tensor, targets: Tensor, inputLengths: Tensor, targetLengths: Tensor): Tensor;
  forward(logProbs: Tensor, targets: Labels, inputLengths: Lengths, targetLengths: Lengths): Tensor;
  forward(logProbs: Tensor, targets: Labels, inputLengths: Lengths, targetLengths: Lengths): Tensor {
    const { blank, reduction, zeroInfinity } = this;
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, { blank, reduction, zeroInfinity });
  }

  protected override get comparison(): string {
    return (
      "compares log-probabilities with labels and two lists of lengths: tell compileTraining their types, such as " +
      'targets: [{ shape: [16, 30], dtype: "int32" }, { shape: [16], dtype: "int32" }, { shape: [16], dtype: "int32" }]'
    );
  }
}
