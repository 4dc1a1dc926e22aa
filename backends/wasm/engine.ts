/** The part of the engine's WebAssembly interface that is used, and detection of what the engine can run. */

import { f32, operation, vector } from "./encode/instructions.ts";
import { encodeModule, type WasmFunction } from "./encode/module.ts";

/** A linear memory; `grow` replaces `buffer` and detaches the old one unless it is shared. */
export interface EngineMemory {
  readonly buffer: ArrayBufferLike;
  /** Adds pages of 64 KiB; throws if the engine has no more. */
  grow(pages: number): number;
}

export type EngineFunction = (...parameters: number[]) => unknown;

/** A compiled module; the engine's own object. */
export type EngineModule = object;

export interface Engine {
  /** Compiles synchronously; for tiny modules. */
  readonly Module: new (
    bytes: Uint8Array<ArrayBuffer>,
  ) => EngineModule;
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<EngineModule>;
  instantiate(
    module: EngineModule,
    imports: Readonly<Record<string, Readonly<Record<string, EngineMemory | EngineFunction>>>>,
  ): Promise<{ readonly exports: Readonly<Record<string, EngineFunction>> }>;
  readonly Memory: new (limits: {
    readonly initial: number;
    readonly maximum?: number;
    readonly shared?: boolean;
  }) => EngineMemory;
}

/** The engine's WebAssembly, or `undefined` if there is none. */
export const engine = (): Engine | undefined =>
  (globalThis as unknown as { readonly WebAssembly?: Engine }).WebAssembly;

/** A module of one function that leaves a vector on the stack. */
function probe(body: WasmFunction["body"]): Uint8Array<ArrayBuffer> {
  const f: WasmFunction = {
    name: "probe",
    parameters: [],
    results: ["v128"],
    locals: [],
    body,
    exported: false,
  };
  return encodeModule({ name: "probe", imports: [], globals: [], functions: [f] });
}

const accepts = (bytes: Uint8Array<ArrayBuffer>): boolean => engine()?.validate(bytes) ?? false;

const SPLAT = [operation("f32x4.splat", f32(1))];

/** Whether the engine has 128-bit vectors. */
export const hasSimd = (): boolean => accepts(probe(SPLAT));

/** Whether modules may be compiled: a page's content security policy may forbid it. */
export function mayCompile(): boolean {
  const { Module } = engine()!;
  try {
    return new Module(probe(SPLAT)) !== undefined;
  } catch {
    return false;
  }
}

/** Whether it has the multiply-add of relaxed SIMD, which may round once or twice. */
export function hasRelaxedMadd(): boolean {
  const ones = vector("f32x4", [1, 1, 1, 1]);
  return accepts(probe([operation("f32x4.relaxed_madd", ones, ones, ones)]));
}

/** A module with a table of functions with 64-bit indices, and nothing else. */
const WIDE_TABLE = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 4, 4, 1, 0x70, 4, 1);

/**
 * Whether the engine's compiler leaves loads where they are. Up to version 12 (Node 22), V8 moved all loads of a block
 * before its arithmetic, where every one takes a register. Only its age tells: wide tables came with version 13.
 */
export const keepsLoads = (): boolean => accepts(WIDE_TABLE);
