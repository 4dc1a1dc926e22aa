/** Losses as functions, by family. */

export {
  type CrossEntropyOptions,
  crossEntropy,
  type NLLLossOptions,
  nllLoss,
} from "./loss/classification.ts";
export { type CTCLossOptions, ctcLoss, type Lengths } from "./loss/ctc.ts";
export {
  cosineEmbeddingLoss,
  type DistanceFunction,
  hingeEmbeddingLoss,
  type MarginLossOptions,
  marginRankingLoss,
  type TripletMarginLossOptions,
  type TripletMarginWithDistanceLossOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from "./loss/embedding.ts";
export {
  type GaussianNLLLossOptions,
  gaussianNllLoss,
  type PoissonNLLLossOptions,
  poissonNllLoss,
} from "./loss/likelihood.ts";
export {
  type MultiMarginLossOptions,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  softMarginLoss,
} from "./loss/margin.ts";
export {
  type BCEWithLogitsLossOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type KLDivLossOptions,
  type KLReduction,
  klDiv,
} from "./loss/probability.ts";
export {
  type HuberLossOptions,
  huberLoss,
  l1Loss,
  mseLoss,
  type SmoothL1LossOptions,
  smoothL1Loss,
} from "./loss/regression.ts";
