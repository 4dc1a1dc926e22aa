/**
 * The store of a model: one owner for its parameters, buffers and optimizer states, shared by every program
 * compiled from it. Each backend has a memory of its own; a value is copied only if it is stale there.
 */

import type { Backend, StateMemory } from "../../../backends/backend.ts";
import type { TypedArray } from "../../core/dtype.ts";
import { DamagedStateError, invariant, KilnError } from "../../core/errors.ts";
import { type Layout, rowMajor, sameLayout } from "../../core/layout.ts";
import type { TensorType } from "../../ir/types.ts";
import { HostStorage, type Storage } from "../../tensor/storage.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Version } from "../../tensor/version.ts";
import { ownerOf, renewMemory } from "../../tensor/view.ts";
import { readState, type StoredState, writeState } from "./state-numbers.ts";

/** A state as programs ask for it: a tensor of the model or of an optimizer, and its name in the program's graph. */
export interface StateRequest {
  readonly name: string;
  readonly tensor: Tensor;
  /** The program's layout for it in memory, if not row-major. */
  readonly layout?: Layout;
}

/** The place of a state in the store. */
export interface Cell {
  /** Its name in every memory: that in the first graph that asked for it, made unique. */
  readonly id: string;
  readonly type: TensorType;
  readonly tensor: Tensor;
  /** The version of the tensor that the cell holds; the tensor has another one if its user has changed it. */
  version: Version | undefined;
  /** Memories that hold the current value. */
  readonly current: Set<StateMemory>;
  /** How often numbers have been written to it, in any memory: what was prepared from earlier ones is stale. */
  revision: number;
  /** Its layout in each memory that has it: that of the first program there. */
  readonly layouts: Map<StateMemory, Layout>;
  /** Why its numbers are damaged, if they are; its user can assign others. */
  damage: string | undefined;
}

const homes = new WeakMap<Tensor, ModelState>();

export class ModelState {
  private readonly memories = new Map<string, StateMemory>();
  private readonly cells = new Map<Tensor, Cell>();
  private readonly ids = new Set<string>();
  private tail: Promise<unknown> = Promise.resolve();
  private isAttaching = false;

  /** The state that already owns one of `tensors`, or a new one. */
  static for(tensors: Iterable<Tensor>): ModelState {
    const owners = new Set([...tensors].flatMap((tensor) => homes.get(ownerOf(tensor)) ?? []));
    if (owners.size > 1) {
      throw new KilnError(
        "this model shares parameters with several models that were compiled separately: compile the combined model first",
      );
    }
    return [...owners][0] ?? new ModelState();
  }

  /** The memory on a backend, however that is configured. */
  memoryOn(backend: Backend): StateMemory {
    let memory = this.memories.get(backend.name);
    if (memory === undefined) {
      memory = backend.createStateMemory();
      this.memories.set(backend.name, memory);
    }
    return memory;
  }

  /** The layouts of those `states` that programs on `backend` already have; others may be chosen freely. */
  layoutsOn(backend: Backend, states: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Layout> {
    const memory = this.memoryOn(backend);
    return new Map(
      [...states].flatMap(([name, tensor]): [string, Layout][] => {
        const layout = this.cells.get(tensor)?.layouts.get(memory);
        return layout === undefined ? [] : [[name, layout]];
      }),
    );
  }

  /** Allocates all `requests` on `backend` and takes over their tensors; returns the cell of each. */
  async attach(backend: Backend, requests: readonly StateRequest[]): Promise<readonly Cell[]> {
    const memory = this.memoryOn(backend);
    const cells = requests.map((request) => this.cell(request));
    for (const [k, { name, layout }] of requests.entries()) {
      const { layouts, type } = cells[k];
      const wanted = layout ?? rowMajor(type.shape.length);
      const settled = layouts.get(memory) ?? wanted;
      invariant(sameLayout(settled, wanted), `${name} lies in the order [${settled}], not [${wanted}]`);
      layouts.set(memory, settled);
    }
    memory.allocate(cells.map(({ id, type }) => ({ name: id, ...type })));
    for (const cell of cells) {
      if (cell.version === undefined) await this.computed(cell.tensor);
      await this.takeOver(cell, memory);
      homes.set(cell.tensor, this);
    }
    return cells;
  }

  /** Waits for numbers that may be computed from those of this state, whose queue is waiting here. */
  private async computed({ version }: Tensor): Promise<void> {
    if (version.storage !== undefined) return;
    this.isAttaching = true;
    try {
      await version.read();
    } finally {
      this.isAttaching = false;
    }
  }

  /** Runs `read`, which changes nothing, in order with the queue. */
  inTurn<T>(read: () => Promise<T>): Promise<T> {
    return this.isAttaching ? read() : this.enqueue(read);
  }

  private cell({ name, tensor }: StateRequest): Cell {
    let cell = this.cells.get(tensor);
    if (cell === undefined) {
      let id = name;
      for (let k = 2; this.ids.has(id); k++) id = `${name}#${k}`;
      this.ids.add(id);
      const type = { dtype: tensor.dtype, shape: tensor.shape };
      cell = {
        id,
        type,
        tensor,
        version: undefined,
        current: new Set(),
        revision: 0,
        layouts: new Map(),
        damage: undefined,
      };
      this.cells.set(tensor, cell);
    }
    return cell;
  }

  /** Copies numbers that the tensor's user has assigned into the cell, which backs the tensor from then on. */
  private async takeOver(cell: Cell, memory: StateMemory): Promise<void> {
    const { storage } = cell.tensor.version;
    // Numbers that are still being computed belong to a later call.
    if (cell.tensor.version === cell.version || storage === undefined) return;
    const numbers = await this.numbersIn(storage);
    if (cell.version?.isUsed) await save(cell);
    await writeCell(cell, memory, numbers);
    cell.damage = undefined;
    cell.current.clear();
    cell.current.add(memory);
    cell.version = versionIn(this, cell);
    cell.tensor.become(cell.version);
  }

  /** Inside the queue this state's own cells are read directly: their `read` would wait for the queue. */
  private numbersIn(storage: Storage): Promise<TypedArray> {
    return storage instanceof CellStorage && storage.state === this ? storage.readNow() : storage.read();
  }

  /**
   * Waits for the results of in-place operations that are still to
   * be computed, if any, since that may itself need the queue.
   */
  settle(): Promise<unknown> | undefined {
    // Before nearly every step nothing is pending: finding that out allocates nothing.
    for (const tensor of this.cells.keys()) {
      if (tensor.version.storage === undefined) return settled(this.cells.keys());
    }
    return undefined;
  }

  /** Brings every state of `memory` up to date before a program runs on it. */
  refresh(memory: StateMemory, cells: readonly Cell[]): void | Promise<void> {
    // Before nearly every run nothing is stale: finding that out allocates nothing.
    for (const cell of cells) if (isStale(cell, memory)) return this.bringUpToDate(memory, cells);
  }

  private async bringUpToDate(memory: StateMemory, cells: readonly Cell[]): Promise<void> {
    for (const cell of cells) {
      if (cell.tensor.version !== cell.version) await this.takeOver(cell, memory);
      if (cell.damage !== undefined) throw new DamagedStateError(cell.damage);
      if (!isCopyStale(cell, memory)) continue;
      await writeCell(cell, memory, await readCell(cell));
      cell.current.add(memory);
    }
  }

  /**
   * Copies the numbers that may still be referenced, before a program changes `cells`. Those in `stepped` are
   * parameters to which it applies an optimizer's step, which gives them new memory.
   */
  preserve(cells: readonly Cell[], stepped: ReadonlySet<Cell>): void | Promise<void> {
    let isUsed = false;
    for (const cell of cells) {
      const { version, tensor } = cell;
      if (stepped.has(cell) && tensor.version === version) renewMemory(tensor);
      isUsed ||= version?.isUsed === true;
    }
    return isUsed ? this.saveUsed(cells) : undefined;
  }

  private async saveUsed(cells: readonly Cell[]): Promise<void> {
    for (const cell of cells) {
      const { version, tensor } = cell;
      if (version === undefined || !version.isUsed) continue;
      await save(cell);
      cell.version = versionIn(this, cell);
      if (tensor.version === version) tensor.become(cell.version);
    }
  }

  /**
   * Records that a program is about to write `cells`: what was prepared from them is stale, however far the write gets.
   */
  changing(cells: readonly Cell[]): void {
    for (const cell of cells) cell.revision++;
  }

  /** Restores numbers that were read from `memory`, in their layout there. */
  putBack(memory: StateMemory, cell: Cell, data: TypedArray): Promise<void> {
    cell.revision++;
    return memory.write(cell.id, data);
  }

  /** Records that a program on `memory` has written `cells`: all other copies are stale. */
  changed(memory: StateMemory, cells: readonly Cell[]): void {
    for (const cell of cells) {
      if (cell.current.size === 1 && cell.current.has(memory)) continue;
      cell.current.clear();
      cell.current.add(memory);
    }
  }

  /**
   * Records that a program was stopped while it wrote `cells`,
   * and `why`: they are not read until they get other numbers.
   */
  damaged(cells: readonly Cell[], why: string): void {
    for (const cell of cells) cell.damage = why;
  }

  /** Runs `work` after everything that was queued before it on this model. */
  enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

/** Waits for those of `tensors` whose numbers have not been computed yet. */
export function settled(tensors: Iterable<Tensor>): Promise<unknown> {
  const waiting = [...tensors].filter(({ version }) => version.storage === undefined);
  return Promise.all(waiting.map(({ version }) => version.read()));
}

/** Whether a cell's numbers are elsewhere and not in `memory`. */
const isCopyStale = ({ current }: Cell, memory: StateMemory): boolean =>
  current.size > 0 && !current.has(memory);

/** Whether a cell has to be written to `memory` before a program reads it there. */
const isStale = (cell: Cell, memory: StateMemory): boolean =>
  cell.tensor.version !== cell.version || cell.damage !== undefined || isCopyStale(cell, memory);

function versionIn(state: ModelState, cell: Cell): Version {
  const storage = new CellStorage(state, cell);
  const version = Version.of(cell.type, storage);
  storage.version = version;
  return version;
}

const stateIn = ({ id, type, layouts }: Cell, memory: StateMemory): StoredState => ({
  name: id,
  ...type,
  layout: layouts.get(memory) ?? rowMajor(type.shape.length),
});

async function readCell(cell: Cell): Promise<TypedArray> {
  if (cell.damage !== undefined) throw new DamagedStateError(cell.damage);
  const [memory] = cell.current;
  return readState(memory, stateIn(cell, memory));
}

/** Copies the numbers of a cell that is about to be written, for those that still refer to its version. */
async function save(cell: Cell): Promise<void> {
  const { damage } = cell;
  const storage = damage === undefined ? new HostStorage(await readCell(cell)) : new LostStorage(damage);
  cell.version!.moveTo(storage);
}

/** Stands for numbers that are lost. */
class LostStorage implements Storage {
  private readonly why: string;

  constructor(why: string) {
    this.why = why;
  }

  async read(): Promise<TypedArray> {
    throw new DamagedStateError(this.why);
  }

  peek(): undefined {
    return undefined;
  }
}

function writeCell(cell: Cell, memory: StateMemory, data: TypedArray): Promise<void> {
  cell.revision++;
  return writeState(memory, stateIn(cell, memory), data);
}

/** A version's view of its cell. */
class CellStorage implements Storage {
  readonly state: ModelState;
  private readonly cell: Cell;
  /** The version in this cell until a program is about to change it. */
  version: Version | undefined;

  constructor(state: ModelState, cell: Cell) {
    this.state = state;
    this.cell = cell;
  }

  read(): Promise<TypedArray> {
    return this.state.inTurn(() => this.readNow());
  }

  readNow(): Promise<TypedArray> {
    const storage = this.version?.storage ?? this;
    return storage === this ? readCell(this.cell) : storage.read();
  }

  peek(): undefined {
    return undefined;
  }
}
