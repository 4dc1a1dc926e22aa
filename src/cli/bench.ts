/** `kiln bench`: how long a model's step takes on this machine, on each backend, and where the time goes. */

import { setImmediate } from "node:timers/promises";
import { compile, compileTraining } from "../compile.ts";
import { KilnError } from "../core/errors.ts";
import { SGD } from "../optim/index.ts";
import { type Profile, type Profiled, profile } from "../runtime/profile.ts";
import type { Inspectable } from "../runtime/program.ts";
import { randomBatch } from "../runtime/random-batch.ts";
import { DEFAULT_MILLISECONDS } from "../tuning/tuner.ts";
import { type BenchResult, printProfiles } from "./bench-report.ts";
import type { Arguments, Command } from "./command.ts";
import { loadModelFile, type ModelFile, type TensorSpec } from "./model-file.ts";
import { choice, positiveNumber, wholeNumber } from "./values.ts";

export const bench: Command = {
  name: "bench",
  summary: "Measures a model's training step or forward pass on this machine, kernel by kernel.",
  operands: [
    { name: "MODEL", doc: "a .ts, .js or .mjs file whose default export is a model; it also exports inputs" },
  ],
  options: [
    {
      name: "mode",
      value: "training|forward",
      doc: "a whole training step, or the forward pass alone",
      default: "training",
    },
    {
      name: "backends",
      value: "A,B",
      doc: "what to measure, in turns; the others are also given relative to the first",
      default: "wasm,js",
    },
    {
      name: "batch-size",
      value: "N",
      doc: "samples in a step",
      default: "the first number of the model file's inputs",
    },
    { name: "seconds", value: "X", doc: "how long to measure each backend", default: "3" },
    {
      name: "tune",
      doc: "first try the ways to run each kernel and keep the fastest, for this and later runs with tuning",
    },
    {
      name: "tune-time",
      value: "X",
      doc: "seconds that trying may take for each backend",
      default: `${DEFAULT_MILLISECONDS / 1000}`,
    },
    { name: "json", doc: "print everything as JSON" },
  ],
  notes: [
    "Inputs are random numbers, integer targets random classes; a training step has the file's loss (cross-entropy unless " +
      "it exports one) and SGD with momentum. Times are medians; kernels are timed apart, one after the other.",
    "GFLOP/s counts what a kernel executes, a multiply-add as two; dense is what the same takes without skipped zeros. " +
      "Expected is the cost model's estimate of the kernel's time in multiply-adds, as a share of all.",
    "What --tune finds is kept in the folder KILN_CACHE, by default kiln in the user's cache folder, for each backend, " +
      "engine and processor apart. Ways to run a kernel differ in the order of sums, and so in rounding.",
  ],
  examples: [
    "kiln bench examples/lenet.ts",
    "kiln bench examples/cifar10.ts --batch-size 8 --backends wasm --tune --tune-time 10",
  ],
  async run(given, root) {
    const request = readRequest(given);
    const file = await loadModelFile(given.operands[0], 0, root);
    const subjects: Subject[] = [];
    for (const backend of request.backends) subjects.push(await subjectOn(backend, request, file));
    await setImmediate(); // a promise that the model left alone fails here, before anything is printed
    const profiles = await profile(subjects, 1000 * request.seconds);
    const results = subjects.map((subject, k) => resultOf(subject, profiles[k]));
    const { mode, json } = request;
    const title = { model: file.path, mode, batchSize: subjects[0].program.inputs[0].shape[0] };
    const asJson = (): string =>
      JSON.stringify({ ...title, results: results.map(withoutCode) }, undefined, 2);
    console.log(json ? asJson() : printProfiles(title, results));
    for (const { dispose } of subjects) await dispose();
  },
};

interface Request {
  readonly mode: "training" | "forward";
  readonly backends: readonly string[];
  readonly batchSize: number | undefined;
  readonly seconds: number;
  /** Milliseconds for tuning; absent when it is not asked for. */
  readonly tune: number | undefined;
  readonly json: boolean;
}

function readRequest(given: Arguments): Request {
  const backends = (given.get("backends") ?? "wasm,js").split(",").map((name) => name.trim());
  if (new Set(backends).size < backends.length) throw new KilnError("--backends names a backend twice");
  if (given.has("tune-time") && !given.has("tune")) throw new KilnError("--tune-time needs --tune");
  return {
    mode: choice(given, "mode", ["training", "forward"]),
    backends,
    batchSize: given.has("batch-size") ? wholeNumber(given, "batch-size", 1, 1) : undefined,
    seconds: positiveNumber(given, "seconds", 3),
    tune: given.has("tune")
      ? 1000 * positiveNumber(given, "tune-time", DEFAULT_MILLISECONDS / 1000)
      : undefined,
    json: given.has("json"),
  };
}

/** A compiled program with a batch to run it on. */
interface Subject extends Profiled {
  readonly program: Inspectable;
  dispose(): Promise<void>;
}

async function subjectOn(backend: string, request: Request, file: ModelFile): Promise<Subject> {
  const { model, loss } = file;
  const { batchSize, tune } = request;
  const options = {
    inputs: resized(file.inputs, file, batchSize),
    backend,
    ...(tune !== undefined && { tune: { milliseconds: tune } }),
  };
  if (request.mode === "forward") {
    const program = await compile(model, options);
    const batch = randomBatch(program.inputs);
    return {
      program,
      kernels: program.kernels,
      run: () => program.run(...batch),
      runByKernel: () => program.runByKernel(...batch),
      dispose: () => program.dispose(),
    };
  }
  const optimizer = new SGD(model.parameters(), { lr: 1e-3, momentum: 0.9 });
  const targets = file.targets && { targets: resized(file.targets, file, batchSize) };
  const trainer = await compileTraining(model, { ...options, loss, optimizer, ...targets });
  const batch = randomBatch(trainer.inputs);
  return {
    program: trainer,
    kernels: trainer.kernels,
    run: () => trainer.step(...batch),
    runByKernel: () => trainer.stepByKernel(...batch),
    dispose: () => trainer.dispose(),
  };
}

/** Shapes for another batch: what has the file's batch in front gets the new one. */
function resized(specs: readonly TensorSpec[], file: ModelFile, batchSize: number | undefined): TensorSpec[] {
  const [fileBatch] = file.inputs[0].shape;
  return specs.map(({ shape: [batch, ...rest], dtype }) => ({
    dtype,
    shape: [batch === fileBatch ? (batchSize ?? batch) : batch, ...rest],
  }));
}

const resultOf = ({ program }: Subject, measured: Profile): BenchResult => ({
  backend: program.backend,
  compileMilliseconds: program.compileMilliseconds,
  ...measured,
  tuned: program.tuned,
});

/** The figures without the code of the kernels, which `kiln dump` shows. */
const withoutCode = (result: BenchResult) => ({
  ...result,
  kernels: result.kernels.map(({ source: _, ...kernel }) => kernel),
});
