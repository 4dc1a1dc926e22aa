/**
 * The gpujs backends: the shared Loop IR as gpu.js kernels, one thread per element. One backend for each mode of
 * gpu.js, and `gpujs` for the best GPU mode that really runs; no mode ever silently replaces another.
 */

import { invariant, KilnError } from "../../src/core/errors.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { Backend, BackendOptions } from "../backend.ts";
import { requireOneThread } from "../options.ts";
import { PROCESSOR } from "../processor.ts";
import { MODES, type Mode, Modes } from "./modes.ts";
import { GpuProgram } from "./program.ts";
import { GpuStates } from "./states.ts";

const CAPABILITIES: Capabilities = {
  ...PROCESSOR,
  prepares: true,
  schedules: false,
  vectorWidth: 1,
  registers: 1,
  loadsFirst: true,
  threads: 1,
  tileGflops: 1,
  oneElementPerThread: true,
  // WebGPU binds eight storage buffers to a kernel, including the result.
  maxInputs: 7,
  maxOutputs: 1,
  inPlace: false,
  scatter: false,
  exactNaN: false,
};

/** The modes of this process: each is tried once, and all programs of a mode share its device. */
export const gpujsModes = new Modes();

/** All backends over gpu.js. */
export function gpujsBackends(modes: Modes = gpujsModes): readonly Backend<"gpujs" | `gpujs:${Mode}`>[] {
  return [anyGpu(modes), ...(Object.keys(MODES) as Mode[]).map((mode) => oneMode(modes, mode))];
}

const oneMode = (modes: Modes, mode: Mode): Backend<`gpujs:${Mode}`> => ({
  name: `gpujs:${mode}`,
  capabilities: CAPABILITIES,
  configured(options) {
    requirePlain(`gpujs:${mode}`, options);
    return this;
  },
  available: () => modes.status(mode),
  createStateMemory: () => new GpuStates(),
  async compile(plan, states) {
    invariant(states instanceof GpuStates, "states of a gpujs backend");
    return new GpuProgram(plan, states, await modes.device(mode));
  },
});

const anyGpu = (modes: Modes): Backend<"gpujs"> => ({
  name: "gpujs",
  capabilities: CAPABILITIES,
  configured(options) {
    requirePlain("gpujs", options);
    return this;
  },
  async available() {
    const best = await modes.best();
    return "mode" in best
      ? { available: true, reason: `takes gpujs:${best.mode} here: ${MODES[best.mode].doc}` }
      : { available: false, reason: best.reason };
  },
  createStateMemory: () => new GpuStates(),
  async compile(plan, states) {
    invariant(states instanceof GpuStates, "states of a gpujs backend");
    const best = await modes.best();
    if ("reason" in best) throw new KilnError(`the backend gpujs cannot run here: ${best.reason}`);
    return new GpuProgram(plan, states, await modes.device(best.mode));
  },
});

/** A device's driver decides how many threads it uses and how it rounds. */
function requirePlain(name: string, options: BackendOptions): void {
  requireOneThread(name, options);
  if (options.deterministic !== true) return;
  throw new KilnError(`the ${name} backend leaves rounding to the device; js and wasm can be deterministic`);
}
