/**
 * The store of a model: one owner for its parameters, buffers and optimizer states, shared by every program
 * compiled from it. Each backend has a memory of its own; a value is copied over only where it is stale.
 */

import type { Backend, StateMemory } from "../../backends/backend.ts";
import type { TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { TensorType } from "../ir/types.ts";
import type { Storage, Tensor } from "../tensor/tensor.ts";

/** A state as programs ask for it: a tensor of the model, or a zeroed state of an optimizer. */
export interface StateRequest {
  /** The name in the program's graph. */
  readonly name: string;
  readonly type: TensorType;
  /** What identifies it: the tensor, or the optimizer together with the name. */
  readonly owner: Tensor | object;
  readonly tensor?: Tensor;
}

interface Cell {
  readonly id: string;
  readonly type: TensorType;
  /** Memories that hold the current value. */
  readonly current: Set<StateMemory>;
}

const homes = new WeakMap<Tensor, ModelState>();

export class ModelState {
  private readonly memories = new Map<Backend, StateMemory>();
  private readonly cells = new Map<object, Map<string, Cell>>();
  private readonly ids = new Set<string>();
  private tail: Promise<unknown> = Promise.resolve();

  /** The state that already owns one of `tensors`, or a new one. */
  static for(tensors: Iterable<Tensor>): ModelState {
    const owners = new Set([...tensors].flatMap((tensor) => homes.get(tensor) ?? []));
    if (owners.size > 1) {
      throw new KilnError(
        "this model shares parameters with several models that were compiled separately: compile the combined model first",
      );
    }
    return [...owners][0] ?? new ModelState();
  }

  memoryOn(backend: Backend): StateMemory {
    let memory = this.memories.get(backend);
    if (memory === undefined) {
      memory = backend.createStateMemory();
      this.memories.set(backend, memory);
    }
    return memory;
  }

  /** Makes room for all `requests` on `backend` and takes tensors over; returns the id of each name. */
  async attach(backend: Backend, requests: readonly StateRequest[]): Promise<ReadonlyMap<string, string>> {
    const memory = this.memoryOn(backend);
    const ids = new Map<string, string>();
    const cells = requests.map((request) => this.cell(request));
    memory.allocate(cells.map(({ id, type }) => ({ name: id, ...type })));
    for (const [k, request] of requests.entries()) {
      const cell = cells[k];
      ids.set(request.name, cell.id);
      if (cell.current.size > 0 || request.tensor === undefined) continue;
      await memory.write(cell.id, await request.tensor.data());
      cell.current.add(memory);
      request.tensor.rebind(new CellStorage(this, cell, memory));
      homes.set(request.tensor, this);
    }
    return ids;
  }

  private cell({ name, type, owner, tensor }: StateRequest): Cell {
    const key = tensor === undefined ? name : "";
    let owned = this.cells.get(owner);
    if (owned === undefined) {
      owned = new Map();
      this.cells.set(owner, owned);
    }
    let cell = owned.get(key);
    if (cell === undefined) {
      let id = name;
      for (let k = 2; this.ids.has(id); k++) id = `${name}#${k}`;
      this.ids.add(id);
      cell = { id, type, current: new Set() };
      owned.set(key, cell);
    }
    return cell;
  }

  /** Brings every state of `memory` up to date before a program runs on it. */
  async refresh(memory: StateMemory, cells: readonly Cell[]): Promise<void> {
    for (const cell of cells) {
      if (cell.current.size === 0 || cell.current.has(memory)) continue;
      const [source] = cell.current;
      await memory.write(cell.id, await source.read(cell.id));
      cell.current.add(memory);
    }
  }

  /** The cells behind ids, for `refresh` and `changed`. */
  cellsOf(ids: Iterable<string>): readonly Cell[] {
    const wanted = new Set(ids);
    return [...this.cells.values()]
      .flatMap((owned) => [...owned.values()])
      .filter((cell) => wanted.has(cell.id));
  }

  /** Records that a program on `memory` has written `cells`: all other copies are stale. */
  changed(memory: StateMemory, cells: readonly Cell[]): void {
    for (const cell of cells) {
      if (cell.current.size === 1 && cell.current.has(memory)) continue;
      cell.current.clear();
      cell.current.add(memory);
    }
  }

  /** Runs `work` after everything that was queued before it on this model. */
  enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

export type { Cell };

/** A tensor's view of its cell. */
class CellStorage implements Storage {
  private readonly state: ModelState;
  private readonly cell: Cell;
  private readonly home: StateMemory;

  constructor(state: ModelState, cell: Cell, home: StateMemory) {
    this.state = state;
    this.cell = cell;
    this.home = home;
  }

  read(): Promise<TypedArray> {
    return this.state.enqueue(() => ([...this.cell.current][0] ?? this.home).read(this.cell.id));
  }

  peek(): undefined {
    return undefined;
  }

  write(data: TypedArray): Promise<void> {
    return this.state.enqueue(async () => {
      await this.home.write(this.cell.id, data);
      this.state.changed(this.home, [this.cell]);
    });
  }
}
