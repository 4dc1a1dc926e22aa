/** C libraries for tests: built as `kiln build --backend c` builds them, compiled by the machine's compiler, and called in process. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { createCBackend } from "../../backends/c/backend.ts";
import { loadKoffi } from "../../backends/c/koffi.ts";
import { requireToolchain } from "../../backends/c/toolchain.ts";
import { type BuildSettings, buildFiles } from "../../src/cli/build/build-program.ts";
import type { ModelFile } from "../../src/cli/model-file.ts";
import { type Numbers, settingsFor } from "./stand-alone.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** What strict projects compile with; vectors are no part of ISO C. */
export const strictFlags = (lanes: number): readonly string[] => [
  ...["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-Wno-psabi"],
  ...(lanes === 1 ? ["-std=c99", "-pedantic"] : []),
];

export interface BuiltLibrary {
  readonly folder: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Builds a library and writes it to a folder. */
export async function buildLibraryFiles(
  file: ModelFile,
  given: Partial<BuildSettings>,
): Promise<BuiltLibrary> {
  const files = await buildFiles(file, settingsFor({ ...given, target: "c", name: given.name ?? "net" }));
  const folder = mkdtempSync(join(tmpdir(), "kiln-c-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return { folder, files: files as Readonly<Record<string, string>> };
}

export function runCompiler(args: readonly string[], folder: string): void {
  execFileSync(requireToolchain().command, args, { cwd: folder, encoding: "utf8" });
}

export interface LoadedLibrary extends BuiltLibrary {
  /** Calls a function `net_…` with the model and arrays behind it; gives what it returns. */
  call(name: string, ...arrays: readonly Numbers[]): number;
  /** The same with a number behind the model. */
  set(name: string, type: "double" | "int32_t" | "int64_t", value: number): void;
  /** The numbers of a parameter by its position in the table. */
  parameter(position: number, length: number): Float32Array;
  setParameter(position: number, numbers: Float32Array): void;
  /** All its numbers as a safetensors file. */
  save(): Uint8Array;
  /** Takes over a file; gives what the library returns. */
  load(file: Uint8Array): number;
}

/** Builds, compiles and loads a library, and makes a model of memory that is full of NaN. */
export async function loadBuilt(file: ModelFile, given: Partial<BuildSettings>): Promise<LoadedLibrary> {
  const built = await buildLibraryFiles(file, given);
  const { flags } = requireToolchain();
  const own = flags.filter((flag) => given.lanes !== 1 || !flag.startsWith("-std="));
  runCompiler(
    [
      ...own,
      ...strictFlags(given.lanes ?? 4),
      "-fvisibility=default",
      "-shared",
      "net.c",
      "-o",
      "net.so",
      "-lm",
    ],
    built.folder,
  );
  const koffi = await loadKoffi();
  const library = koffi.load(join(built.folder, "net.so"));
  const bytes = Number(/#define NET_MODEL_BYTES (\d+)/.exec(built.files["net.h"])![1]);
  const model = new ArrayBuffer(bytes);
  new Uint8Array(model).fill(0xff);
  const address = (memory: ArrayBuffer): number => Number(koffi.address(memory));
  const functions = new Map<string, ReturnType<typeof library.func>>();
  const functionOf = (name: string, result: string, types: readonly string[]) => {
    if (!functions.has(name)) functions.set(name, library.func(name, result, types));
    return functions.get(name)!;
  };
  const call = (name: string, ...arrays: readonly Numbers[]): number =>
    functionOf(`net_${name}`, "int32_t", ["int64_t", ...arrays.map(() => "int64_t")])(
      address(model),
      ...arrays.map(({ buffer, byteOffset }) => address(buffer as ArrayBuffer) + byteOffset),
    );
  const at = (name: string, position: number, numbers: Float32Array): void => {
    const types = ["int64_t", "int32_t", "int64_t"];
    functionOf(name, "void", types)(address(model), position, address(numbers.buffer as ArrayBuffer));
  };
  functionOf("net_init", "void", ["int64_t"])(address(model));
  return {
    ...built,
    call,
    set: (name, type, value) =>
      void functionOf(`net_${name}`, "void", ["int64_t", type])(address(model), value),
    parameter(position, length) {
      const numbers = new Float32Array(length);
      at("net_get_parameter", position, numbers);
      return numbers;
    },
    setParameter: (position, numbers) => at("net_set_parameter", position, numbers),
    save() {
      const write = functionOf("net_save", "size_t", ["int64_t", "int64_t", "size_t"]);
      const bytes = new Uint8Array(Number(write(address(model), 0, 0)));
      expect(Number(write(address(model), address(bytes.buffer), bytes.length))).toBe(bytes.length);
      return bytes;
    },
    load(file) {
      // A copy that ends where the file does.
      const { buffer } = Uint8Array.from(file);
      const read = functionOf("net_load", "int32_t", ["int64_t", "int64_t", "size_t"]);
      return read(address(model), file.length === 0 ? 0 : address(buffer), file.length);
    },
  };
}

/** The backend whose programs have the bits of a library in so many lanes. */
export const likeLibrary = (lanes: number) =>
  lanes === 1
    ? createCBackend({ lanes, deterministic: true, threads: 1 })
    : createCBackend({ lanes, isFused: true, threads: 1 });
