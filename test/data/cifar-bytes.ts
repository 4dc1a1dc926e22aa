/** Writes CIFAR-10's binary files and tar archives by hand, right and wrong ones, for the tests that read them. */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** `labels.length` records of 3073 bytes; pixel p of record i is (7 i + p) modulo 256. */
export function cifarBatch(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3073);
  for (const [i, label] of labels.entries()) {
    bytes[i * 3073] = label;
    for (let p = 0; p < 3072; p++) bytes[i * 3073 + 1 + p] = (7 * i + p) % 256;
  }
  return bytes;
}

/** The folder's files, with one or two records in each. */
export function cifarFiles(): Record<string, Uint8Array> {
  const batches = [1, 2, 3, 4, 5].map((n) => [`data_batch_${n}.bin`, cifarBatch([n - 1, 9 - n])] as const);
  const names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
  return {
    ...Object.fromEntries(batches),
    "test_batch.bin": cifarBatch([3, 8, 0]),
    "batches.meta.txt": new TextEncoder().encode(names),
  };
}

/** What a test can get wrong in a tar entry. */
export interface TarFault {
  readonly type?: string;
  readonly size?: number;
  readonly checksum?: number;
}

/** One entry: a header of 512 bytes, then the data, filled up to whole blocks. */
export function tarEntry(path: string, data: Uint8Array, fault: TarFault = {}): Uint8Array {
  const bytes = Buffer.alloc(512 + Math.ceil(data.length / 512) * 512);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  bytes.write(path, 0, 100);
  bytes.write(octal(0o644, 7), 100);
  bytes.write(octal(fault.size ?? data.length, 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write(" ".repeat(8), 148);
  bytes.write(fault.type ?? "0", 156);
  bytes.write("ustar\x0000", 257);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${(fault.checksum ?? sum).toString(8).padStart(6, "0")}\0 `, 148);
  bytes.set(data, 512);
  return bytes;
}

/** Entries one after another, and the two empty blocks at the end. */
export const tar = (...entries: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat([...entries, new Uint8Array(1024)]));

/** The packed archive of `files`, in CIFAR-10's folder, behind `before`. */
export function cifarArchive(
  files: Record<string, Uint8Array> = cifarFiles(),
  before: readonly Uint8Array[] = [],
): Uint8Array {
  const folder = tarEntry("cifar-10-batches-bin/", new Uint8Array(0), { type: "5" });
  const entries = Object.entries(files).map(([name, data]) => tarEntry(`cifar-10-batches-bin/${name}`, data));
  return gzipSync(tar(...before, folder, ...entries));
}

export const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");
