/**
 * Memory that both JavaScript and C see: states in segments, and
 * arenas. Memory in use by programs is never moved or freed.
 */

import { type TypedArray, viewOf } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { StateMemory } from "../backend.ts";
import { StateSegments } from "../state-segments.ts";
import type { Koffi } from "./koffi.ts";

/** The alignment of blocks: a cache line, and more than any vector needs. */
const ALIGNMENT = 64;

/** A block of zeros whose address is given to C. Its bytes stay where they are as long as the block is referenced. */
export class Block {
  readonly buffer: ArrayBuffer;
  /** Its offset in `buffer`. */
  readonly offset: number;
  readonly address: number;

  constructor(koffi: Koffi, bytes: number) {
    this.buffer = new ArrayBuffer(bytes + ALIGNMENT);
    const start = Number(koffi.address(this.buffer));
    this.offset = Math.ceil(start / ALIGNMENT) * ALIGNMENT - start;
    this.address = start + this.offset;
  }
}

/** Until koffi is loaded, states have a place and no memory. */
export class CStates extends StateSegments implements StateMemory {
  private readonly koffi: Promise<Koffi>;
  private readonly blocks: Block[] = [];

  constructor(koffi: Promise<Koffi>) {
    super();
    this.koffi = koffi;
  }

  /** The numbers of a state, and their address for C. */
  place(name: string, koffi: Koffi): { readonly view: TypedArray; readonly address: number } {
    const { segment, byteOffset, dtype, shape } = this.slot(name);
    this.blocks[segment] ??= new Block(koffi, this.segmentBytes[segment]);
    const { buffer, offset, address } = this.blocks[segment];
    return {
      view: viewOf(buffer, dtype, offset + byteOffset, sizeOf(shape)),
      address: address + byteOffset,
    };
  }

  async read(name: string): Promise<TypedArray> {
    return this.place(name, await this.koffi).view.slice();
  }

  async write(name: string, data: TypedArray): Promise<void> {
    this.place(name, await this.koffi).view.set(data);
  }
}
