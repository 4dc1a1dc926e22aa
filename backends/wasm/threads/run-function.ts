/**
 * The function that runs a program's kernels, or some of them, on every thread: which threads take part in which
 * kernel, where they wait for each other, and which kernels run repeatedly.
 */

import { type Copy, loopsIn, meetingsOf, type RepeatedSteps, type Step } from "../../run-steps.ts";
import {
  block,
  branch,
  call,
  comment,
  copyMemory,
  get,
  getGlobal,
  type Instruction,
  i32,
  type Local,
  loop,
  operation,
  selectValue,
  set,
  setGlobal,
  when,
} from "../encode/instructions.ts";
import type { WasmFunction, WasmGlobal } from "../encode/module.ts";
import { arriveAt, TARGET, waitThere } from "./barrier.ts";

/** The name of the run function. */
export const RUN = "run";

/** Returned by the run function at its end, and passed to it at the start. */
export const DONE = -1;

const number = (name: string): Local => ({ name, type: "i32" });
const thread = number("thread");
const threads = number("threads");
const from = number("from");
const to = number("to");
const base = number("base");
const resumed = number("resumed");
const waiting = number("waiting");

/** The iteration that a loop is in: every thread counts for itself. */
const placeOf = ({ number: of }: RepeatedSteps): WasmGlobal => ({
  name: `place_${of}`,
  type: "i32",
  mutable: true,
  initial: 0,
});

/** Whether a run contains the whole of a loop; otherwise its kernels run once and nothing is moved. */
const isWhole = ({ number: of }: RepeatedSteps): Local => number(`whole_${of}`);

/** The globals of the run function of these steps. */
export const runGlobals = (steps: readonly Step[]): readonly WasmGlobal[] => [
  TARGET,
  ...loopsIn(steps).map(placeOf),
];

/**
 * `run(thread, threads, from, to, base, resumed)` runs the steps `from` … `to` - 1 as one of `threads`; `base` is the
 * count of the barrier before, and `resumed` is `DONE`. Returns `DONE`, or the step before which it waited too long:
 * called again with that as `resumed`, it goes on waiting. Only the first thread waits at the end.
 */
export function runFunction(steps: readonly Step[]): WasmFunction {
  const meetings = meetingsOf(steps);
  const areTogether = meetings.size > 0 || steps.some(isDivided);
  const end = when(operation("i32.gt_u", get(threads), i32(1)), [
    when(operation("i32.and", isFresh, operation("i32.ne", get(to), get(from))), [arriveAt(threads)]),
    when(operation("i32.eqz", get(thread)), waitBefore(get(to))),
  ]);
  const body = steps.flatMap((step) => printStep(step, { meetings, areTogether, around: [] }));
  return {
    name: RUN,
    parameters: [thread, threads, from, to, base, resumed],
    results: ["i32"],
    locals: [waiting, ...loopsIn(steps).map(isWhole)],
    exported: true,
    comments: ["the run order, on every thread"],
    body: [
      set(waiting, i32(DONE)),
      block("pause", [
        ...(areTogether ? [when(isFresh, [setGlobal(TARGET.name, get(base))])] : []),
        ...body,
        ...(areTogether ? [end] : []),
      ]),
      get(waiting),
    ],
  };
}

const isDivided = (step: Step): boolean =>
  step.kind === "loop" ? step.body.some(isDivided) : step.kind === "phase" && step.threads > 1;

interface Surroundings {
  readonly meetings: ReadonlySet<number>;
  /** Whether there is work for several threads at all. */
  readonly areTogether: boolean;
  readonly around: readonly RepeatedSteps[];
}

const not = (condition: Instruction): Instruction => operation("i32.eqz", condition);
/** Whether this run does not resume an earlier one. */
const isFresh = operation("i32.lt_s", get(resumed), i32(0));

/** Waits before the step `k`, or gives up for now. */
const waitBefore = (k: Instruction): readonly Instruction[] => [
  when(not(waitThere()), [set(waiting, k), branch("pause")]),
];

function printStep(step: Step, surroundings: Surroundings): readonly Instruction[] {
  if (step.kind === "loop") return printLoop(step, surroundings);
  const { meetings, areTogether, around } = surroundings;
  const { at } = step;
  const isWanted = operation(
    "i32.and",
    operation("i32.lt_u", operation("i32.sub", i32(at), get(from)), operation("i32.sub", get(to), get(from))),
    operation("i32.ge_s", i32(at), get(resumed)),
  );
  const work = step.kind === "copies" ? copying(step.copies, around) : takePart(step, areTogether);
  return [
    comment(`${at}: ${step.kind === "copies" ? step.comment : step.callee}`),
    when(isWanted, [...(meetings.has(at) ? meet(at, around) : []), ...work]),
  ];
}

/** All threads meet before the step `at`, unless the run begins with it: there none can be behind. */
function meet(at: number, around: readonly RepeatedSteps[]): readonly Instruction[] {
  const isLater = around.reduce(
    (later, repeated) =>
      operation(
        "i32.or",
        later,
        operation(
          "i32.and",
          get(isWhole(repeated)),
          operation("i32.ne", getGlobal(placeOf(repeated).name, "i32"), i32(repeated.first)),
        ),
      ),
    operation("i32.ne", i32(at), get(from)),
  );
  return [
    when(operation("i32.and", operation("i32.gt_u", get(threads), i32(1)), isLater), [
      when(isFresh, [arriveAt(threads)]),
      ...waitBefore(i32(at)),
      set(resumed, i32(DONE)),
    ]),
  ];
}

const isThread0 = operation("i32.eqz", get(thread));

function takePart(
  { callee, threads: most }: Extract<Step, { kind: "phase" }>,
  areTogether: boolean,
): readonly Instruction[] {
  if (!areTogether) return [call(callee, "none")];
  if (most === 1) return [when(isThread0, [call(callee, "none")])];
  const parts = selectValue(operation("i32.lt_u", get(threads), i32(most)), get(threads), i32(most));
  return [when(operation("i32.lt_u", get(thread), parts), [call(callee, "none", get(thread), parts)])];
}

/** The moves of the innermost loop around, by the first thread. */
function copying(copies: readonly Copy[], around: readonly RepeatedSteps[]): readonly Instruction[] {
  const repeated = around[around.length - 1];
  const address = (start: number, stride: number): Instruction =>
    stride === 0
      ? i32(start)
      : operation(
          "i32.add",
          operation("i32.mul", getGlobal(placeOf(repeated).name, "i32"), i32(stride)),
          i32(start),
        );
  const moves = copies.map((copy) =>
    copyMemory(address(copy.to, copy.toStride), address(copy.from, copy.fromStride), copy.bytes),
  );
  return [when(operation("i32.and", isThread0, get(isWhole(repeated))), moves)];
}

/** The first iteration begins here, unless the run resumes waiting in one of them. */
function printLoop(repeated: RepeatedSteps, surroundings: Surroundings): readonly Instruction[] {
  const { start, end, first, last, initial, body } = repeated;
  const place = placeOf(repeated).name;
  const whole = isWhole(repeated);
  const inside = { ...surroundings, around: [...surroundings.around, repeated] };
  const again = `again_${repeated.number}`;
  const isNotLast = operation("i32.ne", getGlobal(place, "i32"), i32(last));
  const next = operation("i32.add", getGlobal(place, "i32"), i32(Math.sign(last - first)));
  const touches = operation(
    "i32.and",
    operation(
      "i32.and",
      operation("i32.lt_s", get(from), i32(end)),
      operation("i32.gt_s", get(to), i32(start)),
    ),
    operation("i32.lt_s", get(resumed), i32(end)),
  );
  return [
    comment(`${start}: the loop ${repeated.name}`),
    when(touches, [
      set(
        whole,
        operation(
          "i32.and",
          operation("i32.le_s", get(from), i32(start)),
          operation("i32.ge_s", get(to), i32(end)),
        ),
      ),
      when(operation("i32.lt_s", get(resumed), i32(start)), [setGlobal(place, i32(first))]),
      ...initial.flatMap((step) => printStep(step, inside)),
      loop(again, [
        ...body.flatMap((step) => printStep(step, inside)),
        when(operation("i32.and", get(whole), isNotLast), [setGlobal(place, next), branch(again)]),
      ]),
    ]),
  ];
}
