/** The checked options of `kiln build`. */

import { checkPrefix } from "../../aot/c/names.ts";
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
  /** Floats in the vectors of a C library. */
  readonly lanes: number;
  /** The prefix of all names of a C library; by default from the name of its class. */
  readonly name: string | undefined;
  readonly checkpoint: string | undefined;
  readonly batchSize: number | undefined;
  readonly optimizer: OptimizerName;
  readonly settings: OptimizerSettings;
}

/**
 * The default for vectors of C libraries: what every processor with vectors has. LeNet's forward pass takes 17 µs with
 * it if the compiler is not told the processor, with 8 lanes 38; for AVX2, 14 and 9.
 */
export const LANES = 4;

const LANE_CHOICES = ["4", "8", "16", "1"] as const;

/** Options for C libraries only. */
const OF_LIBRARIES = ["lanes", "name"] as const;

/** Options that do not apply to a forward pass. */
const OF_TRAINING = ["optimizer", "lr", "momentum", "weight-decay"] as const;

/** Reads the options. Throws a {@link KilnError} for combinations that are not allowed. */
export function readBuildRequest(given: Arguments): BuildRequest {
  const [model] = given.operands;
  const out = given.get("out");
  if (out === undefined) throw new KilnError("kiln build needs --out DIR, the folder to write to");
  const mode = choice(given, "mode", ["forward", "training"]);
  const stray = OF_TRAINING.find((name) => given.has(name));
  if (mode === "forward" && stray !== undefined) {
    throw new KilnError(`--${stray} is a setting of a training step: add --mode training`);
  }
  const target = choice(given, "backend", ["js", "wasm", "c"]);
  const foreign = OF_LIBRARIES.find((name) => given.has(name));
  if (target !== "c" && foreign !== undefined)
    throw new KilnError(`--${foreign} is a setting of a C library: add --backend c`);
  const name = given.get("name");
  if (name !== undefined) checkPrefix(name);
  const optimizer = choice(given, "optimizer", OPTIMIZER_NAMES);
  checkMomentum(optimizer, given.has("momentum"));
  const { lr, momentum, weightDecay } = defaultsOf(optimizer);
  return {
    model,
    out,
    mode,
    target,
    lanes: Number(choice(given, "lanes", LANE_CHOICES)),
    name,
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
