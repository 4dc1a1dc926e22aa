/** Memory that JavaScript and C both see: states in segments, and arenas. What programs hold on to is never moved or freed. */

import { byteSize, type TypedArray, viewOf } from "../../src/core/dtype.ts";
import { invariant } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { StateMemory, StateSpec } from "../backend.ts";
import type { Koffi } from "./koffi.ts";

/** Where blocks begin: a cache line, and more than any vector asks for. */
const ALIGNMENT = 64;

/** A stretch of zeros whose address C is given. Its bytes stay where they are for as long as the block is referred to. */
export class Block {
  readonly buffer: ArrayBuffer;
  /** Where in `buffer` it begins. */
  readonly offset: number;
  readonly address: number;

  constructor(koffi: Koffi, bytes: number) {
    this.buffer = new ArrayBuffer(bytes + ALIGNMENT);
    const start = Number(koffi.address(this.buffer));
    this.offset = Math.ceil(start / ALIGNMENT) * ALIGNMENT - start;
    this.address = start + this.offset;
  }
}

interface StateSlot extends StateSpec {
  readonly segment: Segment;
  readonly byteOffset: number;
}

/** The states of one call of `allocate`. Until koffi is there they have a place, and no memory. */
class Segment {
  readonly bytes: number;
  private block: Block | undefined;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  blockFor(koffi: Koffi): Block {
    this.block ??= new Block(koffi, this.bytes);
    return this.block;
  }
}

/** States in segments: each `allocate` adds one, so that programs compiled before keep their memory. */
export class CStates implements StateMemory {
  private readonly koffi: Promise<Koffi>;
  private readonly segments: Segment[] = [];
  private readonly slots = new Map<string, StateSlot>();

  constructor(koffi: Promise<Koffi>) {
    this.koffi = koffi;
  }

  get byteLength(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  allocate(states: readonly StateSpec[]): void {
    const added = states.filter(({ name }) => !this.slots.has(name));
    const lengths = added.map(
      ({ shape, dtype }) => Math.ceil((sizeOf(shape) * byteSize(dtype)) / ALIGNMENT) * ALIGNMENT,
    );
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (added.length === 0) return;
    const segment = new Segment(total);
    this.segments.push(segment);
    let byteOffset = 0;
    added.forEach((spec, k) => {
      this.slots.set(spec.name, { ...spec, segment, byteOffset });
      byteOffset += lengths[k];
    });
  }

  /** The numbers of a state, and where C finds them. */
  place(name: string, koffi: Koffi): { readonly view: TypedArray; readonly address: number } {
    const slot = this.slots.get(name);
    invariant(slot !== undefined, `no state ${name}`);
    const block = slot.segment.blockFor(koffi);
    return {
      view: viewOf(block.buffer, slot.dtype, block.offset + slot.byteOffset, sizeOf(slot.shape)),
      address: block.address + slot.byteOffset,
    };
  }

  async read(name: string): Promise<TypedArray> {
    return this.place(name, await this.koffi).view.slice();
  }

  async write(name: string, data: TypedArray): Promise<void> {
    this.place(name, await this.koffi).view.set(data);
  }
}
