/**
 * The part of koffi that this backend uses: the package that
 * calls C from Node. Users install it; it is loaded on demand.
 */

import { KilnError } from "../../src/core/errors.ts";
import { missingPackage } from "../../src/core/optional-package.ts";
import { node } from "./node.ts";

/** A C function; `async` calls it on another thread. */
export interface ForeignFunction {
  (...args: readonly number[]): number;
  async(...args: readonly (number | ((error: Error | null, result: number) => void))[]): void;
}

export interface Library {
  func(name: string, result: string, parameters: readonly string[]): ForeignFunction;
  unload(): void;
}

export interface Koffi {
  load(path: string): Library;
  /** The address of a buffer's memory. */
  address(memory: ArrayBuffer): bigint;
}

/** Not by `import`, which page bundlers would follow. */
const load = async (): Promise<unknown> => node?.("node:module").createRequire(import.meta.url)("koffi");

/** Loads koffi, or says how to install it. */
export async function loadKoffi(from: () => Promise<unknown> = load): Promise<Koffi> {
  let module: unknown;
  try {
    module = await from();
  } catch (error) {
    throw new KilnError(`the c backend needs ${remedyFor(error)}; the wasm backend runs everywhere`);
  }
  const found = (module as { default?: unknown }).default ?? module;
  if (!isKoffi(found))
    throw new KilnError("the c backend needs version 3 of the package koffi: run `npm install koffi@3`");
  return found;
}

const isKoffi = (value: unknown): value is Koffi =>
  typeof (value as Partial<Koffi>).load === "function" &&
  typeof (value as Partial<Koffi>).address === "function";

/** What to do if koffi is not installed, or is and fails. */
const remedyFor = (error: unknown): string =>
  missingPackage("koffi", error) ??
  `koffi, which does not load: ${error instanceof Error ? error.message : String(error)}`;
