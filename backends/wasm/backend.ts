/** The `wasm` backend: WebAssembly with 128-bit vectors, encoded here, over one memory per model; one thread. */

import { invariant, KilnError } from "../../src/core/errors.ts";
import type { Availability, Backend } from "../backend.ts";
import { engine, hasRelaxedMadd, hasSimd, mayCompile } from "./engine.ts";
import { ModelMemory } from "./memory.ts";
import { loadProgram } from "./program.ts";

export interface WasmOptions {
  /** Whether the bits must be the same on every engine: no instruction whose rounding is the engine's choice. */
  readonly deterministic: boolean;
}

/**
 * Registers that a tile and what feeds it may fill. Of 16, one is left for products: Node 20 moves all loads of a block
 * before its arithmetic, and a tile of four rows of two vectors (14) is the largest that it does not spill. Multiply-add
 * takes its factors from memory and has no product to keep: six rows of two vectors (20) run best there.
 */
const REGISTERS = { plain: 15, relaxed: 20 } as const;

/** The backend with the given options; `wasm` below is the one users name. */
export function createWasmBackend({ deterministic }: WasmOptions): Backend {
  const usesRelaxedMadd = (): boolean => !deterministic && hasRelaxedMadd();
  return {
    name: "wasm",
    get capabilities() {
      return {
        schedules: true,
        vectorWidth: 4,
        registers: usesRelaxedMadd() ? REGISTERS.relaxed : REGISTERS.plain,
        oneElementPerThread: false,
        maxInputs: Number.POSITIVE_INFINITY,
        maxOutputs: Number.POSITIVE_INFINITY,
        inPlace: true,
        scatter: true,
        exactNaN: true,
      };
    },
    available,
    createStateMemory() {
      requireEngine();
      return new ModelMemory();
    },
    async compile(plan, states) {
      requireEngine();
      invariant(states instanceof ModelMemory, "states of the wasm backend");
      return loadProgram(plan, states, { usesRelaxedMadd: usesRelaxedMadd() });
    },
  };
}

export const wasm: Backend = createWasmBackend({ deterministic: false });

function available(): Availability {
  if (engine() === undefined) return { available: false, reason: "this engine has no WebAssembly" };
  if (!hasSimd())
    return { available: false, reason: "this engine's WebAssembly has no 128-bit vectors (SIMD)" };
  if (!mayCompile()) {
    return {
      available: false,
      reason: "the page's content security policy forbids WebAssembly (wasm-unsafe-eval)",
    };
  }
  const madd = hasRelaxedMadd() ? ", relaxed multiply-add" : "";
  return { available: true, reason: `WebAssembly with 128-bit vectors${madd}, one thread` };
}

function requireEngine(): void {
  const { available: ready, reason } = available();
  if (!ready) throw new KilnError(`the wasm backend cannot run here: ${reason}; the js backend can`);
}
