/** Chooses how each kernel runs: asks every strategy for candidates and applies the cheapest. */

import type { Capabilities } from "../src/loop/capabilities.ts";
import type { LoweredProgram } from "../src/loop/program.ts";
import type { Kernel } from "../src/loop/types.ts";
import { kernelKey } from "./kernel-key.ts";
import type { Pass, StageInfo } from "./pass.ts";
import { perElement } from "./per-element.ts";
import { sharePanels } from "./share-panels.ts";
import { packedPanels } from "./strategies/pack.ts";
import { plain } from "./strategies/plain.ts";
import { registerTile } from "./strategies/register-tile.ts";
import {
  type Candidate,
  candidateName,
  type ProgramFacts,
  type Scheduled,
  type Strategy,
} from "./strategies/strategy.ts";
import { vectorDot } from "./strategies/vector-dot.ts";
import { vectorPlain } from "./strategies/vector-plain.ts";
import { vectorTile } from "./strategies/vector-tile.ts";
import { vectorWinnerLists } from "./strategies/vector-winner-lists.ts";
import { winnerLists } from "./strategies/winner-lists.ts";
import { winograd } from "./strategies/winograd/winograd.ts";
import { divideAmongThreads } from "./threads.ts";

/** Every strategy, the one that always fits first. */
export const STRATEGIES: readonly Strategy[] = [
  plain,
  registerTile,
  packedPanels,
  vectorPlain,
  vectorDot,
  vectorTile,
  winnerLists,
  vectorWinnerLists,
  winograd,
];

export const SCHEDULE: StageInfo = {
  name: "schedule",
  doc: "Transforms loops for the backend: register or vector tiles, packed panels, winner lists (the cheapest candidate wins), or one thread per element.",
};

/** Which candidate each kernel runs as, by the kernel's key: what a tuner found. */
export type Choices = ReadonlyMap<string, string>;

/** How a program is scheduled where that is not left to the cost model. */
export interface ScheduleOptions {
  /** The strategy that is taken wherever it matches: how tests force each in turn. */
  readonly strategy?: string;
  /** How kernels are to run that a tuner has measured. */
  readonly choices?: Choices;
  /** False where no convolution is to run by Winograd's method. */
  readonly winograd?: boolean;
  /** Divides work among threads even where that does not pay; for tests. */
  readonly divideAlways?: boolean;
}

/** Each kernel runs as the options say, and where they say nothing as the cost model likes best. */
export function schedule(
  capabilities: Capabilities,
  { strategy, choices, winograd: allowsWinograd = true, divideAlways = false }: ScheduleOptions = {},
): Pass<LoweredProgram, LoweredProgram> {
  return {
    ...SCHEDULE,
    run(program) {
      if (capabilities.oneElementPerThread) return perElement(program, capabilities);
      if (!capabilities.schedules) return program;
      const facts = {
        ...factsOf(program, allowsWinograd),
        forced: strategy,
        wantsCheapest: choices === undefined,
      };
      const chosen = program.kernels.map((kernel) => {
        const candidates = candidatesFor(kernel, capabilities, facts);
        const wanted = choices?.get(kernelKey(kernel, capabilities));
        return cheapest(
          candidates.filter(
            (c) => c.strategy === strategy || (wanted !== undefined && candidateName(c) === wanted),
          ),
          candidates,
        );
      });
      return divideAmongThreads(scheduledAs(program, chosen, capabilities), capabilities, divideAlways);
    },
  };
}

/** What strategies may need to know of a program. */
export const factsOf = ({ buffers }: LoweredProgram, allowsWinograd: boolean): ProgramFacts => ({
  inputs: new Set(buffers.filter(({ role }) => role === "input").map(({ name }) => name)),
  allowsWinograd,
});

/** Every way to run `kernel` in a program of which these facts are known. */
export const candidatesFor = (
  kernel: Kernel,
  capabilities: Capabilities,
  facts: ProgramFacts,
): readonly Candidate[] => STRATEGIES.flatMap((strategy) => strategy.candidates(kernel, capabilities, facts));

/** The program with each of its kernels run as the candidate in its place says. */
export function scheduledAs(
  program: LoweredProgram,
  chosen: readonly Candidate[],
  capabilities: Capabilities,
): LoweredProgram {
  const results = chosen.map((candidate) => applied(candidate, capabilities));
  const commitKernels = results.slice(program.commitFrom).reduce((n, { kernels }) => n + kernels.length, 0);
  const kernels = results.flatMap((r) => r.kernels);
  return sharePanels({
    ...program,
    kernels,
    buffers: [...program.buffers, ...results.flatMap((r) => r.scratch)],
    commitFrom: kernels.length - commitKernels,
  });
}

/** What a candidate makes, its estimate with the kernel that does most. */
function applied(candidate: Candidate, { tileGflops, vectorWidth }: Capabilities): Scheduled {
  const { kernels, scratch } = candidate.apply();
  const main = kernels.reduce((a, b) => (b.nominalFlops > a.nominalFlops ? b : a));
  const estimate = Math.round(candidate.cost / 2);
  const gflops = (tileGflops * main.nominalFlops) / Math.max(1, 2 * vectorWidth * estimate);
  const estimatedGflops = Number(gflops.toPrecision(4));
  const estimated: Kernel = { ...main, estimate, estimatedGflops };
  return { kernels: kernels.map((k) => (k === main ? estimated : k)), scratch };
}

function cheapest(preferred: readonly Candidate[], all: readonly Candidate[]): Candidate {
  return (preferred.length > 0 ? preferred : all).reduce((a, b) => (b.cost < a.cost ? b : a));
}
