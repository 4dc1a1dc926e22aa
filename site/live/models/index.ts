/** The models on the page, each a file that `kiln train` accepts unchanged. */

import lenet from "./lenet.ts?source";
import regression from "./regression.ts?source";
import residual from "./residual.ts?source";
import transformer from "./transformer.ts?source";

export const MODELS: readonly {
  readonly title: string;
  readonly source: string;
}[] = [
  { title: "LeNet reads digits", source: lenet },
  { title: "Residual net with batch norm", source: residual },
  { title: "Transformer writes on", source: transformer },
  { title: "A curve by an MLP", source: regression },
];
