/** What `kiln dump` is asked for, checked: which graph or model, which stages, in which form. */

import { STAGES, TRAINING_STAGES } from "../../../passes/pipeline.ts";
import { KilnError } from "../../core/errors.ts";
import type { Arguments } from "../command.ts";
import { suggestion } from "../suggestion.ts";
import { choice } from "../values.ts";

export const STAGE_NAMES: readonly string[] = STAGES.map(({ name }) => name);

/** Stages that exist in a training step alone. */
export const TRAINING_NAMES: readonly string[] = TRAINING_STAGES.map(({ name }) => name);

const MODES = ["forward", "training"] as const;

export const FORMATS = ["text", "json", "dot", "svg"] as const;

export type Format = (typeof FORMATS)[number];

/** The stage that a picture shows when none is asked for: the last graph, with its kernels. */
const PICTURE_STAGE = "layout";

export interface Request {
  /** A model's file, or with `isGraph` a graph as `dump` prints it. */
  readonly path: string;
  readonly isGraph: boolean;
  /** Absent where a graph is taken as it stands. */
  readonly mode: "forward" | "training" | undefined;
  /** The one stage that is wanted; absent for all, for the overview, and for a kernel. */
  readonly stage: string | undefined;
  readonly all: boolean;
  readonly diff: boolean;
  readonly kernel: string | undefined;
  readonly format: Format;
  readonly backend: string;
  /** The file or folder to write to; standard output when absent. */
  readonly out: string | undefined;
}

/** Reads the options. Throws a {@link KilnError} for those that do not go together. */
export function readRequest(given: Arguments): Request {
  const format = choice(given, "format", FORMATS);
  const isPicture = format === "dot" || format === "svg";
  const all = given.has("all");
  const kernel = given.get("kernel");
  const request: Request = {
    ...readSubject(given),
    stage: given.get("stage") ?? (isPicture && !all ? PICTURE_STAGE : undefined),
    all,
    diff: given.has("diff"),
    kernel,
    format,
    backend: given.get("backend") ?? "js",
    out: given.get("out"),
  };
  checkStage(request);
  checkTogether(request, given.has("stage"));
  return request;
}

function readSubject(given: Arguments): Pick<Request, "path" | "isGraph" | "mode"> {
  const [model] = given.operands;
  const from = given.get("from");
  if (model === undefined && from === undefined) {
    throw new KilnError("kiln dump needs a MODEL, or --from with the file of a graph it has printed");
  }
  if (from === undefined) {
    return { path: model, isGraph: false, mode: choice(given, "mode", MODES) };
  }
  if (model !== undefined) throw new KilnError(`give either the model ${model} or --from ${from}, not both`);
  if (given.has("input")) throw new KilnError("--input does not go with --from: the graph has its shapes");
  const mode = given.has("mode") ? choice(given, "mode", MODES) : undefined;
  return { path: from, isGraph: true, mode };
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

function checkTogether({ all, diff, kernel, format, out, stage }: Request, isStageGiven: boolean): void {
  if (isStageGiven && all) throw new KilnError("give either --stage or --all, not both");
  if (kernel !== undefined && (isStageGiven || all || diff)) {
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
