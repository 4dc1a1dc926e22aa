/** The losses as modules, by family. */

export { CrossEntropyLoss, NLLLoss } from "./classification.ts";
export { CTCLoss } from "./ctc.ts";
export {
  CosineEmbeddingLoss,
  HingeEmbeddingLoss,
  MarginRankingLoss,
  TripletMarginLoss,
  TripletMarginWithDistanceLoss,
} from "./embedding.ts";
export { GaussianNLLLoss, PoissonNLLLoss } from "./likelihood.ts";
export { Loss } from "./loss.ts";
export {
  MultiLabelMarginLoss,
  MultiLabelSoftMarginLoss,
  MultiMarginLoss,
  SoftMarginLoss,
} from "./margin.ts";
export { BCELoss, BCEWithLogitsLoss, KLDivLoss } from "./probability.ts";
export { HuberLoss, L1Loss, MSELoss, SmoothL1Loss } from "./regression.ts";
