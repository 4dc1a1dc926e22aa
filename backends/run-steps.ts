/** A run as a list of steps: the functions of kernels, and the copies of loops between them. */

import { byteSize } from "../src/core/dtype.ts";
import { sizeOf } from "../src/core/shape.ts";
import type { Move, ProgramLoop } from "../src/loop/loops.ts";
import type { ProgramPlan } from "../src/loop/plan.ts";

/** A function of a kernel, and the number of threads its work is divided among: if 1, the first thread does it. */
export interface Phase {
  readonly callee: string;
  readonly threads: number;
  /**
   * Begins without waiting for those before it in its kernel, as
   * far as they began so themselves and for the one before these.
   */
  readonly isBeside?: true;
}

/** Bytes of memory that are accessed, from `start` to before `end`. */
export interface Access {
  readonly start: number;
  readonly end: number;
  readonly isWritten: boolean;
}

/** A kernel as a run sees it: its phases, and what they access. */
export interface KernelSteps {
  readonly phases: readonly Phase[];
  readonly accesses: readonly Access[];
}

/** A move in bytes: the position of the first iteration's elements, and the distance to those of the next. */
export interface Copy {
  readonly from: number;
  readonly to: number;
  readonly fromStride: number;
  readonly toStride: number;
  readonly bytes: number;
}

/** A step in the run order, with `at` as its index. */
interface SingleStep {
  readonly at: number;
  readonly accesses: readonly Access[];
}

export type Step =
  /** Phase `number` of kernel `kernel`; those of one `group` run without waiting for each other. */
  | ({
      readonly kind: "phase";
      readonly kernel: number;
      readonly number: number;
      readonly group: number;
    } & SingleStep &
      Phase)
  | ({ readonly kind: "copies"; readonly copies: readonly Copy[]; readonly comment: string } & SingleStep)
  | RepeatedSteps;

/** The steps `start` … `end` - 1: what is copied at first, and those of each iteration. */
export interface RepeatedSteps {
  readonly kind: "loop";
  readonly name: string;
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** The places of the first and of the last iteration. */
  readonly first: number;
  readonly last: number;
  readonly initial: readonly Step[];
  readonly body: readonly Step[];
}

export interface RunSteps {
  readonly steps: readonly Step[];
  /** The step at which each kernel begins, including what its loop does before it; at last the end. */
  readonly starts: readonly number[];
}

/** The positions of a program's buffers. */
export interface BufferPlaces {
  copyOf(move: Move): Copy;
  /** All of a buffer, including the threads' copies of it. */
  accessOf(buffer: string, isWritten: boolean): Access;
}

/** The same, for a plan whose buffers are at these addresses. */
export function bufferPlaces(plan: ProgramPlan, addresses: ReadonlyMap<string, number>): BufferPlaces {
  const elements = new Map(plan.buffers.map(({ name, dtype }) => [name, byteSize(dtype)]));
  const lengths = new Map<string, number>();
  for (const { buffer, dtype, shape } of plan.states) lengths.set(buffer, byteSize(dtype) * sizeOf(shape));
  for (const { buffer, byteLength } of plan.placements) lengths.set(buffer, byteLength);
  return {
    copyOf({ from, to, length, fromStride, toStride }) {
      const size = elements.get(to)!;
      return {
        from: addresses.get(from)!,
        to: addresses.get(to)!,
        fromStride: size * fromStride,
        toStride: size * toStride,
        bytes: size * length,
      };
    },
    accessOf(buffer, isWritten) {
      const start = addresses.get(buffer)!;
      return { start, end: start + lengths.get(buffer)!, isWritten };
    },
  };
}

/** The steps of a program with these kernels and loops. */
export function runSteps(
  kernels: readonly KernelSteps[],
  loops: readonly ProgramLoop[],
  { copyOf, accessOf }: BufferPlaces,
): RunSteps {
  const starts: number[] = [];
  let at = 0;
  let group = 0;
  const copies = (moves: readonly Move[], comment: string): readonly Step[] => {
    const real = moves.filter(({ length }) => length > 0).map(copyOf);
    const accesses = moves.flatMap((move) => [accessOf(move.from, false), accessOf(move.to, true)]);
    return real.length === 0 ? [] : [{ kind: "copies", at: at++, accesses, copies: real, comment }];
  };
  const range = (from: number, to: number, among: readonly ProgramLoop[]): readonly Step[] => {
    const steps: Step[] = [];
    for (let k = from; k < to; ) {
      const loop = among.find((l) => l.from === k);
      starts[k] ??= at;
      if (loop === undefined) {
        const { phases, accesses } = kernels[k];
        for (const [number, phase] of phases.entries()) {
          if (!phase.isBeside) group++;
          steps.push({ kind: "phase", at: at++, kernel: k, number, accesses, group, ...phase });
        }
        k++;
      } else {
        steps.push(...repeated(loop, among));
        k = loop.to;
      }
    }
    return steps;
  };
  const repeated = (loop: ProgramLoop, among: readonly ProgramLoop[]): readonly Step[] => {
    const { name, iterations, descending } = loop;
    const number = loops.indexOf(loop);
    const inner = among.slice(among.indexOf(loop) + 1).filter(({ to }) => to <= loop.to);
    const start = at;
    const initial = copies(loop.initial, `before ${name}`);
    const body = [
      ...copies(loop.before, `before an iteration of ${name}`),
      ...range(loop.from, loop.to, inner),
      ...copies(loop.after, `after an iteration of ${name}`),
    ];
    const [first, last] = descending ? [iterations - 1, 0] : [0, iterations - 1];
    // A loop without iterations only sets its carried values.
    const isIdle = iterations === 0;
    const own: RepeatedSteps = {
      kind: "loop",
      name,
      number,
      start,
      end: at,
      first: isIdle ? 0 : first,
      last: isIdle ? 0 : last,
      initial,
      body: isIdle ? [] : body,
    };
    return [own];
  };
  const steps = range(0, kernels.length, loops);
  starts.push(at);
  return { steps, starts };
}

/** All loops, including those within others. */
export const loopsIn = (steps: readonly Step[]): readonly RepeatedSteps[] =>
  steps.flatMap((step) => (step.kind === "loop" ? [step, ...loopsIn(step.body)] : []));

/** The number of threads that each step is divided among, by its index. */
export function threadsOf(steps: readonly Step[]): readonly number[] {
  const threads: number[] = [];
  const note = (step: Step): void => {
    if (step.kind === "loop") for (const inner of [...step.initial, ...step.body]) note(inner);
    else threads[step.at] = step.kind === "phase" ? step.threads : 1;
  };
  steps.forEach(note);
  return threads;
}

/** A step that has run since the threads last met. */
interface Pending {
  readonly accesses: readonly Access[];
  readonly isDivided: boolean;
  readonly group: number | undefined;
}

/**
 * The steps before which all threads meet: those that access memory that a step
 * since the last meeting has written, or write memory that it has accessed, unless
 * the first thread runs both; in a loop also a step of the previous iteration.
 */
export function meetingsOf(steps: readonly Step[]): ReadonlySet<number> {
  const meetings = new Set<number>();
  let pending: ReadonlySet<Pending> = new Set();
  const asPending = new Map<Step, Pending>();
  const pass = (step: Step): void => {
    if (step.kind === "loop") {
      repeat(step);
      return;
    }
    const isDivided = step.kind === "phase" && step.threads > 1;
    const group = step.kind === "phase" ? step.group : undefined;
    const own = asPending.get(step) ?? { accesses: step.accesses, isDivided, group };
    asPending.set(step, own);
    if (meetings.has(step.at) || [...pending].some((earlier) => mustMeet(earlier, own))) {
      meetings.add(step.at);
      pending = new Set();
    }
    pending = new Set([...pending, own]);
  };
  const repeat = ({ initial, body }: RepeatedSteps): void => {
    initial.forEach(pass);
    for (let isNew = true; isNew; ) {
      const [before, count] = [pending, meetings.size];
      body.forEach(pass);
      // An iteration may come after what was before the loop, or after another one.
      pending = new Set([...before, ...pending]);
      isNew = meetings.size !== count || pending.size !== before.size;
    }
  };
  steps.forEach(pass);
  return meetings;
}

const mustMeet = (earlier: Pending, later: Pending): boolean =>
  (earlier.isDivided || later.isDivided) &&
  (earlier === later || earlier.group === undefined || earlier.group !== later.group) &&
  earlier.accesses.some((a) =>
    later.accesses.some((b) => (a.isWritten || b.isWritten) && a.start < b.end && b.start < a.end),
  );
