/** Compiles a model for each backend that the explorer is to show, and measures its kernels. */

import { type Subject as Compiled, subjectOn } from "../../compare/subject.ts";
import { traceables, traced, withBatchSize } from "../../compare/trace-model.ts";
import { usableBackend } from "../../driver/build.ts";
import type { Subject } from "../../explore/explorer-data.ts";
import { profile } from "../../runtime/inspection/profile.ts";
import type { ModelFile } from "../model-file.ts";
import type { ExploreRequest } from "./request.ts";

/** The model for each backend in turn, with states of its own, and what its kernels take where `seconds` says so. */
export async function compileSubjects(
  { model, inputs, loss, targets }: ModelFile,
  { mode, backends, batchSize = inputs[0].shape[0], seconds }: ExploreRequest,
): Promise<readonly Subject[]> {
  const training = mode === "training" && { loss, ...(targets && { targets }) };
  const source = await traced(withBatchSize(traceables(model, { inputs, mode, ...training }), batchSize));
  const compiled: Compiled[] = [];
  for (const name of backends) compiled.push(await subjectOn(await usableBackend(name), source, {}));
  const profiles = seconds > 0 ? await profile(compiled, 1000 * seconds) : [];
  const subjects = compiled.map(
    ({ program: { compilation } }, k): Subject => ({ compilation, profile: profiles[k] }),
  );
  for (const subject of compiled) await subject.dispose();
  return subjects;
}
