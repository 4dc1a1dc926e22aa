/** What users reach as `data.X`: datasets, transforms and the DataLoader. */

export { ArrayDataset, type ArrayDatasetOptions, type Dataset, subset } from "./dataset.ts";
export { type IdxArray, parseIdx } from "./idx.ts";
export { DataLoader, type DataLoaderOptions } from "./loader.ts";
export { loadMnist, type Mnist } from "./mnist.ts";
export { type SyntheticDigitsOptions, syntheticDigits } from "./synthetic.ts";
export {
  type BoundTransform,
  compose,
  normalize,
  pad,
  scale,
  type Transform,
  withTransform,
} from "./transforms.ts";
