/** The checked options of `kiln dump`: which model or dump, which stages, in which form. */

import { type BackendName, backendName, DEFAULT_BACKEND } from "../../../backends/registry.ts";
import { STAGES, TRAINING_STAGES } from "../../../passes/pipeline.ts";
import { KilnError } from "../../core/errors.ts";
import { suggestion } from "../../core/suggestion.ts";
import type { Arguments } from "../command.ts";
import { choice } from "../values.ts";

export const STAGE_NAMES: readonly string[] = STAGES.map(({ name }) => name);

/** Stages that exist only in a training step. */
export const TRAINING_NAMES: readonly string[] = TRAINING_STAGES.map(({ name }) => name);

const MODES = ["forward", "training"] as const;

export const FORMATS = ["text", "json", "dot", "svg"] as const;

export type Format = (typeof FORMATS)[number];

export interface Request {
  /** A model's file, or with `isDump` a graph or kernels as `dump` prints them. */
  readonly path: string;
  readonly isDump: boolean;
  /** Absent if a dump is used unchanged. */
  readonly mode: "forward" | "training" | undefined;
  /** The one stage that is wanted; absent for all, for the overview, for a kernel, and if a picture may choose. */
  readonly stage: string | undefined;
  readonly all: boolean;
  readonly diff: boolean;
  readonly kernel: string | undefined;
  readonly format: Format;
  readonly backend: BackendName;
  /** The file or folder to write to; standard output if absent. */
  readonly out: string | undefined;
}

/** Reads the options. Throws a {@link KilnError} for combinations that are not allowed. */
export function readRequest(given: Arguments): Request {
  const format = choice(given, "format", FORMATS);
  const all = given.has("all");
  const kernel = given.get("kernel");
  const request: Request = {
    ...readSubject(given),
    stage: given.get("stage"),
    all,
    diff: given.has("diff"),
    kernel,
    format,
    backend: backendName(given.get("backend") ?? DEFAULT_BACKEND),
    out: given.get("out"),
  };
  checkStage(request);
  checkTogether(request);
  return request;
}

function readSubject(given: Arguments): Pick<Request, "path" | "isDump" | "mode"> {
  const [model] = given.operands;
  const from = given.get("from");
  if (model === undefined && from === undefined) {
    throw new KilnError("kiln dump needs a MODEL, or --from with the file of a stage it has printed");
  }
  if (from === undefined) {
    return { path: model, isDump: false, mode: choice(given, "mode", MODES) };
  }
  if (model !== undefined) throw new KilnError(`give either the model ${model} or --from ${from}, not both`);
  if (given.has("input"))
    throw new KilnError("--input does not go with --from: what was printed has its shapes");
  const mode = given.has("mode") ? choice(given, "mode", MODES) : undefined;
  return { path: from, isDump: true, mode };
}

function checkStage({ stage, mode }: Request): void {
  if (stage === undefined) return;
  if (!STAGE_NAMES.includes(stage)) {
    throw new KilnError(
      `there is no stage ${stage}${suggestion(stage, STAGE_NAMES)}; the stages are ${STAGE_NAMES.join(", ")}`,
    );
  }
  if (mode === "forward" && TRAINING_NAMES.includes(stage)) {
    throw new KilnError(`the stage ${stage} is part of a training step: add --mode training`);
  }
}

function checkTogether({ all, diff, kernel, format, out, stage }: Request): void {
  if (stage !== undefined && all) throw new KilnError("give either --stage or --all, not both");
  if (kernel !== undefined && (stage !== undefined || all || diff)) {
    throw new KilnError("--kernel shows a kernel at every stage: leave --stage, --all and --diff out");
  }
  if (kernel !== undefined && format !== "text") throw new KilnError("--kernel prints text alone");
  if (diff && format !== "text") throw new KilnError("--diff prints text alone");
  if (diff && stage === undefined && !all) {
    throw new KilnError("--diff compares a stage with the one before: say which with --stage, or --all");
  }
  if (all && out === undefined && (format === "dot" || format === "svg")) {
    throw new KilnError(
      `--format ${format} makes one picture of a stage: with --all, name a folder with --out`,
    );
  }
}
