/** Options that several commands have for the model and for what is compiled from it. */

import { KilnError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import type { Arguments, Command, Option } from "./command.ts";
import type { ModelFile, TensorSpec } from "./model-file.ts";
import { shapes } from "./values.ts";

/** The model file. */
export const MODEL: Command["operands"][number] = {
  name: "MODEL",
  doc: "a .ts, .js or .mjs file whose default export is a model, and which exports inputs; or an .onnx file",
};

/** A step or a pass, for commands that compile a step by default. */
export const STEP_OR_PASS: Option = {
  name: "mode",
  value: "training|forward",
  doc: "a whole training step, or the forward pass alone",
  default: "training",
};

/** Shapes other than the model file's. */
export const INPUT: Option = {
  name: "input",
  value: "64,1,32,32",
  doc: "shape of an input, batch first; once for each input",
  default: "the model file's inputs",
  repeatable: true,
};

/** The model file's inputs with the shapes of `--input`. */
export function readInputs({ path, inputs }: ModelFile, given: Arguments): readonly TensorSpec[] {
  const wanted = shapes(given, "input");
  if (wanted.length === 0) return inputs;
  if (wanted.length !== inputs.length) {
    throw new KilnError(
      `--input is given ${wanted.length} times, but ${path} has ${inputs.length} ` +
        `${inputs.length === 1 ? "input" : "inputs"}: ${inputs.map(({ shape }) => formatShape(shape)).join(" ")}`,
    );
  }
  return inputs.map(({ dtype }, k) => ({ dtype, shape: wanted[k] }));
}
