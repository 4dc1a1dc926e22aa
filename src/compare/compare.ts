/**
 * `compareBackends`: one model on several backends, every one with the same parameters, batch and seed; how long a step
 * and each of its kernels take, what it needs, and how far its numbers are from the oracle's.
 */

import type { Backend } from "../../backends/backend.ts";
import { backends } from "../compile.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { formatOrigins } from "../core/origin.ts";
import { usableBackend } from "../driver/build.ts";
import { intensityOf } from "../inspect/json.ts";
import { loweredKernels, ownerOf } from "../inspect/kernel-story.ts";
import { type KernelProfile, type Profile, profile } from "../runtime/inspection/profile.ts";
import { machineName } from "../tuning/machine.ts";
import { differenceFrom } from "./difference.ts";
import { type Subject, subjectOn } from "./subject.ts";
import { batchSizeOf, type Traceables, traceables, traced, withBatchSize } from "./trace-model.ts";
import type {
  BackendResult,
  ComparedModel,
  CompareOptions,
  Comparison,
  Difference,
  KernelResult,
} from "./types.ts";

const OPTIONS = {
  inputs: true,
  threads: true,
  tune: true,
  mode: true,
  loss: true,
  targets: true,
  optimizer: true,
  backends: true,
  batchSize: true,
  milliseconds: true,
  verify: true,
  onProgress: true,
} satisfies OptionNames<CompareOptions>;

/** How long each backend is measured by default, in milliseconds. */
const MILLISECONDS = 1000;

/**
 * Compiles `model` for each backend, measures a training step (where a loss is given) or a forward pass, and holds what each
 * kernel stores against the oracle. The model, its random numbers and whatever trains it stay as they are.
 *
 * Throws a {@link KilnError} before anything is measured when a backend cannot run here or the model cannot be compiled.
 */
export async function compareBackends(model: ComparedModel, options: CompareOptions): Promise<Comparison> {
  checkOptionNames("compareBackends", options, OPTIONS);
  const asked = traceables(model, options);
  return compareOn(await chosenBackends(options), asked, options);
}

/** The backends that are asked for, or all that produce code and can run here as asked. */
async function chosenBackends({ backends: names, threads }: CompareOptions): Promise<readonly Backend[]> {
  const settings = threads === undefined ? {} : { threads };
  if (names === undefined) {
    const candidates = await Promise.all(
      (await defaultBackends()).map((name) => usableBackend(name, settings).catch(() => undefined)),
    );
    const usable = candidates.filter((backend) => backend !== undefined);
    if (usable.length > 0) return usable;
    return [await usableBackend(undefined, settings)];
  }
  if (names.length === 0) throw new KilnError("backends must name at least one backend");
  const twice = names.find((name, k) => names.indexOf(name) < k);
  if (twice !== undefined) throw new KilnError(`backends names ${twice} twice`);
  const chosen: Backend[] = [];
  for (const name of names) chosen.push(await usableBackend(name, settings));
  return chosen;
}

/** Those that produce code for this machine: the oracle does not, and the modes of gpujs come once, as the best of them. */
async function defaultBackends(): Promise<readonly string[]> {
  const here = (await backends()).filter(({ available }) => available).map(({ name }) => name);
  return here.filter((name) => name !== "interpret" && !name.includes(":"));
}

/** The comparison on backends that are there already, set up as they are to run. */
export async function compareOn(
  chosen: readonly Backend[],
  asked: Traceables,
  options: CompareOptions,
): Promise<Comparison> {
  const { batchSize = batchSizeOf(asked), milliseconds = MILLISECONDS, verify = true } = options;
  if (!(Number.isFinite(milliseconds) && milliseconds > 0)) {
    throw new KilnError(`milliseconds must be a positive number, not ${milliseconds}`);
  }
  const progress = options.onProgress ?? (() => undefined);
  const resized = withBatchSize(asked, batchSize);
  const source = await traced(resized);
  const subjects: Subject[] = [];
  try {
    for (const backend of chosen) {
      progress(`compiling for ${backend.name}`);
      subjects.push(await subjectOn(backend, source, options));
    }
    const differences: Difference[] = [];
    for (const [k, backend] of chosen.entries()) {
      if (verify) progress(`comparing ${backend.name} with the oracle`);
      differences.push(verify ? await differenceFrom(subjects[k], backend, resized, options) : NOT_ASKED);
    }
    progress(`measuring ${subjects.map(({ program }) => program.backend).join(", ")}`);
    const profiles = await profile(subjects, milliseconds);
    return {
      model: asked.model.constructor.name,
      mode: asked.mode,
      batchSize,
      machine: await machineName(),
      results: subjects.map((subject, k) => resultOf(subject, profiles[k], differences[k])),
    };
  } finally {
    for (const subject of subjects) await subject.dispose();
  }
}

const NOT_ASKED: Difference = { checked: false, reason: "it was not asked for" };

function resultOf({ program }: Subject, measured: Profile, difference: Difference): BackendResult {
  const { backend, compileMilliseconds, memory, tuned } = program;
  const { milliseconds, runs, kernels } = measured;
  const lowered = loweredKernels(program.compilation);
  return {
    backend,
    compileMilliseconds,
    milliseconds,
    runs,
    memory,
    kernels: kernels.map((kernel) => kernelResult(kernel, ownerOf(lowered, kernel.name)?.name)),
    difference,
    tuned,
  };
}

/** The figures without the code, which dumps show. */
function kernelResult({ source: _, name, origins, ...figures }: KernelProfile, owner = name): KernelResult {
  return { name, partOf: owner, at: formatOrigins(origins), ...figures, intensity: intensityOf(figures) };
}
