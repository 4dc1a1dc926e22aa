/** The lists of steps that the runtime of the `c` backend goes through: who takes part, where threads meet, loops and their moves. */

import { expect, test } from "vitest";
import { OrderWriter } from "../../../backends/c/orders.ts";
import { CALL, END, LOOP, MEETING, MOVE, STEP_WORDS } from "../../../backends/c/runtime-source.ts";
import { type Access, runSteps } from "../../../backends/run-steps.ts";
import type { ProgramLoop } from "../../../src/loop/loops.ts";

const place = (buffer: string): number => 100 * Number(buffer);

const accessOf = (buffer: string, isWritten: boolean): Access => ({
  start: place(buffer),
  end: place(buffer) + 4,
  isWritten,
});

/** A kernel that reads one buffer and writes another one, on so many threads. */
interface Made {
  readonly from: string;
  readonly to: string;
  readonly threads: number;
}

/** The orders of kernels, whose functions lie at 1000, 1001, … and their lists of buffers at 2000, 2001, … */
function writer(kernels: readonly Made[], loops: readonly ProgramLoop[] = []): OrderWriter {
  const steps = kernels.map(({ from, to, threads }, k) => ({
    phases: [{ callee: `kernel${k}`, threads }],
    accesses: [accessOf(from, false), accessOf(to, true)],
  }));
  const places = {
    accessOf,
    copyOf: ({ from, to, length, fromStride, toStride }: ProgramLoop["before"][number]) => ({
      from: place(from),
      to: place(to),
      fromStride: 4 * fromStride,
      toStride: 4 * toStride,
      bytes: 4 * length,
    }),
  };
  return new OrderWriter(
    runSteps(steps, loops, places),
    kernels.map((_, k) => [{ address: 1000 + k, buffers: 2000 + k }]),
  );
}

/** Each step's words. */
function stepsOf(words: BigInt64Array): number[][] {
  const numbers = [...words].map(Number);
  return Array.from({ length: numbers.length / STEP_WORDS }, (_, k) =>
    numbers.slice(k * STEP_WORDS, (k + 1) * STEP_WORDS),
  );
}

const call = (k: number, threads: number, meeting: number): number[] => [
  ...[CALL, 1000 + k, 2000 + k, threads],
  ...[0, 0, 0, meeting],
];

test("threads meet where a divided kernel needs what others have written, and nowhere else", () => {
  const kernels = [
    { from: "0", to: "1", threads: 2 },
    { from: "0", to: "2", threads: 2 },
    { from: "1", to: "3", threads: 2 },
    { from: "4", to: "5", threads: 1 },
    { from: "5", to: "6", threads: 1 },
  ];
  const { words, threads } = writer(kernels).write(0, 5);
  expect(threads).toBe(2);
  expect(stepsOf(words)).toEqual([call(0, 2, 0), call(1, 2, 0), call(2, 2, 1), call(3, 1, 0), call(4, 1, 0)]);
});

test("a run that begins where threads meet does without", () => {
  const kernels = [
    { from: "0", to: "1", threads: 2 },
    { from: "1", to: "2", threads: 2 },
  ];
  expect(stepsOf(writer(kernels).write(1, 2).words)).toEqual([call(1, 2, 0)]);
});

test("kernels that nothing divides ask for one thread", () => {
  const kernels = [
    { from: "0", to: "1", threads: 1 },
    { from: "1", to: "2", threads: 3 },
  ];
  expect(writer(kernels).write(0, 1).threads).toBe(1);
  expect(writer(kernels).write(0, 2).threads).toBe(3);
});

const loop: ProgramLoop = {
  name: "scan",
  from: 0,
  to: 1,
  iterations: 3,
  descending: true,
  initial: [],
  before: [{ from: "7", to: "0", length: 2, fromStride: 2, toStride: 0 }],
  after: [],
};

test("a loop runs with its moves, and threads meet from iteration to iteration", () => {
  const { words } = writer([{ from: "0", to: "1", threads: 2 }], [loop]).write(0, 1);
  const move = [MOVE, 700, 0, 8, 8, 0, 0];
  expect(stepsOf(words)).toEqual([
    [LOOP, 2, 0, 0, 0, 0, 0, 0],
    [...move, 1],
    call(0, 2, 1),
    [END, 0, 0, 0, 0, 0, 0, 0],
  ]);
  expect(MEETING).toBe(7);
});

test("of a loop that is not wholly run the kernels run once, and nothing is moved", () => {
  const kernels = [
    { from: "0", to: "1", threads: 1 },
    { from: "1", to: "2", threads: 1 },
  ];
  const { words } = writer(kernels, [{ ...loop, to: 2 }]).write(0, 1);
  expect(stepsOf(words)).toEqual([call(0, 1, 0)]);
});
