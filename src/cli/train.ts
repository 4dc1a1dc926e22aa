/** `kiln train`: compiles a model's training step once and runs it over a data set, epoch after epoch. */

import { setImmediate } from "node:timers/promises";
import { DataLoader } from "../data/index.ts";
import type { Command } from "./command.ts";
import { Interrupt } from "./interrupt.ts";
import { loadModelFile } from "./model-file.ts";
import { checkWritable, writeFiles } from "./output-folder.ts";
import { runFiles } from "./run-files.ts";
import { DEFAULTS, learningRateOf, readSettings } from "./train-settings.ts";
import { checkScores, compileBoth } from "./train-setup.ts";
import { checkFit, loadTrainingData } from "./training-data.ts";
import { TrainingDisplay } from "./training-display.ts";
import { runEpochs } from "./training-loop.ts";
import { conclude, describeRun } from "./training-summary.ts";

/** What a process that Ctrl-C ended gives back. */
const INTERRUPTED = 130;

export const train: Command = {
  name: "train",
  summary:
    "Compiles a model's training step once, trains it, and measures it on a test set after every epoch.",
  operands: [
    { name: "MODEL", doc: "a .ts, .js or .mjs file whose default export is a model; it also exports inputs" },
  ],
  options: [
    {
      name: "data",
      value: "synthetic|DIR",
      doc: "drawn digits, or a folder with MNIST's IDX files, packed with gzip or not",
      default: "synthetic",
    },
    {
      name: "epochs",
      value: "N",
      doc: "how often all training samples are seen",
      default: `${DEFAULTS.epochs}`,
    },
    {
      name: "batch-size",
      value: "N",
      doc: "samples in a step",
      default: "the first number of the model file's inputs",
    },
    { name: "optimizer", value: "NAME", doc: "sgd is there so far", default: "sgd" },
    { name: "lr", value: "X", doc: "the learning rate", default: `${DEFAULTS.lr}` },
    {
      name: "decay",
      value: "X",
      doc: "multiplies the learning rate for the last third of the epochs; 1 leaves it as it is",
      default: `${DEFAULTS.decay}`,
    },
    { name: "momentum", value: "X", doc: "the optimizer's momentum", default: `${DEFAULTS.momentum}` },
    {
      name: "weight-decay",
      value: "X",
      doc: "how strongly parameters are drawn to 0",
      default: `${DEFAULTS.weightDecay}`,
    },
    { name: "backend", value: "NAME", doc: "what runs the model; see kiln backends", default: "js" },
    { name: "threads", value: "N", doc: "threads of the backend; js has one", default: "1" },
    {
      name: "seed",
      value: "N",
      doc: "decides the first parameters and the order of the samples",
      default: `${DEFAULTS.seed}`,
    },
    { name: "out", value: "DIR", doc: "write model.safetensors and run.json there at the end" },
  ],
  notes: [
    "Values of images lie between 0 and 1. Images of 28×28 pixels are padded with zeros for a model that takes 32×32.",
    "Ctrl-C ends after the running step, and --out is written with what was learned; a second one ends at once.",
  ],
  examples: [
    "kiln train examples/lenet.ts",
    "kiln train examples/lenet.ts --data path/to/mnist --epochs 5 --seed 1 --out runs/lenet",
  ],
  async run(given, root) {
    const settings = readSettings(given);
    if (settings.out !== undefined) await checkWritable(settings.out);
    const file = await loadModelFile(settings.model, settings.seed, root);
    const batchSize = settings.batchSize ?? file.inputs[0].shape[0];
    const sample = file.inputs[0].shape.slice(1);
    const data = await loadTrainingData(settings.data, sample);
    const compiled = await compileBoth(file, batchSize, settings);
    checkFit(data, sample, file.path);
    await checkScores(compiled.program, file, batchSize);
    await setImmediate(); // a promise that the model left alone fails here, before anything is printed
    describeRun(file, data, compiled, { ...settings, batchSize });

    const display = new TrainingDisplay(settings.epochs);
    const interrupt = new Interrupt();
    const begin = performance.now();
    const loaders = {
      trainLoader: new DataLoader(data.train, { batchSize, shuffle: true, seed: settings.seed }),
      testLoader: new DataLoader(data.test, { batchSize }),
    };
    const learningRate = (epoch: number): number => learningRateOf(settings, epoch);
    await runEpochs({ ...compiled, ...loaders, learningRate, epochs: settings.epochs }, interrupt, display);
    const totalSeconds = (performance.now() - begin) / 1000;

    display.showCurve();
    const outcome = { totalSeconds, interrupted: interrupt.requested, steps: compiled.trainer.stepCount };
    if (settings.out !== undefined) {
      const run = { settings: { ...settings, batchSize }, data: data.note, ...compiled, display, outcome };
      await writeFiles(settings.out, await runFiles(file.model, run, root));
    }
    conclude(display, outcome, settings);
    interrupt.end();
    if (outcome.interrupted) process.exitCode = INTERRUPTED;
  },
};
