/** The `c` backend: kernels as C with the machine's own vectors, built by the system's compiler and run in process. */

import { invariant } from "../../src/core/errors.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Availability, Backend, BackendOptions, Executable, StateMemory } from "../backend.ts";
import { checkThreads, MOST_THREADS } from "../options.ts";
import { COMMON, costsInLanes, FUSED, PROCESSOR, SCALAR } from "../processor.ts";
import { type Koffi, loadKoffi } from "./koffi.ts";
import { prepareRuntime } from "./library.ts";
import { CStates } from "./memory.ts";
import { node } from "./node.ts";
import type { CodeOptions } from "./print/prelude.ts";
import { fewerLanes } from "./print/scope.ts";
import { loadPrograms } from "./program.ts";
import { requireToolchain, toolchain } from "./toolchain.ts";

export interface CBackendOptions extends BackendOptions {
  /**
   * Floats in a vector, a power of two from 4 on: by default as many as
   * the processor's registers have. 1 stands for C without vectors.
   */
  readonly lanes?: number;
  /** Whether products and sums are rounded once if the processor can: by default if this one does. */
  readonly isFused?: boolean;
}

/** Registers that a tile and its operands may fill. */
const REGISTERS = { few: 15, many: 30 } as const;

/** The throughput of full tiles on one thread per lane, in GFLOP/s. */
const TILE_GFLOPS_PER_LANE = 10;

/**
 * The cost of synchronising threads, in nanoseconds: a call takes 0.3 µs there and back while they are spinning, 4.6 if
 * they sleep. (LeNet's step at batch 8 takes 5 % less than with wasm's numbers; smaller ones make LSTM's slower.)
 */
const TOGETHER = { meeting: 500, share: 800, waking: 3_000 } as const;

/** The backend with `options`; `c` below is the one users name. */
export function createCBackend(options: CBackendOptions): Backend<"c"> {
  /** The options of its code. */
  const code = (): CodeOptions => {
    const { lanes, isFused } = options;
    if (lanes !== undefined && isFused !== undefined) return { lanes, isFused };
    const found = toolchain();
    const has = "missing" in found ? { lanes: COMMON.vectorWidth, hasFusedMultiplyAdd: false } : found;
    return options.deterministic === true || options.lanes === 1
      ? { lanes: options.lanes ?? COMMON.vectorWidth, isFused: false }
      : { lanes: options.lanes ?? has.lanes, isFused: has.hasFusedMultiplyAdd };
  };
  const threads = (): number => options.threads ?? processors();
  const load = async (plans: readonly ProgramPlan[], states: StateMemory): Promise<readonly Executable[]> => {
    invariant(states instanceof CStates, "states of the c backend");
    return loadPrograms(plans, states, {
      koffi: await koffi(),
      toolchain: requireToolchain(),
      code: code(),
      flushesToZero: options.deterministic !== true,
      processors: processors(),
      mayRunAlone: options.threads === undefined,
    });
  };
  return {
    name: "c",
    get capabilities() {
      const { lanes, isFused } = code();
      const processor = isFused ? FUSED : PROCESSOR;
      const costsFor = (count: number) => ({
        vectorWidth: count,
        costs: costsInLanes(processor.costs, count),
      });
      return {
        ...processor,
        ...(lanes === 1 && SCALAR),
        scalar: SCALAR,
        prepares: true,
        schedules: true,
        ...(options.deterministic === true
          ? COMMON
          : {
              registers: lanes >= 16 ? REGISTERS.many : REGISTERS.few,
              loadsFirst: false,
              tileGflops: TILE_GFLOPS_PER_LANE * lanes,
              ...(lanes > 1 && { ...costsFor(lanes), fewerLanes: fewerLanes(lanes).map(costsFor) }),
            }),
        times: { ...processor.times, ...TOGETHER },
        vectorWidth: lanes,
        threads: threads(),
        oneElementPerThread: false,
        maxInputs: Number.POSITIVE_INFINITY,
        maxOutputs: Number.POSITIVE_INFINITY,
        inPlace: true,
        scatter: true,
        exactNaN: true,
      } satisfies Capabilities;
    },
    configured(wanted) {
      checkThreads(wanted);
      return createCBackend({ ...options, ...wanted });
    },
    async available(): Promise<Availability> {
      const found = toolchain();
      if ("missing" in found)
        return { available: false, reason: `${found.missing}; the wasm backend runs everywhere` };
      try {
        await koffi();
      } catch (error) {
        return { available: false, reason: (error as Error).message };
      }
      const { lanes } = code();
      return {
        available: true,
        reason: `${found.command} (${found.version}), ${lanes} lanes, ${threads() === 1 ? "one thread" : `${threads()} threads`}`,
      };
    },
    createStateMemory(): StateMemory {
      // A program is about to be compiled.
      const found = toolchain();
      if (!("missing" in found)) prepareRuntime(found);
      return new CStates(koffi());
    },
    compile: async (plan, states) => (await load([plan], states))[0],
    compileTogether: load,
  };
}

export const c: Backend<"c"> = createCBackend({});

let loaded: Promise<Koffi> | undefined;

/** Loaded once; if that fails, all who wait for it get the error. */
function koffi(): Promise<Koffi> {
  loaded ??= loadKoffi();
  loaded.catch(() => {
    loaded = undefined;
  });
  return loaded;
}

const processors = (): number => Math.min(MOST_THREADS, node?.("node:os").availableParallelism() ?? 1);
