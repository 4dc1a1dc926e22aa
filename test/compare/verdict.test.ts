/** The last sentence of a comparison. */

import { expect, test } from "vitest";
import type { BackendResult, Comparison } from "../../src/compare/types.ts";
import { verdictText } from "../../src/compare/verdict.ts";

const comparison = (times: Readonly<Record<string, number>>): Comparison => ({
  ...{ model: "net", mode: "training", batchSize: 8, machine: "here" },
  results: Object.entries(times).map(
    ([backend, milliseconds]) => ({ backend, milliseconds }) as BackendResult,
  ),
});

test.each([
  [{ wasm: 2 }, ""],
  [{ wasm: 2, js: 49 }, "wasm is the fastest: 25 times as fast as js."],
  [
    { js: 49, wasm: 2, c: 1.4, interpret: 9000 },
    "c is the fastest: 1.4 times as fast as wasm, 35 times as fast as js and 6429 times as fast as interpret.",
  ],
  [{ wasm: 2, c: 1.96 }, "c is about as fast as wasm."],
  [{ wasm: 2, c: 1.96, js: 4 }, "c is about as fast as wasm and 2.0 times as fast as js."],
  [{ wasm: 2.16, c: 2 }, "c is the fastest: 1.08 times as fast as wasm."],
])("%j", (times, sentence) => {
  expect(verdictText(comparison(times))).toBe(sentence);
});

test("names the batch where there are several", () => {
  expect(verdictText(comparison({ wasm: 1, js: 3 }), true)).toBe(
    "At batch 8 wasm is the fastest: 3.0 times as fast as js.",
  );
});
