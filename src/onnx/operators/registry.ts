/** The table of all operators that Kiln has. */

import type { Operator } from "../operator.ts";
import { ACTIVATION } from "./activation.ts";
import { ARITHMETIC } from "./arithmetic.ts";
import { MATRIX } from "./matrix.ts";

/** By kind, as docs/onnx.md lists them. */
export const OPERATORS = {
  Arithmetic: ARITHMETIC,
  Products: MATRIX,
  Activations: ACTIVATION,
} as const satisfies Readonly<Record<string, readonly Operator[]>>;

const BY_NAME = new Map<string, Operator>(
  Object.values(OPERATORS).flatMap((operators: readonly Operator[]) =>
    operators.map((operator) => [operator.name, operator] as const),
  ),
);

/** The definition of an operator of ONNX's own domain; `undefined` where Kiln has none. */
export const findOperator = (domain: string, name: string): Operator | undefined =>
  domain === "" ? BY_NAME.get(name) : undefined;
