/** Runs the small programs of a search on a backend, on plausible numbers. */

import type { Backend, Executable } from "../../backends/backend.ts";
import { allocate, type TypedArray } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { BufferParam } from "../loop/types.ts";
import type { Prepare, Runner } from "./search.ts";

/**
 * Prepares programs on `backend`, one after another or, if it can, all at once; all of them share one memory, in which
 * each has its arena while it lives. `clock` returns milliseconds.
 */
export function prepareOn(backend: Backend, clock: () => number = () => performance.now()): Prepare {
  const memory = backend.createStateMemory();
  return async function* (plans) {
    if (backend.compileTogether === undefined) {
      for (const plan of plans) yield await runnerOf(await backend.compile(plan, memory), plan, clock);
      return;
    }
    const all = [...plans];
    const waiting = [...(await backend.compileTogether(all, memory))];
    try {
      for (const plan of all) yield await runnerOf(waiting.shift()!, plan, clock);
    } finally {
      // Programs that were never taken.
      for (const executable of waiting) executable.dispose();
    }
  };
}

async function runnerOf(executable: Executable, plan: ProgramPlan, clock: () => number): Promise<Runner> {
  const params = new Map(plan.kernels.flatMap(({ buffers }) => buffers.map((b) => [b.name, b])));
  for (const [k, { buffer, dtype, shape }] of plan.inputs.entries()) {
    const data = allocate(dtype, sizeOf(shape));
    fill(data, params.get(buffer), k + 1);
    await executable.write(buffer, data);
  }
  // Ones are plausible for learning rates and for step numbers alike.
  const scalars = new Float64Array(plan.scalars.length).fill(1);
  const { length } = plan.kernels;
  return {
    async run(times) {
      const begin = clock();
      for (let k = 0; k < times; k++) {
        const done = executable.run(0, length, scalars);
        if (done !== undefined) await done;
      }
      return clock() - begin;
    },
    dispose: () => executable.dispose(),
  };
}

/** Numbers of both signs, or indices over the whole range that the buffer declares; zeros if it declares none. */
function fill(data: TypedArray, param: BufferParam | undefined, seed: number): void {
  const [low, high] = param?.range ?? (param?.dtype === "bool" ? [0, 1] : [0, 0]);
  const isFloat = data instanceof Float32Array;
  let state = seed;
  for (let k = 0; k < data.length; k++) {
    // A linear congruential generator (Numerical Recipes): the bits need not be good.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const share = state / 2 ** 32;
    data[k] = isFloat ? 2 * share - 1 : low + Math.floor(share * (high - low + 1));
  }
}
