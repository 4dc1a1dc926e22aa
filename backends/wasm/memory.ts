/**
 * The linear memory of a model: its states, and one region for each program's arena, so that all programs compiled
 * from the model work on the same parameters. Freed regions are reused; nothing ever moves.
 */

import { byteSize, type DType, type TypedArray, viewOf } from "../../src/core/dtype.ts";
import { invariant, KilnError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { StateMemory, StateSpec } from "../backend.ts";
import type { MemoryLimits } from "./encode/module.ts";
import { type EngineMemory, engine } from "./engine.ts";

/** The names under which modules import their memory. */
export const MEMORY_IMPORT = { module: "kiln", field: "memory" } as const;

const PAGE = 65536;
/** The limit of 32-bit addresses. */
const MOST_PAGES = 65536;
/** A cache line, and enough for any vector. */
const ALIGNMENT = 64;

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MB`;

/** The length of a region for `bytes`. */
export const regionBytes = (bytes: number): number => align(Math.max(1, bytes));

/** A piece of the memory, in bytes. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

/** Typed access to a region of the memory; growing detaches views, so they are recreated when needed. */
export class View {
  private readonly memory: EngineMemory;
  private readonly dtype: DType | "float64";
  private readonly offset: number;
  private readonly length: number;
  private current: TypedArray | undefined;

  constructor(memory: EngineMemory, dtype: DType | "float64", offset: number, length: number) {
    this.memory = memory;
    this.dtype = dtype;
    this.offset = offset;
    this.length = length;
  }

  get array(): TypedArray {
    if (this.current?.buffer !== this.memory.buffer) this.current = this.make();
    return this.current!;
  }

  private make(): TypedArray {
    const { memory, dtype, offset, length } = this;
    return dtype === "float64"
      ? new Float64Array(memory.buffer, offset, length)
      : viewOf(memory.buffer, dtype, offset, length);
  }
}

interface StateSlot {
  readonly offset: number;
  readonly view: View;
}

export class ModelMemory implements StateMemory {
  readonly memory: EngineMemory;
  /** As modules that import it declare it. */
  readonly limits: MemoryLimits;
  private readonly slots = new Map<string, StateSlot>();
  /** Unused regions, in the order of their offsets, none touching the next. */
  private free: readonly Region[] = [];
  /** Everything from here on has never been allocated. The first bytes stay unused: no buffer is at 0. */
  private end = ALIGNMENT;
  /** Everything from here on is as the engine returned it: zeros, whose pages have not been touched. */
  private untouched = ALIGNMENT;
  private stateBytes = 0;

  /** A shared memory can be used by workers as well. */
  constructor({ shared = false }: { readonly shared?: boolean } = {}) {
    const { Memory } = engine()!;
    this.limits = shared ? { minimum: 1, maximum: MOST_PAGES, shared } : { minimum: 1 };
    const { minimum, ...rest } = this.limits;
    this.memory = new Memory({ initial: minimum, ...rest });
  }

  get byteLength(): number {
    return this.stateBytes;
  }

  allocate(states: readonly StateSpec[]): void {
    for (const { name, dtype, shape } of states) {
      if (this.slots.has(name)) continue;
      const length = sizeOf(shape);
      const { untouched } = this;
      const region = this.reserve(length * byteSize(dtype));
      const used = Math.min(region.length, untouched - region.offset);
      if (used > 0) new Uint8Array(this.memory.buffer, region.offset, used).fill(0);
      const view = new View(this.memory, dtype, region.offset, length);
      this.slots.set(name, { offset: region.offset, view });
      this.stateBytes += region.length;
    }
  }

  async read(name: string): Promise<TypedArray> {
    return this.state(name).view.array.slice();
  }

  async write(name: string, data: TypedArray): Promise<void> {
    this.state(name).view.array.set(data);
  }

  /** The position of a state and the view of it. */
  state(name: string): StateSlot {
    const slot = this.slots.get(name);
    invariant(slot !== undefined, `no state ${name}`);
    return slot;
  }

  /** A region of `bytes`, with any contents; the memory grows if no freed region is large enough. */
  reserve(bytes: number): Region {
    const length = regionBytes(bytes);
    const fit = this.free.find((region) => region.length >= length);
    if (fit !== undefined) {
      const rest = { offset: fit.offset + length, length: fit.length - length };
      this.free = this.free.flatMap((region) => (region !== fit ? [region] : rest.length > 0 ? [rest] : []));
      return { offset: fit.offset, length };
    }
    const offset = this.end;
    this.growTo(offset + length);
    this.end = offset + length;
    this.untouched = Math.max(this.untouched, this.end);
    return { offset, length };
  }

  /** Frees a region, which is merged with free neighbours. */
  release(region: Region): void {
    const joined: Region[] = [];
    for (const next of [...this.free, region].sort((a, b) => a.offset - b.offset)) {
      const last = joined.at(-1);
      if (last === undefined || last.offset + last.length < next.offset) joined.push(next);
      else joined[joined.length - 1] = { offset: last.offset, length: last.length + next.length };
    }
    const last = joined.at(-1);
    if (last !== undefined && last.offset + last.length === this.end) {
      this.end = last.offset;
      joined.pop();
    }
    this.free = joined;
  }

  private growTo(bytes: number): void {
    const present = this.memory.buffer.byteLength;
    if (bytes <= present) return;
    const pages = Math.ceil(bytes / PAGE);
    if (pages > MOST_PAGES) {
      throw new KilnError(
        `this model needs ${megabytes(bytes)}, and WebAssembly addresses 4096 MB at most: use a smaller batch, or the c backend, which takes as much as the machine has`,
      );
    }
    try {
      this.memory.grow(pages - present / PAGE);
    } catch {
      throw new KilnError(
        `this model needs ${megabytes(bytes)} of WebAssembly memory, which the engine refused: use a smaller batch, or dispose of programs that are no longer needed`,
      );
    }
  }
}
