/** Encodes a run as the list of steps that the runtime executes: calls of functions, loops, and their moves. */

import { invariant } from "../../src/core/errors.ts";
import { type Copy, meetingsOf, type RepeatedSteps, type RunSteps, type Step } from "../run-steps.ts";
import { CALL, END, LOOP, MEETING, MOST_DEPTH, MOVE, STEP_WORDS } from "./runtime-source.ts";

/** A call in C: the address of a function, and the address of the list of its buffers' addresses. */
export interface Call {
  readonly address: number;
  readonly buffers: number;
}

/** Steps as words, and the largest number of threads that any of them is divided among. */
export interface Order {
  readonly words: BigInt64Array;
  readonly threads: number;
}

/** Writes the orders of a program with these steps. */
export class OrderWriter {
  private readonly runSteps: RunSteps;
  private readonly meetings: ReadonlySet<number>;
  private readonly calls: readonly (readonly Call[])[];

  /** `calls` has the phases of each kernel. */
  constructor(runSteps: RunSteps, calls: readonly (readonly Call[])[]) {
    this.runSteps = runSteps;
    this.meetings = meetingsOf(runSteps.steps);
    this.calls = calls;
  }

  /** The order of the kernels `from` … `to` - 1. Kernels of a loop that is not entirely in this range run once. */
  write(from: number, to: number): Order {
    const { runSteps, meetings, calls } = this;
    const [first, last] = [runSteps.starts[from], runSteps.starts[to]];
    const steps: number[][] = [];
    let threads = 1;
    const isAmong = (at: number): boolean => at >= first && at < last;
    /** All threads meet before it, unless the run begins with it: there none can be behind. */
    const meetingBefore = (at: number): number => (steps.length > 0 && meetings.has(at) ? 1 : 0);
    const one = (step: Step, depth: number, isWhole: boolean): void => {
      switch (step.kind) {
        case "phase": {
          if (!isAmong(step.at)) return;
          threads = Math.max(threads, step.threads);
          const { address, buffers } = calls[step.kernel][step.number];
          const words = [CALL, address, buffers, step.threads];
          words[MEETING] = meetingBefore(step.at);
          steps.push(words);
          return;
        }
        case "copies":
          if (isWhole)
            for (const [k, copy] of step.copies.entries()) move(copy, k === 0 ? step.at : undefined);
          return;
        case "loop":
          repeat(step, depth);
          return;
        default:
          step satisfies never;
      }
    };
    const move = ({ from, to, bytes, fromStride, toStride }: Copy, at: number | undefined): void => {
      const words = [MOVE, from, to, bytes, fromStride, toStride];
      words[MEETING] = at === undefined ? 0 : meetingBefore(at);
      steps.push(words);
    };
    const repeat = (
      { start, end, first: begin, last: final, initial, body }: RepeatedSteps,
      depth: number,
    ): void => {
      if (first > start || last < end) {
        for (const step of body) one(step, depth, false);
        return;
      }
      invariant(depth < MOST_DEPTH, "loops within loops, but not so many");
      for (const step of initial) one(step, depth, true);
      if (body.length === 0) return;
      const at = steps.length;
      steps.push([LOOP, begin, final]);
      for (const step of body) one(step, depth + 1, true);
      steps.push([END, at]);
    };
    for (const step of runSteps.steps) one(step, 0, true);
    const words = new BigInt64Array(steps.length * STEP_WORDS);
    steps.forEach((step, k) => {
      step.forEach((word, n) => {
        words[k * STEP_WORDS + n] = BigInt(word);
      });
    });
    return { words, threads };
  }
}
