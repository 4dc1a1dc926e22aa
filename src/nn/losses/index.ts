/** The losses as modules, by family. */

export { CrossEntropyLoss, NLLLoss } from "./classification.ts";
export { CosineEmbeddingLoss, HingeEmbeddingLoss, MarginRankingLoss } from "./embedding.ts";
export { Loss } from "./loss.ts";
export { BCELoss, BCEWithLogitsLoss, KLDivLoss } from "./probability.ts";
export { HuberLoss, L1Loss, MSELoss, SmoothL1Loss } from "./regression.ts";
