/** The table of all operators that Kiln has. */

import type { Operator } from "../operator.ts";
import { ACTIVATION } from "./activation.ts";
import { ARITHMETIC } from "./arithmetic.ts";
import { ATTENTION } from "./attention.ts";
import { CASTING } from "./casting.ts";
import { CONTROL_FLOW } from "./control-flow.ts";
import { CONVOLUTION } from "./convolution.ts";
import { CREATION } from "./creation.ts";
import { ELEMENTARY } from "./elementary.ts";
import { LOGIC } from "./logic.ts";
import { LOSS } from "./loss.ts";
import { MATRIX } from "./matrix.ts";
import { NORMALIZATION } from "./normalization.ts";
import { POOLING } from "./pooling.ts";
import { QUANTIZED } from "./quantized.ts";
import { REARRANGEMENT } from "./rearrangement.ts";
import { RECURRENT } from "./recurrent.ts";
import { REDUCTION } from "./reduction.ts";
import { RESIZE } from "./resize.ts";
import { SCATTER } from "./scatter.ts";
import { SELECTION } from "./selection.ts";
import { SHAPE } from "./shape.ts";

/** By kind, as docs/onnx.md lists them. */
export const OPERATORS = {
  Arithmetic: ARITHMETIC,
  "Elementary functions": ELEMENTARY,
  "Comparisons, truths and bits": LOGIC,
  Activations: ACTIVATION,
  Products: MATRIX,
  Convolutions: CONVOLUTION,
  Pools: POOLING,
  Normalisation: NORMALIZATION,
  "Reductions and orders": REDUCTION,
  Shapes: SHAPE,
  Parts: SELECTION,
  "Writing at positions": SCATTER,
  "Pixels and patches": REARRANGEMENT,
  "Element types": CASTING,
  Creation: CREATION,
  "Control flow": CONTROL_FLOW,
  "Recurrent layers": RECURRENT,
  Attention: ATTENTION,
  Losses: LOSS,
  "Sizes and places of images": RESIZE,
  "Quantised products": QUANTIZED,
} as const satisfies Readonly<Record<string, readonly Operator[]>>;

const BY_NAME = new Map<string, Operator>(
  Object.values(OPERATORS).flatMap((operators: readonly Operator[]) =>
    operators.map((operator) => [operator.name, operator] as const),
  ),
);

/** The definition of an operator of ONNX's own domain; `undefined` if Kiln has none. */
export const findOperator = (domain: string, name: string): Operator | undefined =>
  domain === "" ? BY_NAME.get(name) : undefined;
