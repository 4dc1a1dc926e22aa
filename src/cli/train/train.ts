/** `kiln train`: compiles a model's training step once and runs it over a data set, epoch after epoch. */

import { setImmediate } from "node:timers/promises";
import { DEFAULT_BACKEND } from "../../../backends/registry.ts";
import { KilnError } from "../../core/errors.ts";
import { DataLoader } from "../../data/index.ts";
import type { Command } from "../command.ts";
import { Interrupt } from "../interrupt.ts";
import { loadModelFile } from "../model-file.ts";
import { MODEL } from "../model-options.ts";
import { checkWritable, writeFiles } from "../output-folder.ts";
import { runFiles } from "../run-files.ts";
import { outputFault, whenOutputIsLost } from "../standard-output.ts";
import { defaultRates, OPTIMIZER_NAMES } from "./optimizers.ts";
import { DEFAULTS, learningRateOf, readSettings, runSettings } from "./train-settings.ts";
import { checkScores, compileBoth } from "./train-setup.ts";
import { CHECKPOINT_FILE, Checkpoints, readCheckpoint, restore } from "./training-checkpoint.ts";
import { checkFit, loadTrainingData } from "./training-data.ts";
import { TrainingDisplay } from "./training-display.ts";
import { type Position, runEpochs, startOf } from "./training-loop.ts";
import { conclude, describeRun } from "./training-summary.ts";

/** What a process that Ctrl-C ended gives back. */
const INTERRUPTED = 130;

export const train: Command = {
  name: "train",
  summary:
    "Compiles a model's training step once, trains it, and measures it on a test set after every epoch.",
  operands: [MODEL],
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
    {
      name: "optimizer",
      value: OPTIMIZER_NAMES.join("|"),
      doc: "what updates the parameters",
      default: "sgd",
    },
    { name: "lr", value: "X", doc: "the learning rate", default: defaultRates() },
    {
      name: "decay",
      value: "X",
      doc: "multiplies the learning rate for the last third of the epochs; 1 leaves it as it is",
      default: `${DEFAULTS.decay}`,
    },
    {
      name: "momentum",
      value: "X",
      doc: "the momentum of sgd and rmsprop",
      default: "0.9 for sgd, 0 for rmsprop",
    },
    {
      name: "weight-decay",
      value: "X",
      doc: "how strongly parameters are drawn to 0",
      default: "0.01 for adamw, else 0",
    },
    {
      name: "backend",
      value: "NAME",
      doc: "what runs the model; see kiln backends",
      default: DEFAULT_BACKEND,
    },
    {
      name: "threads",
      value: "N",
      doc: "how many threads a step uses",
      default: "as many as the backend likes",
    },
    {
      name: "seed",
      value: "N",
      doc: "decides the first parameters and the order of the samples",
      default: `${DEFAULTS.seed}`,
    },
    {
      name: "out",
      value: "DIR",
      doc: `write ${CHECKPOINT_FILE} there after each epoch, model.safetensors and run.json at the end`,
    },
    { name: "checkpoint-every", value: "N", doc: "write the checkpoint after every N steps, too" },
    {
      name: "resume",
      value: "FILE",
      doc: "go on from a checkpoint; the settings are those it was begun with, more epochs may be asked for",
    },
  ],
  notes: [
    "Values of images lie between 0 and 1. Images of 28×28 pixels are padded with zeros for a model that takes 32×32.",
    "Ctrl-C ends after the running step, and --out is written with what was learned; a second one ends at once.",
    "A run that was stopped, or killed, and resumed learns bit for bit what it would have learned without; " +
      "only interpret, which computes in double, goes on from what a checkpoint's float32 keep of that.",
  ],
  examples: [
    "kiln train examples/lenet.ts",
    "kiln train examples/lenet.ts --data path/to/mnist --epochs 5 --seed 1 --out runs/lenet",
    `kiln train examples/lenet.ts --resume runs/lenet/${CHECKPOINT_FILE} --out runs/lenet`,
  ],
  async run(given, root) {
    const resumed = given.get("resume");
    const checkpoint = resumed === undefined ? undefined : await readCheckpoint(resumed);
    const settings = readSettings(given, checkpoint?.settings);
    const start = checkpoint?.position ?? startOf(1);
    if (start.epoch > settings.epochs + 1)
      throw new KilnError(`--epochs must be at least ${start.epoch - 1}: so many ${resumed} has behind it`);
    if (settings.out !== undefined) await checkWritable(settings.out);
    const file = await loadModelFile(settings.model, settings.seed, root);
    const batchSize = settings.batchSize ?? file.inputs[0].shape[0];
    const sample = file.inputs[0].shape.slice(1);
    const data = await loadTrainingData(settings.data, sample);
    const compiled = await compileBoth(file, batchSize, settings);
    checkFit(data, sample, file.path);
    await checkScores(compiled.program, file, batchSize);
    if (checkpoint !== undefined) await restore(checkpoint, file.model, compiled);
    await setImmediate(); // a promise that the model left alone fails here, before anything is printed
    describeRun(file, data, compiled, { ...settings, batchSize });

    const display = new TrainingDisplay(settings.epochs, checkpoint?.history);
    const interrupt = new Interrupt();
    const { epochs, out } = settings;
    if (out === undefined) whenOutputIsLost(() => interrupt.request());
    const run = runSettings(settings, batchSize);
    const checkpoints =
      out === undefined ? undefined : new Checkpoints(out, file.model, compiled, run, display);
    const begin = performance.now();
    const loaders = {
      trainLoader: new DataLoader(data.train, { batchSize, shuffle: true, seed: settings.seed }),
      testLoader: new DataLoader(data.test, { batchSize }),
    };
    const learningRate = (epoch: number): number => learningRateOf(settings, epoch);
    const reached = async (position: Position) => checkpoints?.reached(position, settings.checkpointEvery);
    await runEpochs({ ...compiled, ...loaders, learningRate, epochs, start, reached }, interrupt, display);
    await checkpoints?.finish();
    const lost = outputFault();
    if (out === undefined && lost !== undefined) {
      throw new KilnError(
        `the training has ended, as nothing would be left of it without --out: its output is lost, ${lost}`,
      );
    }
    const totalSeconds = (performance.now() - begin) / 1000;

    display.showCurve();
    const outcome = { totalSeconds, interrupted: interrupt.requested, steps: compiled.trainer.stepCount };
    if (out !== undefined) {
      const report = { settings: { ...settings, batchSize }, data: data.note, ...compiled, display, outcome };
      await writeFiles(out, await runFiles(file.model, report, root));
    }
    conclude(display, outcome, settings);
    interrupt.end();
    if (outcome.interrupted) process.exitCode = INTERRUPTED;
  },
};
