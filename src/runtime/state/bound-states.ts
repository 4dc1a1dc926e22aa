/** The states that one program works on: their cells in the store and their memory, before, during and after a run. */

import type { StateMemory } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Cell, ModelState } from "./model-state.ts";
import { Preparation } from "./preparation.ts";
import { readsOf, writesOf } from "./stored-values.ts";

/** Restores states bit by bit to what they were at one point in time, any number of times. */
export type Restore = () => Promise<void>;

export class BoundStates {
  private readonly store: ModelState;
  private readonly memory: StateMemory;
  private readonly names: readonly string[];
  private readonly cells: readonly Cell[];
  /** Those that a run writes. */
  private readonly written: readonly Cell[];
  /** Those of the parameters to which a run applies an optimizer's step. */
  private readonly stepped: ReadonlySet<Cell>;

  /** What the program has prepared from them. */
  readonly preparation: Preparation;

  /** `cells` are those of the plan's states; `parameters` names those among them that are learned. */
  constructor(
    store: ModelState,
    memory: StateMemory,
    cells: readonly Cell[],
    { states, kernels, preparedTo = 0 }: ProgramPlan,
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
    const sources = new Set(kernels.slice(0, preparedTo).flatMap(readsOf));
    this.preparation = new Preparation(cells.filter((_, k) => sources.has(states[k].buffer)));
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

  /** Copies numbers that may still be referenced, before a run changes them. */
  preserve(): void | Promise<void> {
    return this.store.preserve(this.cells, this.stepped);
  }

  /** Records that a run has changed them. */
  changed(): void {
    this.store.changed(this.memory, this.cells);
  }

  /** Records that a run is about to change what it writes. */
  changing(): void {
    this.store.changing(this.written);
  }

  /** Records that a run was stopped while it changed them. */
  damaged(why: string): void {
    this.store.damaged(this.written, why);
  }

  /** Copies what a run changes, in its memory layout; returns a function that restores it. */
  async snapshot(): Promise<Restore> {
    const { store, memory } = this;
    const numbers = new Map<Cell, TypedArray>();
    for (const cell of this.written) numbers.set(cell, await memory.read(cell.id));
    return async () => {
      // A backend without a GPU may keep the array it is given, so each call gets one of its own.
      for (const [cell, data] of numbers) await store.putBack(memory, cell, data.slice());
    };
  }

  /** Copies all states of the memory to the host, if it is on a device that may be lost. */
  mirror(): Promise<void> | undefined {
    return this.memory.mirror?.();
  }
}
