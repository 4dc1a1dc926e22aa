/** The safetensors reader against what it writes itself, a file written by hand, and hostile files. */

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "kiln-js";
import { afterAll, describe, expect, it } from "vitest";
import { KilnError } from "../../src/core/errors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type StoredTensor,
} from "../../src/runtime/files/safetensors.ts";

/** A file of any header text, with any claimed header length, and the data or as many zeros. */
function fileWith(header: string | Uint8Array, data: number | Uint8Array = 0, claimed?: bigint): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  return Uint8Array.from(
    Buffer.concat([length, json, typeof data === "number" ? new Uint8Array(data) : data]),
  );
}

const entry = (dtype: string, shape: unknown, begin: unknown, end: unknown): string =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

/** A header of `count` tensors without elements. */
const manyEmpty = (count: number): string =>
  `{${Array.from({ length: count }, (_, k) => `"${k}":${entry("F32", [0], 0, 0)}`).join(",")}}`;

const SAMPLE: readonly (readonly [string, StoredTensor])[] = [
  ["mask", { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ["conv1.weight", { dtype: "float32", shape: [2, 2], data: Float32Array.of(1.5, -0, Number.NaN, 3e38) }],
  ["counts", { dtype: "int32", shape: [2], data: Int32Array.of(-(2 ** 31), 7) }],
  ["scalar", { dtype: "float32", shape: [], data: Float32Array.of(0.25) }],
  ["empty", { dtype: "float32", shape: [0, 4], data: new Float32Array(0) }],
  ["bytes", { dtype: "uint8", shape: [5], data: Uint8Array.of(0, 1, 127, 128, 255) }],
];

describe("encode and decode", () => {
  it("round trip every dtype, order and metadata", () => {
    const bytes = encodeSafetensors(SAMPLE, { format: "pt", note: 'quotes " and ünïcode' });
    const { tensors, metadata } = decodeSafetensors(bytes, "a.safetensors");
    expect([...tensors]).toEqual(SAMPLE);
    expect(metadata).toEqual({ format: "pt", note: 'quotes " and ünïcode' });
  });

  it("pads the header to 8 bytes with spaces and aligns every tensor", () => {
    const bytes = encodeSafetensors(SAMPLE);
    const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerBytes % 8).toBe(0);
    const text = new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes));
    expect(text).toMatch(/^\{.*\} *$/);
    for (const [name, { data }] of SAMPLE) {
      expect(JSON.parse(text)[name].data_offsets[0] % data.BYTES_PER_ELEMENT).toBe(0);
    }
  });

  it("reads bytes at any offset, and gives copies", () => {
    const shifted = new Uint8Array(fileWith("{}").length + 200).fill(9);
    const bytes = encodeSafetensors([SAMPLE[1]]);
    shifted.set(bytes, 3);
    const { tensors } = decodeSafetensors(shifted.subarray(3, 3 + bytes.length), "a");
    shifted.fill(0);
    expect(tensors.get("conv1.weight")).toEqual(SAMPLE[1][1]);
  });

  it("reads a file written by hand and names that mean something to JavaScript", () => {
    const header = `{"__proto__":${entry("U8", [1], 0, 1)},"b":${entry("F32", [1], 1, 5)}}`;
    const { tensors } = decodeSafetensors(fileWith(header, Uint8Array.of(7, 0, 0, 128, 63)), "a");
    expect([...tensors.keys()]).toEqual(["__proto__", "b"]);
    expect(tensors.get("b")?.data).toEqual(Float32Array.of(1));
  });

  it("reads a file without tensors", () => {
    expect(decodeSafetensors(fileWith("{}"), "a").tensors.size).toBe(0);
  });
});

const folder = mkdtempSync(join(tmpdir(), "kiln-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));

const HOSTILE: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["nothing", new Uint8Array(0), /0 bytes, too few/],
  ["a cut length", new Uint8Array(7), /7 bytes, too few/],
  ["a header beyond the file", fileWith("{}", 0, 10n), /claims a header of 10 bytes, but only 2 follow/],
  ["a 10 GB header", fileWith("{}", 0, 10n ** 10n), /claims a header of 10000000000 bytes/],
  ["a header of 2^64 - 1", fileWith("{}", 0, 2n ** 64n - 1n), /claims a header of 18446744073709551615/],
  ["bad JSON", fileWith('{"a":'), /not valid JSON/],
  ["bad UTF-8", fileWith(Uint8Array.of(0x7b, 0xff, 0x7d)), /not valid JSON/],
  ["an array", fileWith("[]"), /not a JSON object/],
  ["no object for a tensor", fileWith('{"a":3}'), /the tensor "a" is not described/],
  ["an unknown dtype", fileWith(`{"a":${entry("C64", [1], 0, 8)}}`, 8), /dtype "C64"; Kiln reads F32, I32/],
  ["no shape", fileWith(`{"a":${entry("F32", "big", 0, 4)}}`, 4), /no shape of whole numbers/],
  ["a negative extent", fileWith(`{"a":${entry("F32", [-1], 0, 4)}}`, 4), /no shape of whole numbers/],
  ["a fraction", fileWith(`{"a":${entry("F32", [0.5], 0, 2)}}`, 2), /no shape of whole numbers/],
  ["no offsets", fileWith('{"a":{"dtype":"F32","shape":[1]}}', 4), /no data_offsets/],
  ["a turned range", fileWith(`{"a":${entry("F32", [1], 4, 0)}}`, 4), /ends at byte 0, before it begins/],
  ["too few bytes", fileWith(`{"a":${entry("F32", [2, 3], 0, 4)}}`, 4), /F32\[2,3\], needs 24 bytes .* 4$/],
  ["a truncated file", fileWith(`{"a":${entry("F32", [2], 0, 8)}}`, 4), /ends at byte 8, but .* 4 bytes/],
  ["10 GB claimed", fileWith(`{"a":${entry("F32", [2.5e9], 0, 1e10)}}`, 4), /ends at byte 10000000000/],
  ["a product beyond all numbers", fileWith(`{"a":${entry("U8", Array(90).fill(1e15), 0, 4)}}`, 4), /needs/],
  [
    "a longer file",
    fileWith(`{"a":${entry("F32", [1], 0, 4)}}`, 9),
    /5 bytes at its end belong to no tensor/,
  ],
  [
    "an overlap",
    fileWith(`{"a":${entry("F32", [2], 0, 8)},"b":${entry("F32", [1], 4, 8)}}`, 8),
    /the tensors "a" and "b" overlap/,
  ],
  [
    "a hole",
    fileWith(`{"a":${entry("F32", [1], 0, 4)},"b":${entry("F32", [1], 8, 12)}}`, 12),
    /the bytes 4 to 7 belong to no tensor/,
  ],
  [
    "a name twice",
    fileWith(`{"a":${entry("F32", [1], 0, 4)},"\\u0061":${entry("F32", [1], 0, 4)}}`, 4),
    /two tensors have the name "a"/,
  ],
  [
    "a byte that is no boolean",
    fileWith(`{"a":${entry("BOOL", [1], 0, 1)}}`, Uint8Array.of(2)),
    /holds the byte 2/,
  ],
  [
    "an integer beyond int32",
    fileWith(`{"a":${entry("I64", [1], 0, 8)}}`, Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0)),
    /I64 tensor "a" holds 4294967296, which int32 cannot hold/,
  ],
  [
    "a float beyond float32",
    fileWith(`{"a":${entry("F64", [1], 0, 8)}}`, new Uint8Array(Float64Array.of(-1e300).buffer)),
    /F64 tensor "a" holds -1e\+300, which float32 cannot hold/,
  ],
  [
    "a dtype that is wider",
    fileWith(`{"a":${entry("I32", [4], 0, 4)}}`, 4),
    /I32\[4\], needs 16 bytes .* 4$/,
  ],
  [
    "an offset beyond all numbers",
    fileWith('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1e300]}}', 1),
    /data_offsets/,
  ],
  [
    "ranges that are the same",
    fileWith(`{"a":${entry("U8", [4], 0, 4)},"b":${entry("U8", [4], 0, 4)}}`, 4),
    /overlap/,
  ],
  [
    "one range inside of another",
    fileWith(`{"a":${entry("U8", [4], 0, 4)},"b":${entry("U8", [1], 1, 2)}}`, 4),
    /overlap/,
  ],
  [
    "a bottomless dtype",
    fileWith(`{"a":{"dtype":${"[".repeat(1e5)}${"]".repeat(1e5)},"shape":[]}}`),
    /the dtype \{…\};/,
  ],
  ["a bottomless header", fileWith("[".repeat(1e6)), /not valid JSON/],
  ["a million tensors", fileWith(manyEmpty(10 ** 6)), /more than the 131072 tensors that Kiln reads/],
  ["a million lists", fileWith(`{"a":[${"[],".repeat(3e6)}[]]}`), /more than the 131072 tensors that/],
  ["one endless name", fileWith(`{"${"\\\\".repeat(2e6)}":3}`), /the tensor "[\\\\]+ is not described/],
  ["metadata of numbers", fileWith('{"__metadata__":{"a":1}}'), /__metadata__ does not hold strings/],
];

describe("hostile files", () => {
  it.each(HOSTILE)("%s is one clear error", (_, bytes, message) => {
    const decode = () => decodeSafetensors(bytes, "bad.safetensors");
    expect(decode).toThrow(KilnError);
    expect(decode).toThrow(message);
    expect(decode).toThrow(/^bad\.safetensors is not a readable safetensors file: [^\n]*$/);
  });

  it.each(HOSTILE)("%s on disk is the same error", async (_, bytes, message) => {
    const file = join(folder, "bad.safetensors");
    writeFileSync(file, bytes);
    const error = await load(file).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(KilnError);
    expect((error as KilnError).message).toMatch(message);
    expect((error as KilnError).message).toMatch(
      /bad\.safetensors is not a readable safetensors file: [^\n]*$/,
    );
  });

  it("is refused at any length to which it was cut", async () => {
    const file = join(folder, "cut.safetensors");
    const bytes = encodeSafetensors(SAMPLE, { format: "pt" });
    for (let length = 0; length < bytes.length; length += 7) {
      writeFileSync(file, bytes.subarray(0, length));
      await expect(load(file), `${length} bytes`).rejects.toThrow(KilnError);
      expect(() => decodeSafetensors(bytes.subarray(0, length), "cut")).toThrow(KilnError);
    }
  });

  it("does not make a reader allocate what it claims", async () => {
    // A file that really has 10 GB, of which the disk holds none: the fault stands in its header, which alone is read.
    const file = join(folder, "sparse.safetensors");
    const size = 10 ** 10;
    writeFileSync(
      file,
      fileWith(`{"a":${entry("F32", [size / 4 - 64], 0, size - 256)},"b":${entry("F32", [1], 0, 4)}}`),
    );
    truncateSync(file, size);
    const before = process.memoryUsage().arrayBuffers;
    await expect(load(file)).rejects.toThrow(/the tensors "b" and "a" overlap/);
    // The pool of Node's buffers is 8 KB; some megabytes leave room for what else runs in this process.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 23);
  });

  it("shows a hostile name without its control characters", () => {
    const bytes = fileWith(`{"\\u001b[2J\\n${"x".repeat(5000)}":3}`);
    const decode = () => decodeSafetensors(bytes, "a");
    expect(decode).toThrow(/^[ -~]{1,200}$/);
  });
});
