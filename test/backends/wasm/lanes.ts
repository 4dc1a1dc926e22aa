/** Hand-made vector loops for tests: short names for their parts, buffers to work on, and the comparison of both runs. */

import { expect } from "vitest";
import { createWasmBackend } from "../../../backends/wasm/backend.ts";
import { load, local, variable } from "../../../src/loop/build.ts";
import type { Expr, Induction, Stmt } from "../../../src/loop/types.ts";
import { type Contents, type Outcome, runBody, wholeNumbers } from "./run-body.ts";

export const v = variable("v");
export const k = variable("k");

export const loop = (
  name: string,
  extent: number,
  kind: "vector" | "reduce" | "grid" | "serial",
  body: readonly Stmt[],
  inductions?: readonly Induction[],
): Stmt => ({ kind: "for", name, extent, loop: kind, body, ...(inductions && { inductions }) });

export const lanes = (...body: readonly Stmt[]): Stmt => loop("v", 4, "vector", body);
export const store = (buffer: string, index: Expr, value: Expr): Stmt => ({
  kind: "store",
  buffer,
  index,
  value,
});
export const define = (name: string, value: Expr): Stmt => ({ kind: "let", name, value });
export const accumulator = (name: string, init: Expr, range?: readonly [number, number]): Stmt => ({
  kind: "accumulator",
  name,
  init,
  ...(range && { range }),
});
export const assign = (name: string, value: Expr): Stmt => ({ kind: "assign", name, value });

export const x = (index: Expr): Expr => load("x", "float32", index);
export const w = (index: Expr): Expr => load("w", "float32", index);
export const f = (name: string): Expr => local(name, "float32");
export const n = (name: string): Expr => local(name, "int32");

export const BUFFERS: Contents = {
  x: { dtype: "float32", data: wholeNumbers(64) },
  w: { dtype: "float32", data: wholeNumbers(40) },
  i: { dtype: "int32", data: wholeNumbers(16) },
  at: { dtype: "int32", data: [3, 0, 7, 7, 1, 2, 5, 4], range: [0, 7] },
  u: { dtype: "uint8", data: [0, 1, 2, 3, 250, 255, 7, 4] },
  b: { dtype: "bool", data: [1, 0, 0, 1, 1, 1, 0, 0] },
  out: { dtype: "float32", data: new Array(64).fill(-1) },
  outI: { dtype: "int32", data: new Array(32).fill(-1) },
  outU: { dtype: "uint8", data: new Array(16).fill(9) },
  outB: { dtype: "bool", data: new Array(16).fill(1) },
};

/** Without multiply-adds that round once where the engine has them: the same instructions everywhere. */
export const backend = createWasmBackend({ deterministic: true });

/** Runs the body on both and compares all buffers, to the bit unless a tolerance says otherwise. */
export async function agrees(
  body: readonly Stmt[],
  tolerance = 0,
  contents: Contents = BUFFERS,
): Promise<Outcome> {
  const outcome = await runBody(body, contents, { backend, scalars: { rate: 0.5, seed: 2 ** 31 + 5 } });
  for (const [name, expected] of Object.entries(outcome.interpreter)) {
    const actual = outcome.wasm[name];
    expected.forEach((value, at) => {
      const close = tolerance > 0 && Math.abs(actual[at] - value) <= tolerance * Math.max(1, Math.abs(value));
      if (!close) expect(actual[at], `${name}[${at}]`).toEqual(value);
    });
  }
  return outcome;
}

/** `out[v] = value` for four lanes. */
export const values = (value: Expr): Stmt[] => [lanes(store("out", v, value))];
