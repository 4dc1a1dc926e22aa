/**
 * Chooses how each kernel runs: asks every strategy for candidates and applies the cheapest that is proved to be sound.
 */

import { InternalError } from "../../src/core/errors.ts";
import { alikeTo, Families, type Likeness, withoutBody } from "../../src/loop/alike.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import { withKernelsAt } from "../../src/loop/loops.ts";
import { type LoweredProgram, readOnlyStates } from "../../src/loop/program.ts";
import { type Schedule, sameSchedule } from "../../src/loop/schedule.ts";
import type { Kernel, Stmt } from "../../src/loop/types.ts";
import { isProved } from "../../src/loop/verify.ts";
import type { Pass, StageInfo } from "../pass.ts";
import { nestsOf } from "./analysis/nest.ts";
import { apply } from "./apply.ts";
import { kernelKey } from "./kernel-key.ts";
import { mapToThreads } from "./map-to-threads.ts";
import { dot } from "./plans/dot.ts";
import { phasesOver } from "./plans/phases.ts";
import { plain } from "./plans/plain.ts";
import { rows } from "./plans/rows.ts";
import { sparse } from "./plans/sparse/sparse.ts";
import type { Candidate, ProgramFacts, Strategy } from "./plans/strategy.ts";
import { tile } from "./plans/tile.ts";
import { windows } from "./plans/windows.ts";
import { winograd } from "./plans/winograd/winograd.ts";
import { changedIn } from "./transforms/hoist-invariants.ts";
import type { Scheduled } from "./transforms/nests.ts";

const WHOLE: readonly Strategy[] = [plain, rows, windows, dot, tile, sparse, winograd];

/** Every strategy, the one that always fits first. */
export const STRATEGIES: readonly Strategy[] = [...WHOLE, phasesOver(WHOLE)];

export const SCHEDULE: StageInfo = {
  name: "schedule",
  doc: "Chooses how each kernel runs: register or vector tiles, packed panels, winner lists (the cheapest candidate wins), or one thread per element.",
};

/** The schedules that a tuner found, by the kernels' keys. */
export type Choices = ReadonlyMap<string, Schedule>;

/** How a program is scheduled, as far as that is not left to the cost model. */
export interface ScheduleOptions {
  /** A strategy to use wherever it matches: tests force each in turn. */
  readonly strategy?: string;
  /** Measured choices of a tuner. */
  readonly choices?: Choices;
  /** False if no convolution may run by Winograd's method. */
  readonly winograd?: boolean;
  /**
   * Whether candidates are taken unproved: for callers that prove
   * the plan as a whole, and schedule again if it is not sound.
   */
  readonly unproved?: boolean;
}

/** Schedules each kernel as the options say, otherwise by the cost model. */
export function schedule(
  capabilities: Capabilities,
  { strategy, choices, winograd: allowsWinograd = true, unproved = false }: ScheduleOptions = {},
): Pass<LoweredProgram, LoweredProgram> {
  return {
    ...SCHEDULE,
    run(program) {
      if (capabilities.oneElementPerThread) return mapToThreads(program, capabilities);
      if (!capabilities.schedules) return program;
      const facts = {
        ...factsOf(program, allowsWinograd),
        forced: strategy,
        wantsCheapest: choices === undefined,
      };
      const repeated = repeatedIn(program, capabilities);
      const changing = new Set([...new Set(repeated)].flatMap((loop) => [...(loop?.changing ?? [])]));
      const families = new Families(
        (a, b) => facts.inputs.has(a) === facts.inputs.has(b) && changing.has(a) === changing.has(b),
      );
      const scheduled = new Families();
      // A candidate is usable only if its kernels are proved to be well typed and to stay inside their buffers.
      const isSound = ({ kernels }: Scheduled): boolean =>
        unproved ||
        kernels.every((k) => {
          scheduled.find(k);
          return isProved(k);
        });
      const firstSound = (kernel: Kernel, candidates: readonly Candidate[]): Scheduled | undefined =>
        cheapest(kernel, candidates, capabilities, isSound);
      const choose = (kernel: Kernel, k: number): Scheduled => {
        const candidates = candidatesFor(kernel, capabilities, { ...facts, repeated: repeated[k] });
        const wanted = choices?.get(kernelKey(kernel, capabilities));
        const isPreferred = (c: Candidate): boolean =>
          c.strategy === strategy || (wanted !== undefined && sameSchedule(c.schedule, wanted));
        const preferred = candidates.filter(isPreferred);
        const others = candidates.filter((c) => !isPreferred(c));
        return firstSound(kernel, preferred) ?? firstSound(kernel, others) ?? none(kernel);
      };
      const known = new Map<Kernel, Scheduled>();
      const made = program.kernels.map((kernel, k) => {
        // Equal kernels run alike.
        const likeness = families.find(kernel);
        const first = likeness && known.get(likeness.of);
        const made = (first && scheduledLike(kernel, likeness, first)) ?? choose(kernel, k);
        known.set(kernel, made);
        return made;
      });
      return withScheduled(program, made);
    },
  };
}

/** What strategies may need to know about a program. */
export const factsOf = ({ buffers }: LoweredProgram, allowsWinograd: boolean): ProgramFacts => ({
  inputs: new Set(buffers.filter(({ role }) => role === "input").map(({ name }) => name)),
  allowsWinograd,
});

/**
 * Assumed runs of a program per change of the states that it
 * only reads, if their panels are kept: packing is almost free.
 */
const RUNS = 1000;

/**
 * What strategies may need to know about the innermost loop around each
 * kernel, or about the loop of the program's runs if there is no other.
 */
function repeatedIn(
  program: LoweredProgram,
  { prepares }: Capabilities,
): readonly ProgramFacts["repeated"][] {
  const { kernels, loops = [] } = program;
  const runs = prepares ? { iterations: RUNS, changing: changingIn(program) } : undefined;
  const repeated: ProgramFacts["repeated"][] = kernels.map(() => runs);
  // Inner loops come after the loops around them.
  loops.forEach((loop, place) => {
    const changing = new Set(changedIn(loop, place, program).keys());
    repeated.fill({ iterations: Math.max(1, loop.iterations), changing }, loop.from, loop.to);
  });
  return repeated;
}

/** All buffers except the states that the program only reads. */
function changingIn(program: LoweredProgram): ReadonlySet<string> {
  const constant = readOnlyStates(program);
  return new Set(program.buffers.map(({ name }) => name).filter((name) => !constant.has(name)));
}

/** Every way to run `kernel` in a program with these facts; if a loop has no iterations, only unchanged. */
export const candidatesFor = (
  kernel: Kernel,
  capabilities: Capabilities,
  facts: ProgramFacts,
): readonly Candidate[] =>
  kernel.body.some(isIdle)
    ? plain.candidates(kernel, capabilities).slice(0, 1)
    : machinesFor(kernel, capabilities).flatMap((machine) =>
        STRATEGIES.flatMap((strategy) => strategy.candidates(kernel, machine, facts)),
      );

/**
 * The machine as it is, and with fewer lanes if loops are short: an operation costs the same for any number of lanes.
 */
function machinesFor(kernel: Kernel, capabilities: Capabilities): readonly Capabilities[] {
  const { vectorWidth: most, fewerLanes = [] } = capabilities;
  const isShort = nestsOf(kernel).some(({ loops }) =>
    loops.some(({ extent }) => extent > 1 && extent < 2 * most),
  );
  return isShort
    ? [capabilities, ...fewerLanes.map((fewer) => ({ ...capabilities, ...fewer }))]
    : [capabilities];
}

/** Whether a loop in a lowered statement has no iterations. */
const isIdle = (s: Stmt): boolean =>
  s.kind === "for" ? s.extent === 0 || s.body.some(isIdle) : s.kind === "section" && s.body.some(isIdle);

/** The program with its kernels replaced by the scheduled ones. */
export function withScheduled(program: LoweredProgram, made: readonly Scheduled[]): LoweredProgram {
  const commitKernels = made.slice(program.commitFrom).reduce((n, { kernels }) => n + kernels.length, 0);
  const kernels = made.flatMap((m) => m.kernels);
  const place = (k: number): number => made.slice(0, k).reduce((n, m) => n + m.kernels.length, 0);
  return {
    ...program,
    kernels,
    ...(program.loops && { loops: withKernelsAt(program.loops, place) }),
    buffers: [...program.buffers, ...made.flatMap((m) => m.scratch)],
    commitFrom: kernels.length - commitKernels,
  };
}

/** The result of a candidate, with its estimate on the kernel that does most. */
export function applied(
  kernel: Kernel,
  candidate: Candidate,
  { tileGflops, vectorWidth }: Capabilities,
): Scheduled {
  const { kernels, scratch } = apply(kernel, candidate.schedule);
  const main = kernels.reduce((a, b) => (b.nominalFlops > a.nominalFlops ? b : a));
  const estimate = Math.round(candidate.cost / 2);
  const gflops = (tileGflops * main.nominalFlops) / Math.max(1, 2 * vectorWidth * estimate);
  const estimatedGflops = Number(gflops.toPrecision(4));
  const estimated: Kernel = { ...main, estimate, estimatedGflops };
  return { kernels: kernels.map((k) => (k === main ? estimated : k)), scratch };
}

/**
 * A kernel scheduled like an equal one that became `made`: the same under other names. Undefined if `made` does
 * not show which names are the kernel's own.
 */
function scheduledLike(kernel: Kernel, { of, names }: Likeness, made: Scheduled): Scheduled | undefined {
  const ownName = (name: string): string => kernel.name + name.slice(of.name.length);
  const isNamed = ({ name }: { readonly name: string }): boolean => name.startsWith(of.name);
  const isKnown = (k: Kernel): boolean => k.origins === of.origins && isNamed(k);
  if (!made.kernels.every(isKnown) || !made.scratch.every(isNamed)) return undefined;
  const all = new Map(names);
  for (const { name } of made.scratch) all.set(name, ownName(name));
  const params = new Map(kernel.buffers.map((b) => [b.name, b]));
  const kernels = made.kernels.map((k): Kernel => {
    const buffers = k.buffers.map((b) => {
      const name = all.get(b.name) ?? b.name;
      const value = params.get(name)?.value;
      return value === undefined ? { ...b, name } : { ...b, name, value };
    });
    const { origins } = kernel;
    const ops = k.ops === of.ops ? kernel.ops : k.ops;
    const called = new Map(k.buffers.map((b, at) => [b.name, buffers[at].name]));
    return alikeTo(k, called, { ...withoutBody(k), name: ownName(k.name), ops, buffers, origins });
  });
  // The texts of scratch end in the name of the buffer that they are about.
  const own = (name: string): string => (name === of.name ? kernel.name : (all.get(name) ?? name));
  const scratch = made.scratch.map((b) => ({
    ...b,
    name: ownName(b.name),
    value: b.value.replace(/\w+$/, own),
  }));
  return { kernels, scratch };
}

/** The cheapest of those candidates whose result is sound. */
function cheapest(
  kernel: Kernel,
  candidates: readonly Candidate[],
  capabilities: Capabilities,
  isSound: (made: Scheduled) => boolean,
): Scheduled | undefined {
  for (let open = candidates; open.length > 0; ) {
    const next = open.reduce((a, b) => (b.cost < a.cost ? b : a));
    const made = applied(kernel, next, capabilities);
    if (isSound(made)) return made;
    open = open.filter((c) => c !== next);
  }
  return undefined;
}

function none({ name }: Kernel): never {
  throw new InternalError(`no way to run kernel ${name} is proved to stay inside of its buffers`);
}
