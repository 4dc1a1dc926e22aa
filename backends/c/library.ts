/** Loads libraries, and builds the one that runs programs. A process has one of these: it holds the thread pool. */

import { KilnError } from "../../src/core/errors.ts";
import { discard, libraryOf } from "./builder.ts";
import type { ForeignFunction, Koffi, Library } from "./koffi.ts";
import { RUNTIME_SOURCE } from "./runtime-source.ts";
import type { Toolchain } from "./toolchain.ts";

/** A library in the cache that the system cannot load is built again. */
export async function loadLibrary(
  koffi: Koffi,
  files: readonly string[],
  toolchain: Toolchain,
): Promise<Library> {
  const path = await libraryOf(files, toolchain);
  try {
    return koffi.load(path);
  } catch {
    discard(path);
  }
  const again = await libraryOf(files, toolchain);
  try {
    return koffi.load(again);
  } catch (error) {
    throw new KilnError(
      `the c backend cannot load what ${toolchain.command} has built: ${(error as Error).message}; the wasm backend runs everywhere`,
    );
  }
}

const PARAMETERS = ["int64_t", "int64_t", "int64_t", "int64_t", "int64_t"];

let runtime: Promise<ForeignFunction> | undefined;

/** Starts building the library that runs programs, unless cached, while there is other work to do. */
export function prepareRuntime(toolchain: Toolchain): void {
  if (runtime === undefined) libraryOf([RUNTIME_SOURCE], toolchain).catch(() => undefined);
}

/** The function that runs steps: `(steps, count, scalars, threads, flushes)`. It stays loaded, as its threads do. */
export function runtimeOn(koffi: Koffi, toolchain: Toolchain): Promise<ForeignFunction> {
  runtime ??= loadLibrary(koffi, [RUNTIME_SOURCE], toolchain)
    .then((library) => library.func("kiln_run", "int32_t", PARAMETERS))
    .catch((error: unknown) => {
      runtime = undefined;
      throw error;
    });
  return runtime;
}
