/**
 * The function that runs a program's kernels, or some of them, on every thread: who takes part in which kernel, and where
 * threads wait for each other.
 */

import {
  block,
  branch,
  call,
  comment,
  get,
  type Instruction,
  i32,
  type Local,
  operation,
  selectValue,
  set,
  setGlobal,
  when,
} from "../encode/instructions.ts";
import type { WasmFunction } from "../encode/module.ts";
import { arriveAt, TARGET, waitThere } from "./barrier.ts";

/** What the run function is called. */
export const RUN = "run";

/** What the run function gives when it has come to its end. */
export const DONE = -1;

/** A function of a kernel, and among how many threads its work is divided: with 1 the first thread does it. */
export interface Phase {
  readonly callee: string;
  readonly threads: number;
  /** Begins without waiting for those before it in its kernel, as far as they began so themselves and for the one before these. */
  readonly isBeside?: true;
}

const number = (name: string): Local => ({ name, type: "i32" });
const thread = number("thread");
const threads = number("threads");
const from = number("from");
const to = number("to");
const base = number("base");
const resumed = number("resumed");
const waiting = number("waiting");

/**
 * `run(thread, threads, from, to, base, resumed)` runs the phases `from` … `to` - 1 as one of `threads`; `base` is what
 * the barrier counts before. Gives `DONE`, or the phase before which it waited too long: called again from there with
 * `resumed`, it goes on waiting. Only the first thread waits at the end.
 */
export function runFunction(phases: readonly Phase[]): WasmFunction {
  const areTogether = phases.some((phase) => phase.threads > 1);
  const meetings = meetingsOf(phases);
  const isFirst = (k: Instruction): Instruction => operation("i32.eq", k, get(from));
  const isLater = (k: Instruction): Instruction => operation("i32.ne", k, get(from));
  /** Waits before phase `k`; at the start nobody is behind. */
  const waitBefore = (k: Instruction): readonly Instruction[] => [
    when(operation("i32.eqz", waitThere()), [set(waiting, k), branch("pause")]),
  ];
  const meet = (k: Instruction): Instruction =>
    when(operation("i32.gt_u", get(threads), i32(1)), [
      when(isLater(k), [arriveAt(threads)]),
      when(operation("i32.or", isLater(k), get(resumed)), waitBefore(k)),
    ]);
  const body = phases.flatMap((phase, k): readonly Instruction[] => [
    comment(`${k}: ${phase.callee}`),
    when(
      operation(
        "i32.lt_u",
        operation("i32.sub", i32(k), get(from)),
        operation("i32.sub", get(to), get(from)),
      ),
      areTogether
        ? [...(meetings.has(k) ? [meet(i32(k))] : []), takePart(phase)]
        : [call(phase.callee, "none")],
    ),
  ]);
  const end = when(operation("i32.gt_u", get(threads), i32(1)), [
    when(operation("i32.eqz", isFirst(get(to))), [arriveAt(threads)]),
    when(operation("i32.eqz", get(thread)), waitBefore(get(to))),
  ]);
  return {
    name: RUN,
    parameters: [thread, threads, from, to, base, resumed],
    results: ["i32"],
    locals: [waiting],
    exported: true,
    comments: ["the run order, on every thread"],
    body: [
      set(waiting, i32(DONE)),
      block("pause", [
        ...(areTogether
          ? [when(operation("i32.eqz", get(resumed)), [setGlobal(TARGET.name, get(base))])]
          : []),
        ...body,
        ...(areTogether ? [end] : []),
      ]),
      get(waiting),
    ],
  };
}

function takePart({ callee, threads: most }: Phase): Instruction {
  if (most === 1) return when(operation("i32.eqz", get(thread)), [call(callee, "none")]);
  const parts = selectValue(operation("i32.lt_u", get(threads), i32(most)), get(threads), i32(most));
  return when(operation("i32.lt_u", get(thread), parts), [call(callee, "none", get(thread), parts)]);
}

/**
 * The phases before which all threads meet: what several run together begins when everything before it has ended, and
 * what one runs alone waits for what several ran before it, but for what it runs beside.
 */
function meetingsOf(phases: readonly Phase[]): ReadonlySet<number> {
  const meetings = new Set<number>();
  let alone = false;
  let together = false;
  /** Whether one thread still ran something before the phases that this one runs beside. */
  let aloneBefore = false;
  phases.forEach((phase, k) => {
    const isDivided = phase.threads > 1;
    const waits = phase.isBeside ? aloneBefore && isDivided : together || (alone && isDivided);
    if (waits) {
      meetings.add(k);
      alone = false;
      together = false;
    }
    if (waits || !phase.isBeside) aloneBefore = alone;
    if (isDivided) together = true;
    else alone = true;
  });
  return meetings;
}
