/** Errors for models that are valid in ONNX but not supported by Kiln. */

import { KilnError } from "../core/errors.ts";

/** Thrown if a model is valid but Kiln lacks something; all other errors mean that the model is wrong. */
export class UnsupportedError extends KilnError {}

/** Thrown if shapes depend on numbers that are computed when the program runs. */
export class UnknownNumbersError extends KilnError {}
