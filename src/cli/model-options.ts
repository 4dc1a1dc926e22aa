/** What several commands say of the model they are given, and of what is made of it. */

import type { Command, Option } from "./command.ts";

/** The model file. */
export const MODEL: Command["operands"][number] = {
  name: "MODEL",
  doc: "a .ts, .js or .mjs file whose default export is a model; it also exports inputs",
};

/** A step or a pass, for commands that usually take a step. */
export const STEP_OR_PASS: Option = {
  name: "mode",
  value: "training|forward",
  doc: "a whole training step, or the forward pass alone",
  default: "training",
};
