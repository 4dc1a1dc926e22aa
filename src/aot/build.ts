/** A compiled program as the files of a stand-alone module. */

import { withPackage } from "../core/optional-package.ts";
import { wasmCode } from "./kernels.ts";
import { mapMemory } from "./memory-map.ts";
import type { ModuleTarget, PortableProgram } from "./portable.ts";
import { moduleSource } from "./source.ts";

/** The names of the files, whatever the model's name. */
export const MODULE_FILE = "model.js";
export const TYPES_FILE = "model.d.ts";
export const CODE_FILE = "model.wasm";

/**
 * The module's files by name, without the weights. ts-morph,
 * which checks and writes them, is loaded here and not before.
 */
export async function buildModule(
  program: PortableProgram,
  target: ModuleTarget,
): Promise<Readonly<Record<string, string | Uint8Array>>> {
  const { emitModule } = await withPackage("ts-morph", "kiln build needs", () => import("./emit.ts"));
  const map = mapMemory(program.plan);
  const code = target === "wasm" ? wasmCode(program.plan, map) : undefined;
  const { javascript, declarations } = emitModule(moduleSource(program, target, map, code?.starts ?? []));
  return {
    [MODULE_FILE]: javascript,
    [TYPES_FILE]: declarations,
    ...(code && { [CODE_FILE]: code.bytes }),
  };
}
