/** What `kiln build` is asked for, checked. */

import type { Target } from "../../aot/portable.ts";
import { KilnError } from "../../core/errors.ts";
import type { Arguments } from "../command.ts";
import {
  checkMomentum,
  defaultsOf,
  OPTIMIZER_NAMES,
  type OptimizerName,
  type OptimizerSettings,
} from "../train/optimizers.ts";
import { choice, nonNegativeNumber, positiveNumber, wholeNumber } from "../values.ts";

export interface BuildRequest {
  readonly model: string;
  readonly out: string;
  readonly mode: "forward" | "training";
  readonly target: Target;
  readonly checkpoint: string | undefined;
  readonly batchSize: number | undefined;
  readonly optimizer: OptimizerName;
  readonly settings: OptimizerSettings;
}

/** Options that a forward pass has no use for. */
const OF_TRAINING = ["optimizer", "lr", "momentum", "weight-decay"] as const;

/** Reads the options. Throws a {@link KilnError} for those that do not go together. */
export function readBuildRequest(given: Arguments): BuildRequest {
  const [model] = given.operands;
  const out = given.get("out");
  if (out === undefined) throw new KilnError("kiln build needs --out DIR, the folder to write to");
  const mode = choice(given, "mode", ["forward", "training"]);
  const stray = OF_TRAINING.find((name) => given.has(name));
  if (mode === "forward" && stray !== undefined) {
    throw new KilnError(`--${stray} is a setting of a training step: add --mode training`);
  }
  const optimizer = choice(given, "optimizer", OPTIMIZER_NAMES);
  checkMomentum(optimizer, given.has("momentum"));
  const { lr, momentum, weightDecay } = defaultsOf(optimizer);
  return {
    model,
    out,
    mode,
    target: choice(given, "backend", ["js", "wasm"]),
    checkpoint: given.get("checkpoint"),
    batchSize: given.has("batch-size") ? wholeNumber(given, "batch-size", 1, 1) : undefined,
    optimizer,
    settings: {
      lr: positiveNumber(given, "lr", lr),
      ...(momentum !== undefined && { momentum: nonNegativeNumber(given, "momentum", momentum) }),
      weightDecay: nonNegativeNumber(given, "weight-decay", weightDecay),
    },
  };
}
