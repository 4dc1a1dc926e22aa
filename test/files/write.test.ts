/** Files appear whole or not at all, however many write them at once, and what keeps one from being written is said. */

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { full, load, save, type Tensor } from "kiln-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { writeErrorReason } from "../../src/files/reason.ts";
import { makeFolder, temporaryName, writeAtomically } from "../../src/files/write.ts";

/** The error with which the system refuses to make the folder `refused.path`. */
const refused = vi.hoisted(() => ({ path: "", code: "" }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    mkdir: async (path: string, options?: object) => {
      if (path !== refused.path) return real.mkdir(path, options);
      throw Object.assign(new Error(`${refused.code}: mkdir`), { code: refused.code });
    },
  };
});

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-write-"));
});
afterEach(async () => {
  refused.path = "";
  await rm(folder, { recursive: true });
});

const reasonOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: unknown) => writeErrorReason(error),
  );

test("many saves to one path all succeed, and every reader meets a whole file", async () => {
  const file = join(folder, "net.safetensors");
  const size = 2 ** 14;
  const value = (k: number) => ({ k, numbers: full([size], k) });
  await save(value(-1), file);
  let isSaving = true;
  const reading = (async () => {
    let reads = 0;
    for (; isSaving; reads++) {
      const { k, numbers } = await load<{ k: number; numbers: Tensor }>(file);
      expect((await numbers.data()).every((number) => number === k)).toBe(true);
    }
    return reads;
  })();
  await Promise.all(Array.from({ length: 100 }, (_, k) => save(value(k), file)));
  isSaving = false;
  expect(await reading).toBeGreaterThan(0);
  expect(await readdir(folder)).toEqual(["net.safetensors"]);
});

test("several processes that save to one path leave whole files and nothing else", async () => {
  const file = join(folder, "loop.safetensors");
  const loop = fileURLToPath(new URL("../runtime/save-loop.ts", import.meta.url));
  const children = [1, 2].map(() => spawn(process.execPath, ["--import", "tsx", loop, file, "8"]));
  const ends = children.map((child) => new Promise<number | null>((end) => child.on("close", end)));
  const codes = Promise.all(ends);
  let isDone = false;
  void codes.then(() => {
    isDone = true;
  });
  while (!(await readdir(folder)).includes("loop.safetensors") && !isDone)
    await new Promise((r) => setTimeout(r, 5));
  while (!isDone) {
    const { round, numbers } = await load<{ round: number; numbers: Tensor }>(file);
    expect((await numbers.data()).every((number) => number === round)).toBe(true);
  }
  expect(await codes).toEqual([0, 0]);
  expect(await readdir(folder)).toEqual(["loop.safetensors"]);
});

test("temporary names differ at every call, and from those of another thread", async () => {
  const names = Array.from({ length: 100 }, () => temporaryName("x"));
  vi.resetModules();
  const other = await import("../../src/files/write.ts");
  names.push(...Array.from({ length: 100 }, () => other.temporaryName("x")));
  expect(new Set(names).size).toBe(200);
});

test("a write that fails leaves what was there", async () => {
  const file = join(folder, "kept");
  await writeFile(file, "old");
  await mkdir(join(folder, "taken"));
  expect(await reasonOf(writeAtomically(join(folder, "taken"), "new"))).toBe("it is a folder, not a file");
  expect(await reasonOf(writeAtomically(join(folder, "none", "x"), "new"))).toBe("its folder does not exist");
  expect(await reasonOf(writeAtomically(join(file, "x"), "new"))).toBe(
    "a part of the path is a file, not a folder",
  );
  expect(await readFile(file, "utf8")).toBe("old");
  expect((await readdir(folder)).sort()).toEqual(["kept", "taken"]);
});

test("folders are made from the first that is missing, also by two at once", async () => {
  const deep = join(folder, "a", "b", "c");
  const [one, other] = await Promise.all([makeFolder(deep), makeFolder(deep)]);
  expect(await readdir(join(folder, "a", "b"))).toEqual(["c"]);
  expect([one, other]).toContain(join(folder, "a"));
  expect(await makeFolder(deep)).toBeUndefined();
  expect(await makeFolder(join(deep, "d"))).toBe(join(deep, "d"));
});

test.each([
  ["EROFS", "the file system is read-only"],
  ["EACCES", "permission denied"],
  ["ENOSPC", "the disk is full"],
])("what keeps a folder from being made is said: %s", async (code, reason) => {
  Object.assign(refused, { path: join(folder, "a"), code });
  expect(await reasonOf(makeFolder(join(folder, "a", "b")))).toBe(reason);
});

test("neither a file nor a link to nowhere is a folder", async () => {
  await writeFile(join(folder, "file"), "");
  await symlink("nowhere", join(folder, "link"));
  expect(await reasonOf(makeFolder(join(folder, "file")))).toBe("there is a file of that name, not a folder");
  expect(await reasonOf(makeFolder(join(folder, "file", "x")))).toBe(
    "a part of the path is a file, not a folder",
  );
  expect(await reasonOf(makeFolder(join(folder, "link", "x")))).toBe(
    "there is a file of that name, not a folder",
  );
});
