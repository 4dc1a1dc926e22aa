/** What a model may ask for by ONNX's rules, and Kiln does not do. */

import { KilnError } from "../core/errors.ts";

/** Thrown where a model is right and Kiln lacks something; all other errors say that something is wrong with the model. */
export class UnsupportedError extends KilnError {}

/** Thrown where shapes depend on numbers that come out when a program runs. */
export class UnknownNumbersError extends KilnError {}
