/** Whether this thread's engine can run the backend's code, and if not, why. */

import { KilnError } from "../../src/core/errors.ts";
import type { Availability } from "../backend.ts";
import { engine, hasRelaxedMadd, hasSimd, mayCompile } from "./engine.ts";
import { threadSupport } from "./threads/host.ts";

export function engineAvailability(): Availability {
  if (engine() === undefined) return { available: false, reason: "this engine has no WebAssembly" };
  if (!hasSimd())
    return { available: false, reason: "this engine's WebAssembly has no 128-bit vectors (SIMD)" };
  if (!mayCompile()) {
    return {
      available: false,
      reason: "the page's content security policy forbids WebAssembly: allow script-src 'wasm-unsafe-eval'",
    };
  }
  const madd = hasRelaxedMadd() ? ", relaxed multiply-add" : "";
  return { available: true, reason: `WebAssembly with 128-bit vectors${madd}, ${threadSupport().reason}` };
}

/** Throws unless `availability` says that the backend can run. */
export function requireAvailable({ available, reason }: Availability): void {
  if (!available) throw new KilnError(`the wasm backend cannot run here: ${reason}; the js backend can`);
}
