/**
 * Reads event files back, independently of what writes them: records with their checksums (bit by bit, no table),
 * protocol buffers by hand, PNG pictures with zlib.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";

/** The fields of a message: number to values in order, of which bytes may be messages, strings or packed numbers. */
type Fields = Map<number, (Uint8Array | bigint)[]>;

export interface DecodedHistogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

export interface DecodedImage {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** Bytes by row, column and channel, from the PNG itself. */
  readonly pixels: readonly number[];
}

export interface DecodedNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attrs: Readonly<Record<string, string | boolean>>;
  readonly shape: readonly number[];
}

export interface DecodedEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly version?: string;
  readonly graph?: readonly DecodedNode[];
  readonly tag?: string;
  readonly scalar?: number;
  readonly image?: DecodedImage;
  readonly histogram?: DecodedHistogram;
}

/** The only event file directly in `folder`. */
export function eventFileIn(folder: string): string {
  const files = readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  if (files.length !== 1) throw new Error(`expected one file in ${folder}, not ${files.length}`);
  return join(folder, files[0]);
}

export const readEvents = (folder: string): DecodedEvent[] =>
  records(readFileSync(eventFileIn(folder))).map(decodeEvent);

/** CRC-32C from its definition: the remainder of a division of polynomials, one bit at a time. */
export function crc32cByBits(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const carry = (crc ^ (byte >>> bit)) & 1;
      crc = (crc >>> 1) ^ (carry ? 0x82f63b78 : 0);
    }
  }
  return ~crc >>> 0;
}

function unmask(stored: number): number {
  const rotated = (stored - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

/** The contents of all records; throws at the first wrong checksum or missing byte. */
export function records(file: Buffer): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    const checks = [
      [file.subarray(at, at + 8), file.readUInt32LE(at + 8)],
      [data, file.readUInt32LE(at + 12 + length)],
    ] as const;
    for (const [bytes, stored] of checks) {
      if (crc32cByBits(bytes) !== unmask(stored)) throw new Error(`wrong checksum in the record at ${at}`);
    }
    found.push(data);
    at += 16 + length;
  }
  return found;
}

function decodeFields(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
  };
  const take = (length: number): Uint8Array => {
    if (at + length > view.length) throw new Error("a field reaches beyond its message");
    at += length;
    return view.subarray(at - length, at);
  };
  while (at < view.length) {
    const key = Number(varint());
    const wire = key & 7;
    if (![0, 1, 2, 5].includes(wire)) throw new Error(`unknown wire type ${wire}`);
    const value = wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : Number(varint()));
    fields.set(key >>> 3, [...(fields.get(key >>> 3) ?? []), value]);
  }
  return fields;
}

const bytesOf = (fields: Fields, field: number): Buffer[] =>
  (fields.get(field) ?? []).map((value) => {
    if (typeof value === "bigint") throw new Error(`field ${field} holds a number`);
    return Buffer.from(value);
  });
const text = (fields: Fields, field: number): string => bytesOf(fields, field)[0]?.toString() ?? "";
const integer = (fields: Fields, field: number): number => Number(fields.get(field)?.[0] ?? 0n);
const double = (fields: Fields, field: number): number => bytesOf(fields, field)[0]?.readDoubleLE(0) ?? 0;
const packed = (fields: Fields, field: number): number[] => {
  const bytes = bytesOf(fields, field)[0];
  return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
};

function decodeEvent(bytes: Uint8Array): DecodedEvent {
  const event = decodeFields(bytes);
  const base = { wallTime: double(event, 1), step: integer(event, 2) };
  if (event.has(3)) return { ...base, version: text(event, 3) };
  if (event.has(4)) return { ...base, graph: decodeGraph(bytesOf(event, 4)[0]) };
  const values = bytesOf(decodeFields(bytesOf(event, 5)[0]), 1);
  if (values.length !== 1) throw new Error("a summary of several values");
  const value = decodeFields(values[0]);
  const tagged = { ...base, tag: text(value, 1) };
  if (value.has(2)) return { ...tagged, scalar: bytesOf(value, 2)[0].readFloatLE(0) };
  if (value.has(4)) return { ...tagged, image: decodeImage(decodeFields(bytesOf(value, 4)[0])) };
  return { ...tagged, histogram: decodeHistogram(decodeFields(bytesOf(value, 5)[0])) };
}

const decodeHistogram = (fields: Fields): DecodedHistogram => ({
  min: double(fields, 1),
  max: double(fields, 2),
  num: double(fields, 3),
  sum: double(fields, 4),
  sumSquares: double(fields, 5),
  limits: packed(fields, 6),
  counts: packed(fields, 7),
});

function decodeGraph(bytes: Uint8Array): DecodedNode[] {
  const graph = decodeFields(bytes);
  if (integer(decodeFields(bytesOf(graph, 4)[0]), 1) !== 22) throw new Error("wrong producer version");
  return bytesOf(graph, 1).map((nodeBytes) => {
    const node = decodeFields(nodeBytes);
    const attrs: Record<string, string | boolean> = {};
    let shape: number[] = [];
    for (const entry of bytesOf(node, 5).map(decodeFields)) {
      const value = decodeFields(bytesOf(entry, 2)[0]);
      if (text(entry, 1) === "_output_shapes") {
        const [shapeBytes] = bytesOf(decodeFields(bytesOf(value, 1)[0]), 7);
        shape = bytesOf(decodeFields(shapeBytes), 2).map((dim) => integer(decodeFields(dim), 1));
      } else attrs[text(entry, 1)] = value.has(5) ? integer(value, 5) === 1 : text(value, 2);
    }
    const inputs = bytesOf(node, 3).map((input) => input.toString());
    return { name: text(node, 1), op: text(node, 2), inputs, attrs, shape };
  });
}

function decodeImage(fields: Fields): DecodedImage {
  const [rows, columns, channels] = [1, 2, 3].map((field) => integer(fields, field));
  const png = bytesOf(fields, 4)[0];
  if (png.toString("latin1", 1, 4) !== "PNG") throw new Error("no PNG");
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const kind = png.toString("latin1", at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (kind === "IHDR") {
      const header = [body.readUInt32BE(0), body.readUInt32BE(4), body[8], body[9]];
      const expected = [columns, rows, 8, { 1: 0, 3: 2, 4: 6 }[channels]];
      if (header.join() !== expected.join()) throw new Error(`the PNG header is ${header}, not ${expected}`);
    }
    if (kind === "IDAT") data.push(body);
  }
  return { rows, columns, channels, pixels: unfilter(inflateSync(Buffer.concat(data)), columns * channels) };
}

/** The pixels of rows that are not filtered; the tests' pictures need no more. */
function unfilter(bytes: Buffer, rowBytes: number): number[] {
  const pixels: number[] = [];
  for (let at = 0; at < bytes.length; at += rowBytes + 1) {
    if (bytes[at] !== 0) throw new Error(`PNG filter ${bytes[at]} is not read here`);
    pixels.push(...bytes.subarray(at + 1, at + 1 + rowBytes));
  }
  return pixels;
}
