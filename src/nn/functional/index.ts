/** The layers' computations as functions (`F`), with PyTorch's argument order and defaults. */

export * from "./activation.ts";
export * from "./batch-norm.ts";
export * from "./convolution.ts";
export {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from "./distance.ts";
export { type DropoutOptions, dropout, dropout1d, dropout2d } from "./dropout.ts";
export { embedding, type LookupOptions } from "./embedding.ts";
export * from "./linear.ts";
export * from "./loss.ts";
export * from "./normalization.ts";
export { oneHot } from "./one-hot.ts";
export * from "./pooling.ts";
export * from "./shape.ts";
