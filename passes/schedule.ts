/** Chooses how each kernel runs: asks every strategy for candidates and applies the cheapest. */

import type { Capabilities } from "../src/loop/capabilities.ts";
import type { LoweredProgram } from "../src/loop/program.ts";
import type { Kernel } from "../src/loop/types.ts";
import type { Pass, StageInfo } from "./pass.ts";
import { perElement } from "./per-element.ts";
import { sharePanels } from "./share-panels.ts";
import { packedPanels } from "./strategies/pack.ts";
import { plain } from "./strategies/plain.ts";
import { registerTile } from "./strategies/register-tile.ts";
import type { Candidate, Strategy } from "./strategies/strategy.ts";
import { vectorDot } from "./strategies/vector-dot.ts";
import { vectorPlain } from "./strategies/vector-plain.ts";
import { vectorTile } from "./strategies/vector-tile.ts";
import { vectorWinnerLists } from "./strategies/vector-winner-lists.ts";
import { winnerLists } from "./strategies/winner-lists.ts";

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
];

export const SCHEDULE: StageInfo = {
  name: "schedule",
  doc: "Transforms loops for the backend: register or vector tiles, packed panels, winner lists (the cheapest candidate wins), or one thread per element.",
};

/** With `only`, the strategy of that name is taken wherever it matches: how tests force each in turn. */
export function schedule(capabilities: Capabilities, only?: string): Pass<LoweredProgram, LoweredProgram> {
  return {
    ...SCHEDULE,
    run(program) {
      if (capabilities.oneElementPerThread) return perElement(program, capabilities);
      if (!capabilities.schedules) return program;
      const results = program.kernels.map((kernel) => best(kernel, capabilities, only).apply());
      const commitKernels = results
        .slice(program.commitFrom)
        .reduce((n, { kernels }) => n + kernels.length, 0);
      const kernels = results.flatMap((r) => r.kernels);
      return sharePanels({
        ...program,
        kernels,
        buffers: [...program.buffers, ...results.flatMap((r) => r.scratch)],
        commitFrom: kernels.length - commitKernels,
      });
    },
  };
}

function best(kernel: Kernel, capabilities: Capabilities, only: string | undefined): Candidate {
  const candidates = STRATEGIES.flatMap((strategy) => strategy.candidates(kernel, capabilities));
  const forced = candidates.filter((candidate) => candidate.strategy === only);
  const choice = forced.length > 0 ? forced : candidates;
  return choice.reduce((a, b) => (b.cost < a.cost ? b : a));
}
