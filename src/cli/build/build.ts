/** `kiln build`: a model as a module of its own, which needs neither Kiln nor a compiler where it runs. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Command } from "../command.ts";
import { loadModelFile } from "../model-file.ts";
import { MODEL } from "../model-options.ts";
import { keepSources } from "../output-file.ts";
import { checkWritable, writeFiles } from "../output-folder.ts";
import { oneLine } from "../report.ts";
import { defaultRates, OPTIMIZER_NAMES } from "../train/optimizers.ts";
import { buildFiles, WEIGHTS_FILE } from "./build-program.ts";
import { readBuildRequest } from "./build-request.ts";
import { loadWeights } from "./build-weights.ts";

/** The files it may write. */
const FILES = ["model.js", "model.d.ts", "model.wasm", WEIGHTS_FILE];

export const build: Command = {
  name: "build",
  summary: "Writes a model as a stand-alone module with types, or as a library in C.",
  operands: [MODEL],
  options: [
    { name: "out", value: "DIR", doc: "the folder to write to; required" },
    {
      name: "mode",
      value: "forward|training",
      doc: "the forward pass alone, or a training step with its optimizer",
      default: "forward",
    },
    {
      name: "backend",
      value: "js|wasm|c",
      doc: "readable loops, WebAssembly with a small loader, or a library in C99",
      default: "js",
    },
    {
      name: "lanes",
      value: "1|4|8|16",
      doc: "floats in a vector, with --backend c; 1 is ISO C without vectors",
      default: "4",
    },
    {
      name: "name",
      value: "NAME",
      doc: "prefix of all names, with --backend c",
      default: "the name of the model's class in lower case",
    },
    {
      name: "checkpoint",
      value: "FILE",
      doc: "weights: a checkpoint of kiln train, or a safetensors file of a state dict",
      default: "the model's initial ones",
    },
    {
      name: "batch-size",
      value: "N",
      doc: "samples in a run",
      default: "the first number of the model file's inputs",
    },
    {
      name: "optimizer",
      value: OPTIMIZER_NAMES.join("|"),
      doc: "what updates the parameters, with --mode training",
      default: "sgd",
    },
    { name: "lr", value: "X", doc: "the learning rate at first", default: defaultRates() },
    {
      name: "momentum",
      value: "X",
      doc: "the momentum of sgd and rmsprop",
      default: "0.9 for sgd, 0 for rmsprop",
    },
    { name: "weight-decay", value: "X", doc: "weight decay", default: "0.01 for adamw, else 0" },
  ],
  notes: [
    `It writes model.js, model.d.ts, ${WEIGHTS_FILE} and with --backend wasm model.wasm. All shapes are fixed, including the batch.`,
    "With --backend c it writes NAME.c, NAME.h, the weights, an example and a CMakeLists.txt; no compiler is needed for that.",
    "The module runs where code from strings is forbidden: js needs nothing, wasm 'wasm-unsafe-eval' in a page's policy.",
  ],
  examples: [
    "kiln build examples/lenet.ts --batch-size 1 --out lenet",
    "kiln build examples/lenet.ts --checkpoint run/checkpoint.safetensors --backend wasm --out lenet",
    "kiln build examples/lenet.ts --batch-size 1 --backend c --lanes 1 --out firmware/lenet",
    "kiln build examples/lenet.ts --mode training --optimizer adam --out learning",
  ],
  async run(given, root) {
    const request = readBuildRequest(given);
    await checkWritable(request.out);
    const sources = [request.model, ...(request.checkpoint === undefined ? [] : [request.checkpoint])];
    await keepSources(
      FILES.map((name) => join(request.out, name)),
      sources,
    );
    const file = await loadModelFile(request.model, 0, root);
    if (request.checkpoint !== undefined) await loadWeights(file.model, request.checkpoint);
    const files = await buildFiles(file, request);
    await setImmediate(); // a promise that the model does not await fails here, before anything is written
    await writeFiles(request.out, files);
    for (const name of Object.keys(files)) {
      const { size } = await stat(join(request.out, name));
      console.log(`wrote ${oneLine(join(request.out, name))}: ${size.toLocaleString("en-US")} bytes`);
    }
  },
};
