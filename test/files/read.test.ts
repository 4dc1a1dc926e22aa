/** Only regular files are read, and no more of them than agreed: devices, pipes and growing files end in one error. */

import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { data, KilnError, load } from "kiln-js";
import { afterAll, expect, test } from "vitest";
import { readText, readWhole, withFile } from "../../src/files/read.ts";

const folder = mkdtempSync(join(tmpdir(), "kiln-read-"));
afterAll(() => rmSync(folder, { recursive: true }));
const inFolder = (name: string): string => join(folder, name);

writeFileSync(inFolder("text"), "fünf");
symlinkSync("text", inFolder("link"));
symlinkSync("/dev/zero", inFolder("endless"));
symlinkSync("loop", inFolder("loop"));
mkdirSync(inFolder("folder"));
spawnSync("mkfifo", [inFolder("pipe")]);

test("a file is read whole, through links, up to its limit", async () => {
  expect(await readText(inFolder("link"), 5)).toBe("fünf");
  await expect(readWhole(inFolder("text"), 4)).rejects.toThrow(
    /text is too large: 5 bytes, more than the limit of 4$/,
  );
});

// Where there are no such files, as on Windows, there is nothing to be afraid of.
test.skipIf(process.platform === "win32").each([
  ["endless", "it is a device, not a file"],
  ["pipe", "it is a pipe, not a file"],
  ["folder", "it is a folder, not a file"],
  ["loop", "its links lead in a circle"],
  ["none", "it does not exist"],
  ["text/below", "a part of the path is a file, not a folder"],
  ["x".repeat(300), "its name is too long"],
])("%s is refused at once", async (name, reason) => {
  const path = inFolder(name);
  const message = `cannot read ${path}: ${reason}`;
  for (const read of [() => readWhole(path, 100), () => load(path)]) {
    const error = await read().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(KilnError);
    expect((error as KilnError).message).toBe(message);
  }
});

test("a file that grows while it is read is read to its end, or up to the limit", async () => {
  const path = inFolder("grows");
  const grown = async (limit: number): Promise<Uint8Array> => {
    writeFileSync(path, "1234");
    return withFile(path, async (file) => {
      appendFileSync(path, "5678");
      return file.upTo(limit);
    });
  };
  expect(new TextDecoder().decode(await grown(8))).toBe("12345678");
  await expect(grown(7)).rejects.toThrow(
    /grows is too large: it grows while it is read, more than the limit of 7$/,
  );
});

test.skipIf(process.platform === "win32")("a data set's folder may hold what never ends", async () => {
  const mnist = inFolder("mnist");
  mkdirSync(mnist);
  symlinkSync("/dev/zero", join(mnist, "train-images-idx3-ubyte"));
  spawnSync("mkfifo", [join(mnist, "train-labels-idx1-ubyte")]);
  await expect(data.loadMnist(mnist)).rejects.toThrow(
    /cannot read .*train-images-idx3-ubyte: it is a device, not a file/,
  );
  rmSync(join(mnist, "train-images-idx3-ubyte"));
  writeFileSync(
    join(mnist, "train-images-idx3-ubyte"),
    Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9),
  );
  await expect(data.loadMnist(mnist)).rejects.toThrow(
    /cannot read .*train-labels-idx1-ubyte: it is a pipe, not a file/,
  );
});
