/** `kiln train`: compiles a model's training step once and runs it over a data set, epoch after epoch. */

import { setImmediate } from "node:timers/promises";
import { compile, compileTraining } from "../compile.ts";
import { KilnError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import { DataLoader } from "../data/index.ts";
import { SGD } from "../optim/index.ts";
import type { Program } from "../runtime/program.ts";
import type { Trainer } from "../runtime/trainer.ts";
import { zeros } from "../tensor/index.ts";
import { type Arguments, type Command, table } from "./command.ts";
import { Interrupt } from "./interrupt.ts";
import { loadModelFile, type ModelFile, type TensorSpec } from "./model-file.ts";
import { checkWritable, writeFiles } from "./output-folder.ts";
import { runFiles } from "./run-files.ts";
import { checkFit, loadTrainingData, type TrainingData } from "./training-data.ts";
import { grouped, percent, TrainingDisplay } from "./training-display.ts";
import { runEpochs } from "./training-loop.ts";
import { choice, nonNegativeNumber, positiveNumber, wholeNumber } from "./values.ts";

const DEFAULTS = { epochs: 6, lr: 0.05, momentum: 0.9, weightDecay: 0, seed: 0 } as const;
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
    await setImmediate(); // a promise that the model left alone fails here, before anything else happens
    describeRun(file, data, compiled, { ...settings, batchSize });

    const display = new TrainingDisplay(settings.epochs);
    const interrupt = new Interrupt();
    const begin = performance.now();
    const loaders = {
      trainLoader: new DataLoader(data.train, { batchSize, shuffle: true, seed: settings.seed }),
      testLoader: new DataLoader(data.test, { batchSize }),
    };
    await runEpochs({ ...compiled, ...loaders, epochs: settings.epochs }, interrupt, display);
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

/** What was asked for; defaults are filled in but for the batch size, which the model file may give. */
interface Settings {
  readonly model: string;
  readonly data: string;
  readonly epochs: number;
  readonly batchSize: number | undefined;
  readonly optimizer: "sgd";
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly backend: string;
  readonly seed: number;
  readonly out: string | undefined;
}

function readSettings(given: Arguments): Settings {
  const backend = given.get("backend") ?? "js";
  const threads = wholeNumber(given, "threads", 1, 1);
  if (threads > 1)
    throw new KilnError(`--threads must be 1, not ${threads}: the backend ${backend} has one thread`);
  return {
    model: given.operands[0],
    data: given.get("data") ?? "synthetic",
    epochs: wholeNumber(given, "epochs", DEFAULTS.epochs, 1),
    batchSize: given.has("batch-size") ? wholeNumber(given, "batch-size", 1, 1) : undefined,
    optimizer: choice(given, "optimizer", ["sgd"]),
    lr: positiveNumber(given, "lr", DEFAULTS.lr),
    momentum: nonNegativeNumber(given, "momentum", DEFAULTS.momentum),
    weightDecay: nonNegativeNumber(given, "weight-decay", DEFAULTS.weightDecay),
    backend,
    seed: wholeNumber(given, "seed", DEFAULTS.seed, 0),
    out: given.get("out"),
  };
}

interface Compiled {
  readonly trainer: Trainer;
  readonly program: Program;
}

/** The training step, and the forward pass for testing; both work on the same parameters. */
async function compileBoth(file: ModelFile, batchSize: number, settings: Settings): Promise<Compiled> {
  const { model, loss, path } = file;
  if (file.inputs.length !== 1) {
    throw new KilnError(`kiln train feeds one input, but ${path} has ${file.inputs.length}`);
  }
  const fileBatch = file.inputs[0].shape[0];
  const resized = (specs: readonly TensorSpec[]): TensorSpec[] =>
    specs.map(({ shape: [batch, ...rest], dtype }) => ({
      dtype,
      shape: [batch === fileBatch ? batchSize : batch, ...rest],
    }));
  const inputs = resized(file.inputs);
  const { lr, momentum, weightDecay, backend } = settings;
  const optimizer = new SGD(model.parameters(), { lr, momentum, weightDecay });
  const targets = file.targets && { targets: resized(file.targets) };
  const trainer = await compileTraining(model, { inputs, loss, optimizer, backend, ...targets });
  return { trainer, program: await compile(model, { inputs, backend }) };
}

/** Throws unless the model gives one score for each class, and the loss takes class numbers. */
async function checkScores(
  program: Program,
  { path, inputs, loss }: ModelFile,
  batch: number,
): Promise<void> {
  const outputs = await program.run(zeros([batch, ...inputs[0].shape.slice(1)]));
  const [scores] = [outputs].flat();
  const isOne = !Array.isArray(outputs);
  if (!isOne || scores.ndim !== 2 || scores.size(0) !== batch) {
    const shapes = [outputs].flat().map(({ shape }) => formatShape(shape));
    throw new KilnError(
      `kiln train measures class scores of shape [batch,classes], but ${path} gives ${shapes.join(" and ")}`,
    );
  }
  const target = "targetType" in loss ? loss.targetType(scores) : undefined;
  if (target !== undefined && (target.dtype !== "int32" || target.shape.length !== 1)) {
    throw new KilnError(
      `kiln train gives the loss class numbers int32[${batch}], but the ${loss.constructor.name} of ${path} ` +
        `wants ${target.dtype}${formatShape(target.shape)}`,
    );
  }
}

function describeRun(
  { model, path }: ModelFile,
  { train: { length }, note }: TrainingData,
  { trainer, program }: Compiled,
  settings: Settings & { readonly batchSize: number },
): void {
  const { kernels, memory } = trainer;
  const { optimizer, lr, momentum, weightDecay, batchSize, epochs, backend, seed } = settings;
  const parameters = model.parameters().reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const seconds = (trainer.compileMilliseconds + program.compileMilliseconds) / 1000;
  console.log(`${model}\n`);
  const rows: [string, string][] = [
    ["model", `${path}, ${grouped(parameters)} parameters`],
    ["data", note],
    ["backend", backend],
    [
      "compiled",
      `in ${seconds.toFixed(2)} s: ${kernels.length} kernels for a training step, ${program.kernels.length} for testing`,
    ],
    [
      "memory",
      `arena ${kilobytes(memory.arenaBytes)}, parameters and optimizer state ${kilobytes(memory.parameterBytes)}`,
    ],
    [
      "training",
      `${epochs} epochs of ${Math.ceil(length / batchSize)} steps, batch size ${batchSize}, seed ${seed}`,
    ],
    ["optimizer", `${optimizer}, lr ${lr}, momentum ${momentum}, weight decay ${weightDecay}`],
  ];
  console.log(`${table(rows)}\n`);
}

const kilobytes = (bytes: number): string => `${grouped(bytes / 1024)} KB`;

/** What a run came to. */
export interface Outcome {
  readonly totalSeconds: number;
  readonly interrupted: boolean;
  readonly steps: number;
}

function conclude(
  { epochs }: TrainingDisplay,
  { totalSeconds, interrupted, steps }: Outcome,
  { out }: Settings,
): void {
  const last = epochs.at(-1);
  const accuracy = last ? `test accuracy ${percent(last.testAccuracy)}, ` : "";
  console.log(
    `${interrupted ? "interrupted: " : ""}${accuracy}${steps} steps in ${totalSeconds.toFixed(1)} s`,
  );
  if (out !== undefined) console.log(`saved ${out}/model.safetensors and ${out}/run.json`);
  else if (interrupted) console.log("nothing is saved without --out");
}
