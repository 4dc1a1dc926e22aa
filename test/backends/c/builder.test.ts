/** What the `c` backend builds and keeps, and what it says where it cannot. */

import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createCBackend } from "../../../backends/c/backend.ts";
import { libraryOf } from "../../../backends/c/builder.ts";
import { loadKoffi } from "../../../backends/c/koffi.ts";
import { loadLibrary } from "../../../backends/c/library.ts";
import { requireToolchain } from "../../../backends/c/toolchain.ts";
import { isHere, title } from "./toolchain.ts";

const SOURCE = '__attribute__((visibility("default"))) int answer(void) { return 42; }\n';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-c-"));
  vi.stubEnv("KILN_CACHE", folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const kept = (): Promise<string[]> => readdir(join(folder, "c"));

describe.skipIf(!isHere)(title("the builder"), () => {
  test("builds a library once, also where several ask at the same time", async () => {
    const paths = await Promise.all([1, 2, 3].map(() => libraryOf([SOURCE], requireToolchain())));
    expect(new Set(paths).size).toBe(1);
    expect(await kept()).toHaveLength(1);
    const library = await loadLibrary(await loadKoffi(), [SOURCE], requireToolchain());
    expect(library.func("answer", "int", [])()).toBe(42);
    library.unload();
  });

  test("makes another one of another source, and of several files", async () => {
    const other =
      'int answer(void); __attribute__((visibility("default"))) int twice(void) { return 2 * answer(); }\n';
    const [one, both] = [
      await libraryOf([SOURCE], requireToolchain()),
      await libraryOf([SOURCE, other], requireToolchain()),
    ];
    expect(both).not.toBe(one);
    const library = (await loadKoffi()).load(both);
    expect(library.func("twice", "int", [])()).toBe(84);
    library.unload();
  });

  test("builds what was cut off again", async () => {
    await writeFile(await libraryOf([SOURCE], requireToolchain()), "half of it");
    const library = await loadLibrary(await loadKoffi(), [SOURCE], requireToolchain());
    expect(library.func("answer", "int", [])()).toBe(42);
    library.unload();
  });

  test("says what the compiler said, and leaves nothing behind", async () => {
    await expect(libraryOf(["int f(void) { return undeclared; }"], requireToolchain())).rejects.toThrow(
      /compiler \w+ has failed.*undeclared.*KILN_CC names another one, and the wasm backend needs none/s,
    );
    expect(await kept()).toEqual([]);
  });

  test("runs nothing from where others may write", async () => {
    await libraryOf([SOURCE], requireToolchain());
    await chmod(join(folder, "c"), 0o777);
    await expect(libraryOf([SOURCE], requireToolchain())).rejects.toThrow(/others may write to.*chmod go-w/);
  });

  test.skipIf(process.platform === "win32")(
    "nor from where others may put another folder in its place",
    async () => {
      const path = await libraryOf([SOURCE], requireToolchain());
      await chmod(folder, 0o777);
      await expect(libraryOf([SOURCE], requireToolchain())).rejects.toThrow(
        /others may write to.*chmod go-w/,
      );
      // As in /tmp: there only an owner can move what is his.
      await chmod(folder, 0o1777);
      expect(await libraryOf([SOURCE], requireToolchain())).toBe(path);
    },
  );

  test.skipIf(process.platform === "win32")("keeps a library from all but its owner", async () => {
    const { mode } = await stat(await libraryOf([SOURCE], requireToolchain()));
    expect(mode & 0o077).toBe(0);
  });
});

test("a compiler that is not there is named", async () => {
  vi.stubEnv("KILN_CC", "no-such-compiler");
  expect(await createCBackend({}).available()).toEqual({
    available: false,
    reason:
      "KILN_CC names no-such-compiler, which is not a working C compiler; the wasm backend runs everywhere",
  });
  expect(requireToolchain).toThrow(
    /c backend cannot run here: KILN_CC names.*the wasm backend runs everywhere/,
  );
});

test("a missing koffi is said, and how to install it", async () => {
  const missing = Object.assign(new Error("no"), { code: "ERR_MODULE_NOT_FOUND" });
  await expect(loadKoffi(() => Promise.reject(missing))).rejects.toThrow(
    "the c backend needs the package koffi, which is not installed: run `npm install koffi`; the wasm backend runs everywhere",
  );
});
