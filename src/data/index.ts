/** What users reach as `data.X`: datasets, transforms and the DataLoader. */

export type { BatchedDataset, Draw } from "./batch.ts";
export { CIFAR10 } from "./cifar10.ts";
export { type Collated, defaultCollate } from "./collate.ts";
export type { CategoryColumn, ColumnEncoding, ColumnKind, NumberColumn } from "./column-encoding.ts";
export { ConcatDataset, type ConcatDatasetParts } from "./concat-dataset.ts";
export { type CsvOptions, parseCsv, readCsv } from "./csv.ts";
export { ArrayDataset, type ArrayDatasetOptions, type Dataset, type ItemDataset } from "./dataset.ts";
export { type IdxArray, parseIdx } from "./idx.ts";
export type { ImageChannels } from "./image-bytes.ts";
export { ImageFolder, type ImageFolderDataset, type ImageFolderOptions } from "./image-folder.ts";
export type { IterableDataset } from "./iterable-dataset.ts";
export { type CollatingOptions, DataLoader, type DataLoaderOptions } from "./loader.ts";
export { loadMnist, type Mnist } from "./mnist.ts";
export { FashionMNIST, MNIST } from "./mnist-family.ts";
export { type PaddedCollateOptions, paddedCollate } from "./padded-collate.ts";
export type { PublishedDatasetOptions } from "./published.ts";
export type { Random } from "./random.ts";
export { type RandomSplitOptions, randomSplit } from "./random-split.ts";
export { type ResizeOptions, resize } from "./resize.ts";
export type { Sampler } from "./sampler.ts";
export {
  BatchSampler,
  RandomSampler,
  type RandomSamplerOptions,
  type RandomSamplerSettings,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type WeightedRandomSamplerOptions,
} from "./samplers.ts";
export {
  type ImageSize,
  type Padding,
  pad,
  type RandomCropOptions,
  randomCrop,
  randomHorizontalFlip,
} from "./spatial-transforms.ts";
export { StackDataset, type StackParts } from "./stack-dataset.ts";
export { type AnyDataset, type PartOf, Subset, type SubsetParts, subset } from "./subset.ts";
export { type SyntheticDigitsOptions, syntheticDigits } from "./synthetic.ts";
export type { Table, TableRow } from "./table.ts";
export { TableEncoding, type TableEncodingOptions } from "./table-encoding.ts";
export { TensorDataset } from "./tensor-dataset.ts";
export {
  ByteVocabulary,
  CharVocabulary,
  TokenDataset,
  type TokenizerLike,
  tokenizerVocabulary,
  type Vocabulary,
} from "./text.ts";
export {
  type BoundTransform,
  compose,
  normalize,
  scale,
  type Transform,
  toTensor,
  withTransform,
} from "./transforms.ts";
