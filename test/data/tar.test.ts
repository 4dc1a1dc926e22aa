/** Tar archives: what is read, and that hostile or damaged ones are refused. */

import { describe, expect, it } from "vitest";
import { readTar } from "../../src/data/tar.ts";
import { tar, tarEntry } from "./cifar-bytes.ts";

const data = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251);
const read = (...entries: Uint8Array[]) => readTar(tar(...entries), "a.tar");

describe("readTar", () => {
  it("gives regular files, and passes over folders and notes", () => {
    const entries = read(
      tarEntry("folder/", data(0), { type: "5" }),
      tarEntry("pax", data(30), { type: "x" }),
      tarEntry("folder/one", data(513)),
      tarEntry("./two", data(512), { type: "\0" }),
      tarEntry("empty", data(0)),
    );
    expect(entries).toEqual([
      { path: "folder/one", data: data(513) },
      { path: "two", data: data(512) },
      { path: "empty", data: data(0) },
    ]);
    expect(readTar(new Uint8Array(0), "a.tar")).toEqual([]);
  });

  it.each(["/etc/passwd", "../up", "a/../../up", "..", "C:/x", "a\\b", ""])("refuses the path %j", (path) => {
    expect(() => read(tarEntry(path, data(1)))).toThrow(
      `a.tar is refused: its entry ${JSON.stringify(path)} would lie outside of the folder it is unpacked in`,
    );
  });

  it.each(["1", "2", "3", "6", "L"])("refuses links, devices and extensions of type %s", (type) => {
    expect(() => read(tarEntry("x", data(0), { type }))).toThrow(
      `a.tar is refused: x is neither a file nor a folder (type "${type}")`,
    );
  });

  it("refuses what is damaged or cut short", () => {
    expect(() => read(tarEntry("x", data(1), { checksum: 1 }))).toThrow("a header's checksum is wrong");
    expect(() => readTar(data(600), "a.tar")).toThrow("a.tar is not a tar archive, or is damaged");
    const whole = tarEntry("x", data(2000));
    expect(() => readTar(whole.subarray(0, 1024), "a.tar")).toThrow(
      "a.tar is truncated: x has 2000 bytes, of which 512 are there",
    );
    expect(() => readTar(whole.subarray(0, 300), "a.tar")).toThrow("its last header is not whole");
    // The header claims 8 GB, and nothing is allocated for it.
    expect(() => read(tarEntry("x", data(1), { size: 8 ** 11 - 1 }))).toThrow(
      "is truncated: x has 8589934591",
    );
  });
});
