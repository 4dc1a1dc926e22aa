/** The function that runs a program: loops and their copies, partly run, and threads that come late to a meeting. */

import { describe, expect, test } from "vitest";
import { type Access, meetingsOf, runSteps } from "../../../backends/run-steps.ts";
import {
  getGlobal,
  i32,
  loadAt,
  operation,
  setGlobal,
  storeAt,
} from "../../../backends/wasm/encode/instructions.ts";
import { encodeModule, type WasmFunction } from "../../../backends/wasm/encode/module.ts";
import { engine } from "../../../backends/wasm/engine.ts";
import { barrierFunctions } from "../../../backends/wasm/threads/barrier.ts";
import { DONE, runFunction, runGlobals } from "../../../backends/wasm/threads/run-function.ts";
import type { Move, ProgramLoop } from "../../../src/loop/loops.ts";

const BARRIER = 0;
const WORDS = 256;

/** A loop over kernels, with moves in words. */
const loop = (name: string, from: number, to: number, parts: Partial<ProgramLoop>): ProgramLoop => ({
  name,
  from,
  to,
  iterations: 3,
  descending: false,
  initial: [],
  before: [],
  after: [],
  ...parts,
});

const move = (from: number, to: number, fromStride: number, toStride: number): Move => ({
  from: String(from),
  to: String(to),
  length: 1,
  fromStride,
  toStride,
});

type Run = (thread: number, threads: number, from: number, to: number, base: number, at: number) => number;

/** A program whose kernel k writes its number behind what kernels before it have written; `threads` says who does. */
async function program(
  threads: readonly number[],
  loops: readonly ProgramLoop[],
  touched: readonly (readonly Access[])[] = [],
) {
  const LOG = { name: "log", type: "i32", mutable: true, initial: 1024 } as const;
  const at = getGlobal(LOG.name, "i32");
  const kernels = threads.map((count, k): WasmFunction => {
    const named = (name: string) => ({ name, type: "i32" }) as const;
    return {
      name: `kernel${k}`,
      parameters: count > 1 ? [named("thread"), named("threads")] : [],
      results: [],
      locals: [],
      exported: false,
      body: [
        storeAt("i32.store", at, i32(k)),
        setGlobal(LOG.name, operation("i32.add", at, i32(4))),
        // Counts its runs, for moves to carry on.
        storeAt("i32.store", i32(WORDS), operation("i32.add", loadAt("i32.load", i32(WORDS)), i32(1))),
      ],
    };
  });
  const accessOf = (word: string, isWritten: boolean): Access => {
    const start = WORDS + 4 * Number(word);
    return { start, end: start + 4, isWritten };
  };
  const parts = kernels.map(({ name }, k) => ({
    phases: [{ callee: name, threads: threads[k] }],
    accesses: touched[k] ?? [accessOf("0", true)],
  }));
  const { steps, starts } = runSteps(parts, loops, {
    copyOf: ({ from, to, length, fromStride, toStride }) => ({
      from: WORDS + 4 * Number(from),
      to: WORDS + 4 * Number(to),
      fromStride: 4 * fromStride,
      toStride: 4 * toStride,
      bytes: 4 * length,
    }),
    accessOf,
  });
  const code = encodeModule({
    name: "test",
    importedMemory: { module: "kiln", field: "memory", minimum: 1, maximum: 1, shared: true },
    imports: [],
    globals: [...runGlobals(steps), LOG],
    functions: [...barrierFunctions(BARRIER), runFunction(steps), ...kernels],
  });
  const { Memory, compile, instantiate } = engine()!;
  const memory = new Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = await instantiate(await compile(code), { kiln: { memory } });
  const words = new Int32Array(memory.buffer);
  return {
    run: exports.run as Run,
    starts,
    meetings: [...meetingsOf(steps)].sort((a, b) => a - b),
    arrivals: () => words[0],
    arrive: () => Atomics.add(words, 0, 1),
    word: (k: number) => words[WORDS / 4 + k],
    set: (k: number, value: number) => {
      words[WORDS / 4 + k] = value;
    },
    log: () => [...words.subarray(256, words.indexOf(-1, 256))],
    end: () => words.fill(-1, 256, 512),
  };
}

describe("loops", () => {
  test("run as often as they say, with moves before and after each iteration", async () => {
    const after = [move(0, 20, 0, 1)];
    const p = await program(
      [1, 1, 1],
      [loop("l", 1, 2, { descending: true, initial: [move(30, 0, 0, 0)], after })],
    );
    p.end();
    p.set(30, 7);
    expect(p.run(0, 1, p.starts[0], p.starts[3], 0, DONE)).toBe(DONE);
    expect(p.log()).toEqual([0, 1, 1, 1, 2]);
    // The count begins with 7, and what the first iteration counts lies at the last place.
    expect([20, 21, 22].map(p.word)).toEqual([10, 9, 8]);
  });

  test("run within others, from their first place each time", async () => {
    const inner = loop("inner", 1, 3, { iterations: 2, after: [move(0, 20, 0, 1)] });
    const p = await program([1, 1, 1, 1], [loop("outer", 0, 4, { iterations: 2 }), inner]);
    p.end();
    p.run(0, 1, p.starts[0], p.starts[4], 0, DONE);
    expect(p.log()).toEqual([0, 1, 2, 1, 2, 3, 0, 1, 2, 1, 2, 3]);
    expect([20, 21].map(p.word)).toEqual([9, 11]);
  });

  test("are passed through once, and move nothing, where a run has not all of them", async () => {
    const p = await program([1, 1, 1], [loop("l", 0, 2, { initial: [move(30, 0, 0, 0)] })]);
    p.end();
    p.run(0, 1, p.starts[1], p.starts[3], 0, DONE);
    p.run(0, 1, p.starts[0], p.starts[1], 0, DONE);
    expect(p.log()).toEqual([1, 2, 0]);
    expect(p.word(0)).toBe(3);
  });

  test("without iterations set what is carried, and run nothing", async () => {
    const p = await program([1, 1], [loop("l", 0, 1, { iterations: 0, initial: [move(30, 0, 0, 0)] })]);
    p.end();
    p.set(30, 7);
    p.run(0, 1, p.starts[0], p.starts[2], 0, DONE);
    expect(p.log()).toEqual([1]);
    expect(p.word(0)).toBe(8);
  });
});

describe("threads", () => {
  test("meet for what an iteration needs of the one before", async () => {
    // Divided work follows divided work, of the same iteration and of the next.
    expect((await program([2], [loop("l", 0, 1, {})])).meetings).toEqual([0]);
    expect((await program([1, 2], [loop("l", 0, 2, {})])).meetings).toEqual([0, 1]);
    expect((await program([1, 1], [loop("l", 0, 2, {})])).meetings).toEqual([]);
    expect((await program([1, 2], [loop("l", 1, 2, { before: [move(0, 1, 1, 0)] })])).meetings).toEqual([
      1, 2,
    ]);
  });

  test("do not meet where neither touches what the other has changed", async () => {
    const bytes = (start: number, isWritten: boolean): Access => ({ start, end: start + 8, isWritten });
    const meetings = async (...touched: readonly (readonly Access[])[]) =>
      (await program([2, 2, 1], [], touched)).meetings;
    const [x, y, z] = [0, 8, 16];
    expect(await meetings([bytes(x, false), bytes(y, true)], [bytes(x, false), bytes(z, true)], [])).toEqual(
      [],
    );
    // Reads what was written; writes what was read; writes what was written, also where it only overlaps.
    expect(await meetings([bytes(x, true)], [bytes(x, false), bytes(z, true)], [bytes(z, false)])).toEqual([
      1, 2,
    ]);
    expect(await meetings([bytes(x, false)], [bytes(x, true)], [])).toEqual([1]);
    expect(await meetings([bytes(x, true)], [bytes(x + 4, true)], [])).toEqual([1]);
    // The first thread alone does both, but not what comes between.
    expect((await program([1, 1], [], [[bytes(x, true)], [bytes(x, true)]])).meetings).toEqual([]);
    expect(await meetings([bytes(x, true)], [bytes(y, true)], [bytes(x, false)])).toEqual([2]);
  });

  test("go on where they have waited, in the iteration that they were in", async () => {
    const p = await program([2, 1], [loop("l", 0, 2, { iterations: 2, after: [move(0, 20, 0, 1)] })]);
    p.end();
    const resume = (at: number): number => p.run(0, 2, p.starts[0], p.starts[2], 0, at);
    // Nobody else is there: the first thread gives up before the second kernel, until the other one has arrived.
    let at = resume(DONE);
    expect([at, p.log()]).toEqual([1, [0]]);
    expect(resume(at)).toBe(1);
    p.arrive();
    at = resume(at);
    // The next iteration begins when all have seen the end of this one.
    expect([at, p.log()]).toEqual([0, [0, 1]]);
    p.arrive();
    at = resume(at);
    expect([at, p.log()]).toEqual([1, [0, 1, 0]]);
    p.arrive();
    at = resume(at);
    expect([at, p.log()]).toEqual([p.starts[2], [0, 1, 0, 1]]);
    p.arrive();
    expect(resume(at)).toBe(DONE);
    expect([20, 21].map(p.word)).toEqual([2, 4]);
    expect(p.arrivals()).toBe(8);
  });
});
