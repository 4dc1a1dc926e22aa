/** The validated options of `kiln explore`. */

import { basename, extname } from "node:path";
import { KilnError } from "../../core/errors.ts";
import type { Arguments } from "../command.ts";
import { choice, distinct, nonNegativeNumber, wholeNumber } from "../values.ts";

export interface ExploreRequest {
  readonly model: string;
  readonly mode: "training" | "forward";
  readonly backends: readonly string[];
  readonly batchSize: number | undefined;
  /** How long each backend is measured; 0 skips measuring. */
  readonly seconds: number;
  readonly out: string;
  /** Whether to open the page in the browser. */
  readonly open: boolean;
  /** The port to serve the page on; absent if it is not served. */
  readonly port: number | undefined;
}

/** Reads the options. Throws a {@link KilnError} for combinations that are not allowed. */
export function readExploreRequest(given: Arguments): ExploreRequest {
  const [model] = given.operands;
  const backends = (given.get("backends") ?? "wasm,js").split(",").map((name) => name.trim());
  const port = given.has("serve") ? wholeNumber(given, "serve", 0, 0) : undefined;
  if (port !== undefined && port > 65535)
    throw new KilnError(`--serve must be a port up to 65535, not ${port}`);
  return {
    model,
    mode: choice(given, "mode", ["training", "forward"]),
    backends: distinct("backends", "a backend", backends),
    batchSize: given.has("batch-size") ? wholeNumber(given, "batch-size", 1, 1) : undefined,
    seconds: nonNegativeNumber(given, "seconds", 0.5),
    out: given.get("out") ?? `${basename(model, extname(model))}.html`,
    open: !given.has("no-open") && process.stdout.isTTY === true,
    port,
  };
}
