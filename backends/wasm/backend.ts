/**
 * The `wasm` backend: WebAssembly with 128-bit vectors and threads, encoded here, over one memory per model. On a page's main
 * thread all of it runs in a worker, so that no step blocks the page.
 */

import { invariant, KilnError } from "../../src/core/errors.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { Backend, BackendOptions, StateMemory } from "../backend.ts";
import { checkThreads } from "../options.ts";
import { COMMON, FUSED, PROCESSOR, SCALAR } from "../processor.ts";
import { engineAvailability, requireAvailable } from "./availability.ts";
import { hasRelaxedMadd, keepsLoads } from "./engine.ts";
import { ModelMemory } from "./memory.ts";
import { RemoteMemory } from "./page/remote-memory.ts";
import { loadInWorker } from "./page/remote-program.ts";
import { pageAvailability } from "./page/worker-link.ts";
import { loadProgram } from "./program.ts";
import { canShareMemory, isPage, threadSupport } from "./threads/host.ts";

/** The throughput of full tiles on one thread of the benchmarks' machine, if multiply-adds are rounded once. */
const RELAXED_TILE_GFLOPS = 59;

/** The backend with `options`; `wasm` below is the one users name. */
export function createWasmBackend(options: BackendOptions): Backend<"wasm"> {
  const usesRelaxedMadd = (): boolean => options.deterministic !== true && hasRelaxedMadd();
  return {
    name: "wasm",
    get capabilities() {
      return {
        ...(usesRelaxedMadd() ? FUSED : PROCESSOR),
        scalar: SCALAR,
        prepares: true,
        schedules: true,
        ...COMMON,
        ...(usesRelaxedMadd() && { loadsFirst: !keepsLoads(), tileGflops: RELAXED_TILE_GFLOPS }),
        threads: options.threads ?? threadSupport().usual,
        oneElementPerThread: false,
        maxInputs: Number.POSITIVE_INFINITY,
        maxOutputs: Number.POSITIVE_INFINITY,
        inPlace: true,
        scatter: true,
        exactNaN: true,
      } satisfies Capabilities;
    },
    configured(wanted) {
      requireThreads(wanted);
      return createWasmBackend(wanted);
    },
    available: () => (isPage() ? pageAvailability() : engineAvailability()),
    createStateMemory(): StateMemory {
      if (isPage()) return new RemoteMemory();
      requireAvailable(engineAvailability());
      return new ModelMemory({ shared: canShareMemory() });
    },
    async compile(plan, states) {
      const how = { usesRelaxedMadd: usesRelaxedMadd(), mayRunAlone: options.threads === undefined };
      if (states instanceof RemoteMemory) return loadInWorker(plan, states, how);
      requireAvailable(engineAvailability());
      invariant(states instanceof ModelMemory, "states of the wasm backend");
      return loadProgram(plan, states, how);
    },
  };
}

export const wasm: Backend<"wasm"> = createWasmBackend({});

/** More threads than processors are allowed, if there are threads at all. */
function requireThreads(options: BackendOptions): void {
  checkThreads(options);
  const { possible, reason } = threadSupport();
  const { threads = 1 } = options;
  if (threads === 1 || possible) return;
  throw new KilnError(`the wasm backend cannot have ${threads} threads here: ${reason}`);
}
