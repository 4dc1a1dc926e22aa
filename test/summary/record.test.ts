/** Record framing: published checksums, and a file that was damaged. */

import { describe, expect, it } from "vitest";
import { crc32c, frame } from "../../src/summary/record.ts";
import { crc32cByBits, records } from "./event-decoder.ts";

describe("crc32c", () => {
  it("gives the values of RFC 3720, appendix B.4", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  });

  it("agrees with the division bit by bit", () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) % 256);
      expect(crc32c(bytes)).toBe(crc32cByBits(bytes));
    }
  });
});

describe("frame", () => {
  it("is read back, and a changed bit anywhere is seen", () => {
    const framed = Buffer.concat([frame(Uint8Array.of(1, 2, 3)), frame(new Uint8Array(0))]);
    expect(framed).toHaveLength(16 + 3 + 16);
    expect(records(framed).map((bytes) => [...bytes])).toEqual([[1, 2, 3], []]);
    for (const at of [0, 8, 12, 15]) {
      const damaged = Buffer.from(framed);
      damaged[at] ^= 1;
      expect(() => records(damaged)).toThrow();
    }
  });
});
