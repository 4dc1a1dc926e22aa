/** The bytes of a WebAssembly module: variable-length integers (LEB128), IEEE numbers and counted lists. */

import { InternalError } from "../../../src/core/errors.ts";

const SINGLE = new Float32Array(1);
const SINGLE_BYTES = new Uint8Array(SINGLE.buffer);

/** A growing list of bytes. Formats are those of the core specification, chapter 5.2 (Values). */
export class ByteWriter {
  private bytes = new Uint8Array(256);
  private length = 0;

  /** The number of bytes so far. */
  get size(): number {
    return this.length;
  }

  byte(value: number): this {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
    return this;
  }

  append(values: ArrayLike<number>): this {
    this.reserve(values.length);
    this.bytes.set(values, this.length);
    this.length += values.length;
    return this;
  }

  /** An unsigned integer of at most 32 bits. */
  unsigned(value: number): this {
    if (value >>> 0 !== value) throw new InternalError(`${value} is no unsigned 32-bit number`);
    if (value < 0x80) return this.byte(value);
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  /** A signed integer of at most 32 bits. */
  signed32(value: number): this {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
      this.byte(isLast ? low : low | 0x80);
      if (isLast) return this;
    }
  }

  /** A signed integer of any size. */
  signed(value: bigint): this {
    let rest = value;
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const isLast = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
      this.byte(isLast ? low : low | 0x80);
      if (isLast) return this;
    }
  }

  float32(value: number): this {
    SINGLE[0] = value;
    return this.append(SINGLE_BYTES);
  }

  float64(value: number): this {
    return this.append(new Uint8Array(Float64Array.of(value).buffer));
  }

  /** A name: its length in bytes, then UTF-8. */
  name(text: string): this {
    return this.counted(new TextEncoder().encode(text));
  }

  /** Bytes after their number, as in sections and function bodies. */
  counted(content: Uint8Array): this {
    return this.unsigned(content.length).append(content);
  }

  /** `items` after their number, each written by `write`. */
  list<T>(items: readonly T[], write: (item: T, writer: this) => void): this {
    this.unsigned(items.length);
    for (const item of items) write(item, this);
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.length + more));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
