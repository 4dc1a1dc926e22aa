/** IDX parsing: every way in which a file can be wrong gives one line that names the file and the fault. */

import { describe, expect, it } from "vitest";
import { KilnError } from "../../src/core/errors.ts";
import { parseIdx } from "../../src/data/idx.ts";
import { idxBytes } from "./idx-bytes.ts";

function failure(bytes: Uint8Array): string {
  try {
    parseIdx(bytes, "digits.idx");
  } catch (error) {
    expect(error).toBeInstanceOf(KilnError);
    return (error as KilnError).message;
  }
  return "no error";
}

describe("parseIdx", () => {
  it("reads shape and elements, wherever the bytes lie in their buffer", () => {
    const file = idxBytes([2, 3], [1, 2, 3, 4, 5, 255]);
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    for (const bytes of [file, shifted.subarray(3)]) {
      const { shape, data } = parseIdx(bytes, "digits.idx");
      expect(shape).toEqual([2, 3]);
      expect(Array.from(data)).toEqual([1, 2, 3, 4, 5, 255]);
    }
  });

  it("names a file that is something else", () => {
    expect(failure(Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d]))).toBe(
      "digits.idx is not an IDX file: it starts with the bytes 89 50 4e 47, " +
        "where an IDX file of unsigned bytes has 00 00 08",
    );
  });

  it("names an element type that is not read", () => {
    expect(failure(idxBytes([1], [7], 0x0d))).toBe(
      "digits.idx holds 32-bit floats; only IDX files of unsigned bytes (type 08) are read",
    );
    expect(failure(idxBytes([1], [7], 0x77))).toBe(
      "digits.idx holds elements of the unknown type 77; only IDX files of unsigned bytes (type 08) are read",
    );
  });

  it("tells expected from actual bytes when a file is truncated or too long", () => {
    expect(failure(new Uint8Array(0))).toBe(
      "digits.idx is truncated: an IDX file starts with 4 bytes, but it has 0",
    );
    expect(failure(idxBytes([2, 3], []).subarray(0, 10))).toBe(
      "digits.idx is truncated: a header of 2 dimensions takes 12 bytes, but it has 10",
    );
    expect(failure(idxBytes([2, 3], [1, 2]))).toBe(
      "digits.idx is truncated: its header announces 2 x 3 elements, so 18 bytes were expected, but it has 14",
    );
    expect(failure(idxBytes([2], [1, 2, 3]))).toBe(
      "digits.idx has bytes left over at its end: its header announces 2 elements, " +
        "so 10 bytes were expected, but it has 11",
    );
  });

  it("refuses dimensions that are zero, missing or absurd before it believes them", () => {
    expect(failure(idxBytes([3, 0], []))).toBe("digits.idx is empty: its header announces 3 x 0 elements");
    expect(failure(idxBytes([], []))).toBe("digits.idx announces 0 dimensions; an IDX file has at least one");
    const huge = 0xffff_ffff;
    expect(failure(idxBytes([huge, huge, huge], []))).toBe(
      `digits.idx is too large or damaged: its header announces ${huge} x ${huge} x ${huge} bytes, ` +
        "more than the limit of 1073741824",
    );
  });

  it("survives any short input: it is parsed or refused with a KilnError", () => {
    for (let value = 0; value < 256; value++) {
      for (const bytes of [[value], [0, 0, 8, value], [0, 0, value, 1, 0, 0, 0, 1, 9]]) {
        const message = failure(Uint8Array.from(bytes));
        expect(message === "no error" || message.startsWith("digits.idx ")).toBe(true);
      }
    }
  });
});
