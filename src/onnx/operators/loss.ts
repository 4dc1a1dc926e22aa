/** Losses of classes. */

import { where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";

/** The loss at each position that has a target, and its reduction. */
function negativeLogLikelihood(call: Call, logs: Tensor): Tensor {
  const [target, weight] = [call.tensor(1), call.optional(2)];
  const ignored = call.hasAttribute("ignore_index") ? target.eq(call.int("ignore_index")) : undefined;
  const classes = ignored === undefined ? target : where(ignored, 0, target);
  const picked = logs.gather(1, classes.unsqueeze(1)).squeeze(1).neg();
  const weights = weight?.index(classes);
  const share = ignored === undefined ? weights : where(ignored, 0, weights ?? picked.mul(0).add(1));
  const losses = share === undefined ? picked : where(share.eq(0), 0, picked).mul(share);
  switch (call.string("reduction", ["mean", "sum", "none"], "mean")) {
    case "none":
      return losses;
    case "sum":
      return losses.sum();
    case "mean":
      return share === undefined ? losses.mean() : losses.sum().div(share.sum());
  }
}

export const LOSS: readonly Operator[] = [
  { name: "NegativeLogLikelihoodLoss", run: (call) => negativeLogLikelihood(call, call.tensor(0)) },
  {
    name: "SoftmaxCrossEntropyLoss",
    run: (call) => {
      const logs = call.tensor(0).logSoftmax(1);
      return [negativeLogLikelihood(call, logs), logs];
    },
  },
];
