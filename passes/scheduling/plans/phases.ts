/**
 * Contractions whose guards let through every n-th step of an axis alone, phase by phase: each phase is a contraction without
 * the zeros between, and runs as the other strategies like best.
 */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Step } from "../../../src/loop/schedule.ts";
import { phasesOf } from "../analysis/phases.ts";
import type { Candidate, Strategy } from "./strategy.ts";

const NAME = "phases";

/** The strategy over those that each phase may run by. */
export const phasesOver = (strategies: readonly Strategy[]): Strategy => ({
  name: NAME,
  doc: "Cuts a strided gradient or a transposed convolution into phases that read no zeros between elements, each run as its own schedule says.",
  candidates(kernel, capabilities: Capabilities, facts) {
    const phases = phasesOf(kernel);
    if (phases === undefined) return [];
    const chosen = phases.kernels.map((phase) => {
      const candidates = strategies.flatMap((s) => s.candidates(phase, capabilities, facts));
      return candidates.reduce((a, b) => (b.cost < a.cost ? b : a));
    });
    const steps = chosen.flatMap(({ schedule }, number): Step[] => [{ kind: "phase", number }, ...schedule]);
    const candidate: Candidate = {
      strategy: NAME,
      schedule: [{ kind: "phases", loops: phases.loops.map(({ loop }) => loop) }, ...steps],
      cost: chosen.reduce((sum, { cost }) => sum + cost, 0),
    };
    return [candidate];
  },
});
