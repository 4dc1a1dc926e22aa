/** Modules as data, and their bytes: sections, indices for names, and code from instruction trees. */

import { invariant } from "../../../src/core/errors.ts";
import { ByteWriter } from "./bytes.ts";
import { CodeWriter, type FunctionCode, movedCode, VALUE_TYPES } from "./code.ts";
import { f32, f64, type Instruction, i32, i64, type Local } from "./instructions.ts";
import type { ValueType } from "./operations.ts";

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A function of the host; imported functions are numbered before the module's own. */
export interface ImportedFunction extends FunctionType {
  readonly module: string;
  readonly field: string;
  readonly name: string;
}

export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly Local[];
  readonly results: readonly ValueType[];
  /** Everything that the body names besides the parameters; initially zero. */
  readonly locals: readonly Local[];
  readonly body: readonly Instruction[];
  /** Whether the host may call it, under its name. */
  readonly exported: boolean;
  /** Comments above it in the text form. */
  readonly comments?: readonly string[];
  /** An earlier function in the module that is the same except for the positions of buffers: moved by so many bytes. */
  readonly alike?: { readonly of: WasmFunction; readonly distances: ReadonlyMap<string, number> };
}

export interface WasmGlobal {
  readonly name: string;
  readonly type: Exclude<ValueType, "v128">;
  readonly mutable: boolean;
  readonly initial: number;
}

/** Sizes in pages of 64 KiB. A shared memory states its maximum. */
export interface MemoryLimits {
  readonly minimum: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}

export interface WasmModule {
  readonly name: string;
  readonly importedMemory?: MemoryLimits & { readonly module: string; readonly field: string };
  /** The module's own memory, exported under this name. */
  readonly ownMemory?: MemoryLimits & { readonly field: string };
  readonly imports: readonly ImportedFunction[];
  readonly globals: readonly WasmGlobal[];
  readonly functions: readonly WasmFunction[];
}

const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  memory: 5,
  global: 6,
  export: 7,
  code: 10,
} as const;

const KIND = { function: 0, memory: 2, global: 3 } as const;

/** The module in the binary format (core specification, chapter 5.5). */
export function encodeModule(module: WasmModule): Uint8Array<ArrayBuffer> {
  const types = new TypeTable();
  const imported = module.imports.map((f) => types.index(f));
  const declared = module.functions.map((f) => types.index(typeOf(f)));
  const functions = indexed([...module.imports, ...module.functions].map(({ name }) => name));
  const globals = indexed(module.globals.map(({ name }) => name));
  const written = new Map<WasmFunction, FunctionCode>();
  const bodies = module.functions.map((f) => {
    const first = f.alike && written.get(f.alike.of);
    const moved = first && movedCode(first, f.alike!.distances);
    if (moved !== undefined) return moved;
    const code = new CodeWriter(functions, globals).function(f);
    written.set(f, code);
    return code.bytes;
  });

  const writer = new ByteWriter().append([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  const section = (id: number, content: ByteWriter): void => {
    writer.byte(id).counted(content.finish());
  };
  section(SECTION.type, types.write());
  section(SECTION.import, importSection(module, imported));
  section(
    SECTION.function,
    new ByteWriter().list(declared, (type, w) => w.unsigned(type)),
  );
  if (module.ownMemory) section(SECTION.memory, limits(new ByteWriter().unsigned(1), module.ownMemory));
  section(SECTION.global, globalSection(module.globals));
  section(SECTION.export, exportSection(module, functions));
  section(
    SECTION.code,
    new ByteWriter().list(bodies, (body, w) => w.counted(body)),
  );
  section(SECTION.custom, nameSection(module, [...functions.keys()]));
  return writer.finish();
}

export const typeOf = ({ parameters, results }: WasmFunction): FunctionType => ({
  parameters: parameters.map(({ type }) => type),
  results,
});

function indexed(names: readonly string[]): ReadonlyMap<string, number> {
  const indices = new Map(names.map((name, index) => [name, index]));
  invariant(indices.size === names.length, `names of a module are unique: ${names.join(", ")}`);
  return indices;
}

/** Function types, each written once. */
class TypeTable {
  private readonly types: FunctionType[] = [];
  private readonly indices = new Map<string, number>();

  index({ parameters, results }: FunctionType): number {
    const key = `${parameters.join()}>${results.join()}`;
    const known = this.indices.get(key);
    if (known !== undefined) return known;
    this.indices.set(key, this.types.length);
    this.types.push({ parameters, results });
    return this.types.length - 1;
  }

  write(): ByteWriter {
    const types = (list: readonly ValueType[], w: ByteWriter): ByteWriter =>
      w.list(list, (type) => w.byte(VALUE_TYPES[type]));
    return new ByteWriter().list(this.types, ({ parameters, results }, w) => {
      types(results, types(parameters, w.byte(0x60)));
    });
  }
}

function importSection({ importedMemory, imports }: WasmModule, types: readonly number[]): ByteWriter {
  const writer = new ByteWriter().unsigned(imports.length + (importedMemory === undefined ? 0 : 1));
  if (importedMemory !== undefined) {
    writer.name(importedMemory.module).name(importedMemory.field).byte(KIND.memory);
    limits(writer, importedMemory);
  }
  imports.forEach(({ module, field }, k) => {
    writer.name(module).name(field).byte(KIND.function).unsigned(types[k]);
  });
  return writer;
}

function limits(writer: ByteWriter, { minimum, maximum, shared = false }: MemoryLimits): ByteWriter {
  invariant(!shared || maximum !== undefined, "a shared memory states its maximum");
  writer.byte((maximum === undefined ? 0 : 1) | (shared ? 2 : 0)).unsigned(minimum);
  return maximum === undefined ? writer : writer.unsigned(maximum);
}

const CONSTANTS = { i32, i64, f32, f64 } as const;

function globalSection(globals: readonly WasmGlobal[]): ByteWriter {
  return new ByteWriter().list(globals, ({ type, mutable, initial }, w) => {
    w.byte(VALUE_TYPES[type]).byte(mutable ? 1 : 0);
    w.append(new CodeWriter(new Map(), new Map()).expression(CONSTANTS[type](initial)));
  });
}

function exportSection(module: WasmModule, functions: ReadonlyMap<string, number>): ByteWriter {
  const exported = module.functions.filter((f) => f.exported);
  const memory = module.ownMemory;
  const writer = new ByteWriter().unsigned(exported.length + (memory === undefined ? 0 : 1));
  if (memory !== undefined) writer.name(memory.field).byte(KIND.memory).unsigned(0);
  for (const { name } of exported) writer.name(name).byte(KIND.function).unsigned(functions.get(name)!);
  return writer;
}

/** Names of the module and its functions, for stack traces and profilers (appendix "Name Section"). */
function nameSection({ name }: WasmModule, functions: readonly string[]): ByteWriter {
  const ofModule = new ByteWriter().name(name).finish();
  const ofFunctions = new ByteWriter()
    .list([...functions.entries()], ([index, text], w) => w.unsigned(index).name(text))
    .finish();
  return new ByteWriter().name("name").byte(0).counted(ofModule).byte(1).counted(ofFunctions);
}
