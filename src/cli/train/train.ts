/** `kiln train`: compiles a model's training step once and runs it over a data set, epoch after epoch. */

import { setImmediate } from "node:timers/promises";
import { DEFAULT_BACKEND } from "../../../backends/registry.ts";
import { KilnError } from "../../core/errors.ts";
import { DataLoader, type Dataset } from "../../data/index.ts";
import { isIterableDataset } from "../../data/iterable-dataset.ts";
import type { Command } from "../command.ts";
import { Interrupt } from "../interrupt.ts";
import { loadModelFile } from "../model-file.ts";
import { MODEL } from "../model-options.ts";
import { writeTrained } from "../onnx-file.ts";
import { checkWritable, writeFiles } from "../output-folder.ts";
import { Progress } from "../progress.ts";
import { runFiles } from "../run-files.ts";
import { outputFault, whenOutputIsLost } from "../standard-output.ts";
import { loadTrainingData } from "./data-source.ts";
import { defaultRates, OPTIMIZER_NAMES } from "./optimizers.ts";
import { ownData } from "./own-training.ts";
import { Board, together } from "./tensorboard.ts";
import {
  checkOwnParts,
  DEFAULTS,
  decided,
  learningRateOf,
  OWN_DATA,
  type OwnPart,
  readSettings,
  runSettings,
} from "./train-settings.ts";
import { checkScores, compileBoth, metricsFor } from "./train-setup.ts";
import { CHECKPOINT_FILE, Checkpoints, readCheckpoint, restore } from "./training-checkpoint.ts";
import { brought, checkFit } from "./training-data.ts";
import { TrainingDisplay } from "./training-display.ts";
import { type Position, runEpochs, startOf } from "./training-loop.ts";
import { conclude, describeRun } from "./training-summary.ts";

/** The exit code of a process that Ctrl-C ended. */
const INTERRUPTED = 130;

export const train: Command = {
  name: "train",
  summary:
    "Compiles a model's training step once, trains it, and measures it on a test set after every epoch.",
  operands: [MODEL],
  options: [
    {
      name: "data",
      value: "synthetic|PATH",
      doc:
        "drawn digits; a table in .csv or .tsv; a text in .txt; a folder of PNG and JPEG images by class, or with train.csv and " +
        "test.csv, MNIST's IDX files, packed with gzip or not, or CIFAR-10's binary ones",
      default: "what the model file exports, else synthetic",
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
    {
      name: "tensorboard",
      value: "DIR",
      doc: "write event files there: losses, learning rates and metrics for tensorboard --logdir DIR",
    },
    { name: "checkpoint-every", value: "N", doc: "write the checkpoint after every N steps, too" },
    {
      name: "resume",
      value: "FILE",
      doc: "continue from a checkpoint with the settings of its run; --epochs may be larger",
    },
  ],
  notes: [
    "Values of images are between 0 and 1. Images of 28×28 pixels are padded with zeros for a model that takes 32×32; those " +
      "of a folder are converted to the size and the channels that the model takes. A folder may contain train and test (or val).",
    "For a table, the last column is predicted from all others: a class if the model outputs scores of several, else a number, " +
      "by mean squared error unless the file exports a loss. Numbers are standardised by the training rows, categories become " +
      "one-hot codes, or their numbers if the model takes int32. A model file may export table, an object with target, " +
      "inputs, kinds, standardize, delimiter and columns, as data.TableEncoding and data.readCsv take them.",
    "A text feeds models that take int32[batch,length]: each token is predicted from those before it. Tokens are the characters " +
      "of the text, or those of a vocabulary that the model file exports (or a function that makes it from the text).",
    "Data without a test set gives a fifth to it: rows and images at random, for a text the end.",
    "A model file may export what it is trained with: dataset, an object { train, test } of any of Kiln's datasets " +
      "(or train and test), or functions of { seed } that make them; loss; metrics, a list of accuracy, mse and mae or " +
      "functions (output, target) by name; optimizer, a function of the parameters; schedule, a function of the optimizer and " +
      "{ epochs, stepsPerEpoch }, which is stepped after each epoch, or after each step if it returns " +
      '{ scheduler, interval: "step" }. Without metrics, classes are measured by accuracy, numbers by mse and mae.',
    "Ctrl-C ends after the running step, and --out is written with what was learned; a second Ctrl-C ends at once.",
    "A run that was stopped, or killed, and resumed learns bit for bit what it would have learned without interruption; " +
      "only interpret, which computes in double precision, continues from the float32 numbers of the checkpoint.",
  ],
  examples: [
    "kiln train examples/lenet.ts",
    "kiln train path/to/net.ts --data houses.csv",
    "kiln train path/to/own-data.ts --epochs 20 --tensorboard runs/board",
    "kiln train examples/lenet.ts --data path/to/mnist --epochs 5 --seed 1 --out runs/lenet",
    `kiln train examples/lenet.ts --resume runs/lenet/${CHECKPOINT_FILE} --out runs/lenet`,
  ],
  async run(given, root) {
    const resumed = given.get("resume");
    const checkpoint = resumed === undefined ? undefined : await readCheckpoint(resumed);
    const settings = readSettings(given, checkpoint?.settings);
    const start = checkpoint?.position ?? startOf(1);
    if (start.epoch > settings.epochs + 1)
      throw new KilnError(`--epochs must be at least ${start.epoch - 1}: ${resumed} has completed that many`);
    if (settings.out !== undefined) await checkWritable(settings.out);
    if (settings.tensorboard !== undefined) await Board.check(settings.tensorboard);
    const progress = new Progress();
    const file = await loadModelFile(settings.model, settings.seed, root);
    const batchSize = settings.batchSize ?? file.inputs[0].shape[0];
    const sample = file.inputs[0].shape.slice(1);
    const own = [undefined, OWN_DATA].includes(settings.data)
      ? await ownData(file, settings.seed)
      : undefined;
    if (settings.data === OWN_DATA && own === undefined) {
      throw new KilnError(`${file.path} exports no dataset, which --data ${OWN_DATA} asks for`);
    }
    const data = own
      ? brought(own, file.path)
      : await loadTrainingData(settings.data ?? DEFAULTS.data, { file, batchSize, seed: settings.seed });
    const taught = { ...file, loss: data.loss ?? file.loss };
    const compiled = await compileBoth(taught, batchSize, settings, data.train.length ?? 0, progress).finally(
      () => progress.done(),
    );
    const ownParts: OwnPart[] = [
      ...(own === undefined ? [] : ["data" as const]),
      ...(compiled.own.optimizer ? ["optimizer" as const] : []),
      ...(compiled.schedule === undefined ? [] : ["schedule" as const]),
    ];
    checkOwnParts(given, file.path, ownParts, checkpoint?.settings);
    checkFit(data, sample, file.path);
    if (data.areImages && file.exported?.metrics === undefined) {
      await checkScores(compiled.program, file, batchSize);
    }
    const order = isIterableDataset(data.train) ? {} : { shuffle: true };
    const loaders = {
      trainLoader: new DataLoader(data.train as Dataset, { batchSize, ...order, seed: settings.seed }),
      testLoader: new DataLoader(data.test as Dataset, { batchSize }),
    };
    const metrics = await metricsFor(
      compiled.program,
      file,
      loaders.testLoader,
      own === undefined ? `--data ${data.source}` : `${file.path}'s dataset`,
    );
    if (checkpoint !== undefined) await restore(checkpoint, file.model, compiled);
    await setImmediate(); // a promise that the model does not await fails here, before anything is printed
    describeRun(file, data, compiled, { ...settings, batchSize });

    const display = new TrainingDisplay(settings.epochs, checkpoint?.history);
    const interrupt = new Interrupt();
    const { epochs, out, tensorboard } = settings;
    if (out === undefined) whenOutputIsLost(() => interrupt.request());
    const run = runSettings(settings, { data: data.source, batchSize, own: ownParts });
    const checkpoints =
      out === undefined ? undefined : new Checkpoints(out, file.model, compiled, run, display);
    const begin = performance.now();
    const learningRate = compiled.own.rate
      ? undefined
      : (epoch: number): number => learningRateOf(settings, epoch);
    const board =
      tensorboard === undefined
        ? undefined
        : new Board(tensorboard, compiled.optimizer, () => compiled.trainer.stepCount);
    const reached = async (position: Position) => checkpoints?.reached(position, settings.checkpointEvery);
    const training = { ...compiled, ...loaders, metrics, learningRate, epochs, start, reached };
    await runEpochs(training, interrupt, together(board === undefined ? [display] : [board, display]));
    await checkpoints?.finish();
    if (out !== undefined) await writeTrained(file, batchSize, out);
    await board?.close();
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
      const reported = { ...decided(settings, ownParts), data: data.source, batchSize };
      const { note, encoding } = data;
      const report = { settings: reported, data: note, encoding, ...compiled, display, outcome };
      await writeFiles(out, await runFiles(file.model, report, root));
    }
    conclude(display, outcome, settings);
    interrupt.end();
    if (outcome.interrupted) process.exitCode = INTERRUPTED;
  },
};
