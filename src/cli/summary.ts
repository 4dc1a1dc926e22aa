/** `kiln summary`: a model's layers with their outputs, parameters and operations, and the memory of its programs. */

import { backendName, DEFAULT_BACKEND } from "../../backends/registry.ts";
import { KilnError } from "../core/errors.ts";
import { jsonText } from "../inspect/json.ts";
import { summary } from "../overview/summary.ts";
import type { Command } from "./command.ts";
import { loadModelFile } from "./model-file.ts";
import { INPUT, MODEL, readInputs, STEP_OR_PASS } from "./model-options.ts";
import { atBatchSize } from "./train/model-outputs.ts";
import { defaultsOf, OPTIMIZER_NAMES, OPTIMIZERS } from "./train/optimizers.ts";
import { ownOptimizer } from "./train/own-training.ts";
import { choice, shapes, wholeNumber } from "./values.ts";

export const summaryCommand: Command = {
  name: "summary",
  summary: "Lists a model's layers with their outputs, parameters and operations, and the memory it takes.",
  operands: [MODEL],
  options: [
    INPUT,
    {
      name: "batch-size",
      value: "N",
      doc: "another batch size for all inputs and targets",
      default: "that of the model file's inputs",
    },
    STEP_OR_PASS,
    {
      name: "optimizer",
      value: OPTIMIZER_NAMES.join("|"),
      doc: "optimizer whose states a training step keeps",
      default: "what the model file exports, else sgd",
    },
    { name: "backend", value: "NAME", doc: "backend whose memory is shown", default: DEFAULT_BACKEND },
    { name: "json", doc: "the same as data" },
  ],
  notes: [
    "A layer is listed where it is called, indented below its caller; its parameters and operations include those of all that it " +
      "calls. Operations are those of a forward pass, a multiply-add counting as two, before compiling saves any.",
    "Memory is what the compiled programs allocate: activations, gradients and scratch share one arena. A training step has the " +
      "file's loss (cross-entropy unless it exports one); --mode forward leaves it out.",
  ],
  examples: [
    "kiln summary examples/lenet.ts",
    "kiln summary examples/lenet.ts --batch-size 1 --mode forward --json",
  ],
  async run(given, root) {
    const mode = choice(given, "mode", ["training", "forward"]);
    const backend = backendName(given.get("backend") ?? DEFAULT_BACKEND);
    const file = await loadModelFile(given.operands[0], 0, root, shapes(given, "input"));
    const { model, loss, path } = file;
    if (given.has("input") && given.has("batch-size")) {
      throw new KilnError("--input has the batch in front: give the shapes or --batch-size, not both");
    }
    const batchSize = wholeNumber(given, "batch-size", file.inputs[0].shape[0], 1);
    const inputs = given.has("input") ? readInputs(file, given) : atBatchSize(file, file.inputs, batchSize);
    const targets = file.targets && {
      targets: atBatchSize(file, file.targets, given.has("input") ? inputs[0].shape[0] : batchSize),
    };
    const name = choice(given, "optimizer", OPTIMIZER_NAMES);
    const own = given.has("optimizer") ? undefined : ownOptimizer(file, model.parameters());
    const step =
      mode === "training"
        ? { loss, ...targets, optimizer: own ?? OPTIMIZERS[name].make(model.parameters(), defaultsOf(name)) }
        : {};
    const found = await summary(model, { inputs, backend, ...step });
    console.log(given.has("json") ? jsonText({ kilnSummary: 1, file: path, ...found }) : `${found}`);
  },
};
