/** What goes between a page and its worker: a plan that was copied is the same program, and errors keep their kind. */

import { expect, test } from "vitest";
import { createWasmBackend } from "../../../backends/wasm/backend.ts";
import { ModelMemory } from "../../../backends/wasm/memory.ts";
import { errorOf, failureOf, movable } from "../../../backends/wasm/page/messages.ts";
import { loadProgram } from "../../../backends/wasm/program.ts";
import { encodeProgram, printPlan, sourcesOf } from "../../../backends/wasm/program-code.ts";
import { InternalError, KilnError, ThreadLostError } from "../../../src/core/errors.ts";
import { planOf } from "../../support/run-graph.ts";
import { lenetTraining } from "../../support/stages.ts";

test("a plan and its places survive being copied: the page prints the code that the worker runs", async () => {
  const { trace, update } = lenetTraining(4);
  const { parameters } = trace;
  const backend = createWasmBackend({ threads: 2 });
  const plan = planOf(trace.graph, backend, { gradientsFor: parameters, ...(update && { update }) });
  expect(plan.threads).toBe(2);
  const memory = new ModelMemory({ shared: true });
  memory.allocate(plan.states);
  const program = await loadProgram(plan, memory, { usesRelaxedMadd: false, mayRunAlone: false });

  const [copy, places] = structuredClone([plan, program.places] as const);
  const code = printPlan(copy, places.environment, places.barrierAt);
  expect(sourcesOf(code)).toEqual(program.sources);
  const original = printPlan(plan, program.places.environment, program.places.barrierAt);
  expect(encodeProgram(code, memory.limits)).toEqual(encodeProgram(original, memory.limits));
  program.dispose();
});

test.each([
  [new KilnError("the batch is too large"), KilnError, "the batch is too large"],
  [new ThreadLostError("a thread was lost: it ended"), ThreadLostError, "a thread was lost: it ended"],
  [new InternalError("no state w"), InternalError, "no state w"],
  [new RangeError("out of memory"), InternalError, "RangeError: out of memory"],
])("%s arrives as what it was", (error, kind, message) => {
  const arrived = errorOf(structuredClone(failureOf(error)));
  expect(arrived).toBeInstanceOf(kind);
  expect(arrived.constructor).toBe(kind);
  expect(arrived.message).toBe(
    arrived instanceof InternalError ? new InternalError(message).message : message,
  );
});

test("arrays move, alone and in lists; what is shared or deeper inside is copied", () => {
  const [a, b] = [new Float32Array(2), new Uint8Array(3)];
  const shared = new Float32Array(new SharedArrayBuffer(8));
  expect(movable([1, "x", a, [b], shared, { data: new Float32Array(1) }])).toEqual([a.buffer, b.buffer]);
});
