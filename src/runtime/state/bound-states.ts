/** The states that one program works on: their cells in the store and the memory they lie in, before, in and after a run. */

import type { StateMemory } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Cell, ModelState } from "./model-state.ts";
import { writesOf } from "./stored-values.ts";

/** Puts states back to the bit as they were at one moment, as often as it is asked to. */
export type Restore = () => Promise<void>;

export class BoundStates {
  private readonly store: ModelState;
  private readonly memory: StateMemory;
  private readonly names: readonly string[];
  private readonly cells: readonly Cell[];
  /** Those that a run writes. */
  private readonly written: readonly Cell[];
  /** Those of the parameters that a run does an optimizer's step to. */
  private readonly stepped: ReadonlySet<Cell>;

  /** `cells` are those of the plan's states; of these `parameters` names what is learned. */
  constructor(
    store: ModelState,
    memory: StateMemory,
    cells: readonly Cell[],
    { states, kernels }: ProgramPlan,
    parameters: readonly string[],
  ) {
    this.store = store;
    this.memory = memory;
    this.cells = cells;
    this.names = states.map(({ name }) => name);
    const buffers = new Set(kernels.flatMap(writesOf));
    const learned = new Set(parameters);
    const isWritten = (k: number): boolean => buffers.has(states[k].buffer);
    this.written = cells.filter((_, k) => isWritten(k));
    this.stepped = new Set(cells.filter((_, k) => isWritten(k) && learned.has(states[k].name)));
  }

  /** The tensor behind each state, under its name in the plan. */
  get tensors(): ReadonlyMap<string, Tensor> {
    return new Map(this.names.map((name, k) => [name, this.cells[k].tensor]));
  }

  /** Makes all of them current, before a run. */
  refresh(): void | Promise<void> {
    return this.store.refresh(this.memory, this.cells);
  }

  /** Copies what somebody may still refer to, before a run changes it. */
  preserve(): void | Promise<void> {
    return this.store.preserve(this.cells, this.stepped);
  }

  /** Records that a run has changed them. */
  changed(): void {
    this.store.changed(this.memory, this.cells);
  }

  /** Records that a run was stopped while it changed them. */
  damaged(why: string): void {
    this.store.damaged(this.written, why);
  }

  /** Copies what a run changes, in the layout that it has in memory; gives what puts it back. */
  async snapshot(): Promise<Restore> {
    const numbers = new Map<string, TypedArray>();
    for (const { id } of this.written) numbers.set(id, await this.memory.read(id));
    return async () => {
      // A backend without a GPU may keep the array it is given: each time it gets one of its own.
      for (const [id, data] of numbers) await this.memory.write(id, data.slice());
    };
  }

  /** Copies all states of the memory to the host, where it lies on a device that may be lost. */
  mirror(): Promise<void> | undefined {
    return this.memory.mirror?.();
  }
}
