/** The states that a program writes, as they were at one moment, so that they can be put back to the bit. */

import type { StateMemory } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import { writesOf } from "./stored-values.ts";

export class StateSnapshot {
  private readonly memory: StateMemory;
  private readonly numbers: ReadonlyMap<string, TypedArray>;

  private constructor(memory: StateMemory, numbers: ReadonlyMap<string, TypedArray>) {
    this.memory = memory;
    this.numbers = numbers;
  }

  /** Copies what the kernels of `plan` write of the model's states, in the layout that they have in `memory`. */
  static async of(plan: ProgramPlan, memory: StateMemory): Promise<StateSnapshot> {
    const written = new Set(plan.kernels.flatMap(writesOf));
    const numbers = new Map<string, TypedArray>();
    for (const { name, buffer } of plan.states)
      if (written.has(buffer)) numbers.set(name, await memory.read(name));
    return new StateSnapshot(memory, numbers);
  }

  async restore(): Promise<void> {
    // A backend without a GPU may keep the array it is given: each time it gets one of its own.
    for (const [name, data] of this.numbers) await this.memory.write(name, data.slice());
  }
}
