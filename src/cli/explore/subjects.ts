/** Compiles a model for each backend of the explorer and measures its kernels. */

import { setImmediate } from "node:timers/promises";
import { type Subject as Compiled, subjectOn } from "../../compare/subject.ts";
import { traceables, traced, withBatchSize } from "../../compare/trace-model.ts";
import { durationText } from "../../core/figures-text.ts";
import { usableBackend } from "../../driver/build.ts";
import type { Subject } from "../../explore/explorer-data.ts";
import { profileAlone } from "../../runtime/inspection/profile.ts";
import type { ModelFile } from "../model-file.ts";
import type { Progress } from "../progress.ts";
import type { ExploreRequest } from "./request.ts";

/**
 * A program is not measured if a run is expected to take more than this fraction of the measuring time: measuring takes
 * at least five runs.
 */
const LONGEST_RUN = 1 / 4;

/**
 * The model compiled for each backend in turn, with separate states; its kernels are measured unless `seconds` is 0.
 */
export async function compileSubjects(
  { model, inputs, loss, targets }: ModelFile,
  { mode, backends, batchSize = inputs[0].shape[0], seconds }: ExploreRequest,
  progress: Progress,
): Promise<readonly Subject[]> {
  progress.at("tracing the model");
  await setImmediate(); // so that the progress line is shown
  const training = mode === "training" && { loss, ...(targets && { targets }) };
  const source = await traced(withBatchSize(traceables(model, { inputs, mode, ...training }), batchSize));
  const subjects: Subject[] = [];
  for (const name of backends) {
    progress.at(`compiling for ${name}`);
    await setImmediate();
    const compiled = await subjectOn(await usableBackend(name), source, {});
    progress.at(`measuring ${name}`);
    subjects.push(await measured(compiled, 1000 * seconds));
    await compiled.dispose();
  }
  return subjects;
}

/** The compiled model, with its times if its runs are short enough. */
async function measured(compiled: Compiled, milliseconds: number): Promise<Subject> {
  const { compilation } = compiled.program;
  if (milliseconds === 0) return { compilation, profile: undefined };
  const expected = compilation.kernels.reduce((sum, { nominalFlops, estimatedGflops = 0 }) => {
    return estimatedGflops > 0 ? sum + nominalFlops / estimatedGflops / 1e6 : sum;
  }, 0);
  if (expected <= LONGEST_RUN * milliseconds) {
    const { kernels } = compilation;
    const profiled = {
      kernels,
      run: () => compiled.run(),
      runByKernel: () => compiled.runByKernel(),
    };
    return { compilation, profile: await profileAlone(profiled, milliseconds) };
  }
  const enough = Math.ceil(expected / LONGEST_RUN / 1000);
  const unmeasured =
    `Not measured: a run is expected to take about ${durationText(expected)}. ` +
    `Use --seconds ${enough} to measure it.`;
  return { compilation, profile: undefined, unmeasured };
}
