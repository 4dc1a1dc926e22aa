/** What the `c` backend says where something of what it needs is not there, fails or hangs: one error, and nothing is left behind. */

import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, KilnError, nn } from "kiln-js";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createCBackend } from "../../../backends/c/backend.ts";
import { type Koffi, loadKoffi } from "../../../backends/c/koffi.ts";
import { CStates } from "../../../backends/c/memory.ts";
import { loadPrograms } from "../../../backends/c/program.ts";
import { requireToolchain } from "../../../backends/c/toolchain.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { planOf } from "../../support/run-graph.ts";
import { isHere, title } from "./toolchain.ts";

let folder: string;

/** What runs programs is built before anything fails: it is built once for a process. */
beforeAll(async () => {
  if (isHere) await (await compile(new nn.Linear(3, 19), { inputs: [[2, 3]], backend: "c" })).dispose();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-c-"));
  vi.stubEnv("KILN_CACHE", join(folder, "cache"));
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

let layers = 0;

/** Compiles a layer that has never been compiled here, and gives the error. */
async function failure(): Promise<Error> {
  layers += 1;
  const found = await compile(new nn.Linear(3, 20 + layers), { inputs: [[2, 3]], backend: "c" }).catch(
    (error: unknown) => error,
  );
  expect(found).toBeInstanceOf(KilnError);
  return found as Error;
}

/** Has the backend call a script in the compiler's place. */
async function compilerThat(script: string): Promise<void> {
  const path = join(folder, "compiler");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  vi.stubEnv("KILN_CC", path);
}

/** The script goes on so where the compiler is to compile, and is `cc` where it is asked what it is. */
const whereItCompiles = (script: string): string =>
  `case "$*" in *-dM*) ;; *) ${script};; esac\nexec cc "$@"`;

const unfinished = async (): Promise<string[]> =>
  (await readdir(join(folder, "cache", "c"))).filter((name) => name.startsWith("build-"));

const nothingIsLeft = async (): Promise<void> => expect(await unfinished()).toEqual([]);

describe.skipIf(!isHere)(title("one clear error"), () => {
  test("where the compiler fails", async () => {
    await compilerThat(whereItCompiles("echo no licence >&2; exit 1"));
    expect((await failure()).message).toMatch(/compiler .* has failed: no licence; KILN_CC names another/);
    await nothingIsLeft();
  });

  test("where the compiler ends by a signal", async () => {
    await compilerThat(whereItCompiles("kill -9 $$"));
    expect((await failure()).message).toMatch(/compiler .* has failed: /);
    await nothingIsLeft();
  });

  test("where the compiler hangs", async () => {
    vi.stubEnv("KILN_CC_TIMEOUT", "2");
    await compilerThat(whereItCompiles("exec sleep 60"));
    expect((await failure()).message).toMatch(/has not finished in 2 s \(KILN_CC_TIMEOUT allows more\)/);
    await nothingIsLeft();
  });

  test("where the compiler hangs when it is asked what it is", async () => {
    vi.stubEnv("KILN_CC_TIMEOUT", "0.5");
    await compilerThat("exec sleep 60");
    expect((await failure()).message).toMatch(/not a working C compiler; the wasm backend runs everywhere/);
  });

  test("where a library comes out that cannot be loaded", async () => {
    const emptied = 'for a in "$@"; do last=$a; done; case "$*" in *-shared*) : > "$last"; exit 0;; esac';
    await compilerThat(`${emptied}\nexec cc "$@"`);
    expect((await failure()).message).toMatch(
      /cannot load what .* has built: .*the wasm backend runs everywhere/,
    );
  });

  test("where the time that a compiler may take is no number", async () => {
    vi.stubEnv("KILN_CC_TIMEOUT", "long");
    expect((await failure()).message).toMatch(/KILN_CC_TIMEOUT is "long", which is not a number of seconds/);
  });

  test("where the cache's folder cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    vi.stubEnv("KILN_CACHE", join(folder, "file"));
    expect((await failure()).message).toMatch(
      /cannot keep what it builds: .*KILN_CACHE names another folder/,
    );
  });

  test.each([
    ["mkdtempSync", "EACCES: permission denied"],
    ["writeFileSync", "ENOSPC: no space left on device"],
    ["renameSync", "EROFS: read-only file system"],
  ] as const)("where %s fails with %s", async (name, message) => {
    vi.spyOn(process.getBuiltinModule("node:fs"), name).mockImplementation(() => {
      throw new Error(message);
    });
    expect((await failure()).message).toMatch(
      `the c backend cannot keep what it builds: ${message}; KILN_CACHE names another folder`,
    );
    await nothingIsLeft();
  });
});

describe.skipIf(!isHere)(title("several programs in one library"), () => {
  test("those that are made are released where the library cannot be loaded for the next", async () => {
    const own = await loadKoffi();
    let loads = 0;
    let open = 0;
    const koffi: Koffi = {
      address: (memory) => own.address(memory),
      load(path) {
        loads += 1;
        if (loads > 2) throw new Error("no room for another");
        const library = own.load(path);
        open += 1;
        return {
          func: (...declared) => library.func(...declared),
          unload() {
            open -= 1;
            library.unload();
          },
        };
      },
    };
    const backend = createCBackend({ threads: 1 });
    const plans = [3, 4, 5].map((extent) => {
      const b = new GraphBuilder(opTable);
      const x = b.input("input", "x", { dtype: "float32", shape: [extent] });
      return planOf(b.build("absolute", [{ name: "output", value: b.node("abs", [x]) }]), backend);
    });
    const states = new CStates(Promise.resolve(koffi));
    states.allocate([]);
    const made = loadPrograms(plans, states, {
      koffi,
      toolchain: requireToolchain(),
      code: { lanes: 4, isFused: false },
      flushesToZero: false,
      processors: 1,
      mayRunAlone: false,
    });
    await expect(made).rejects.toThrow(/cannot load what .* has built: no room for another/);
    // Two were loaded, and the third was tried twice.
    expect({ loads, open }).toEqual({ loads: 4, open: 0 });
  });
});

describe.skipIf(!isHere)(title("what was left by a process that was killed"), () => {
  test("goes when it is old, and what another process works on stays", async () => {
    const [old, young] = ["build-old", "build-young"].map((name) => join(folder, "cache", "c", name));
    for (const path of [old, young]) await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(join(folder, "cache", "c"), 0o700);
    await utimes(old, 0, 0);
    const program = await compile(new nn.Linear(3, 7), { inputs: [[2, 3]], backend: "c" });
    await program.dispose();
    expect(await unfinished()).toEqual(["build-young"]);
  });
});
