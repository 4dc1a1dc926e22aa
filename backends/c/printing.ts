/** The `c` backend for plans and code alone: it runs nothing, so it needs neither a compiler nor koffi. */

import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { InternalError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { Backend, StateMemory } from "../backend.ts";
import { StateSegments } from "../state-segments.ts";
import { createCBackend } from "./backend.ts";

/**
 * Compiles for one thread and any processor: with lanes for those that may
 * have fused multiply-adds, and without lanes for the same bits everywhere.
 */
export function createPrintingBackend(lanes: number): Backend {
  const made = createCBackend({ lanes, isFused: lanes > 1, deterministic: lanes === 1, threads: 1 });
  const backend: Backend = {
    // States in its memory are not those of programs that run.
    name: `${made.name}:printed`,
    // A library's weights are constants that many models share: each would need memory for values prepared from them.
    capabilities: { ...made.capabilities, prepares: false },
    configured: () => backend,
    available: () => ({ available: true, reason: "code is printed and not run" }),
    createStateMemory: () => new KeptStates(),
    compile: async () => ({
      backend: backend.name,
      sources: [],
      dispose() {},
      ...{ write: refuse, run: refuse, move: refuse, read: refuse },
    }),
  };
  return backend;
}

function refuse(): never {
  throw new InternalError("a program that is only printed does not run");
}

/** Keeps numbers to be read again. */
class KeptStates extends StateSegments implements StateMemory {
  private readonly numbers = new Map<string, TypedArray>();

  async read(name: string): Promise<TypedArray> {
    const { dtype, shape } = this.slot(name);
    return this.numbers.get(name) ?? allocate(dtype, sizeOf(shape));
  }

  async write(name: string, data: TypedArray): Promise<void> {
    this.numbers.set(name, data.slice());
  }
}
