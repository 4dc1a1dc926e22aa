/**
 * Contractions whose guards let only every n-th step of an axis through, phase by phase: each phase is a contraction
 * without the zeros between, and runs by the strategy that suits it best.
 */

import type { Capabilities } from "../../../src/loop/capabilities.ts";
import type { Machine } from "../../../src/loop/machine.ts";
import type { Step } from "../../../src/loop/schedule.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { someExpr } from "../../../src/loop/walk.ts";
import { contractionOf, extentsOf } from "../analysis/contraction.ts";
import { type Lanes, splitOf, vectorCount } from "../analysis/lanes.ts";
import { iterationsOf, type Nest, nestsOf } from "../analysis/nest.ts";
import { type Phases, phasesOf } from "../analysis/phases.ts";
import { isGuard } from "../analysis/values-in-lanes.ts";
import { cacheStep, planPanel } from "../transforms/panel.ts";
import { MULTIPLY_ADD } from "./cost.ts";
import { Factor } from "./factor.ts";
import type { Candidate, Strategy } from "./strategy.ts";

const NAME = "phases";

/** The most products that all phases may write out together: a kernel of 7×7 taps. */
const MOST_TERMS = 49;

/** The strategy of phases, over those that each phase may run by. */
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
    const start: Step = { kind: "phases", loops: phases.loops.map(({ loop }) => loop) };
    const candidate: Candidate = {
      strategy: NAME,
      schedule: [start, ...steps],
      cost: chosen.reduce((sum, { cost }) => sum + cost, 0),
    };
    const joined = joinedPhases(phases, start, capabilities);
    return joined === undefined ? [candidate] : [candidate, joined];
  },
});

/**
 * All phases in one nest, in lanes along its innermost loop: for sums of so few terms that their loads and stores take
 * the time, such as those of a depthwise convolution. Results are stored once, from one end to the other, while phase
 * by phase every line of them is accessed again and again. Only if all phases have equally many iterations.
 */
function joinedPhases({ kernels }: Phases, start: Step, machine: Machine): Candidate | undefined {
  const { vectorWidth: width, costs } = machine;
  const nests = kernels.map((phase) => nestsOf(phase)[0]);
  const [{ loops }] = nests;
  const inner = loops.at(-1);
  if (width === 1 || inner === undefined || inner.extent < width) return undefined;
  const shapeOf = (nest: Nest): string => nest.loops.map(({ name, extent }) => `${name} ${extent}`).join();
  if (kernels.some(({ buffers }) => buffers.some(({ access }) => access === "readwrite"))) return undefined;
  if (nests.some((nest) => shapeOf(nest) !== shapeOf(nests[0]))) return undefined;
  const lanes: Lanes = { loop: inner.name, extent: inner.extent, width, vectors: 1, padded: false };
  const steps: Step[] = [start];
  let terms = 0;
  let each = 0;
  let copies = 0;
  for (const [number, phase] of kernels.entries()) {
    steps.push({ kind: "phase", number });
    each += nests[number].stores.length * (costs.tile.store + costs.tile.pickedLoad);
    const contraction = contractionOf(phase);
    terms += contraction === undefined ? 1 : iterationsOf(contraction.core.axes);
    // A product that is not a sum has no factor to be cached: guards that depend on the lane would stay.
    const asksLanes = (e: Expr): boolean => e.kind === "select" && isGuard(e.condition, inner.name);
    if (contraction === undefined && nests[number].stores.some(({ value }) => someExpr(value, asksLanes)))
      return undefined;
    if (contraction === undefined) continue;
    for (const operand of ["left", "right"] as const) {
      const factor = new Factor(contraction[operand], extentsOf(contraction));
      if (factor.expr.kind === "load") continue;
      if (!factor.isPackable) return undefined;
      const plan = planPanel(factor.expr, factor.coordinates());
      steps.push(cacheStep(plan, operand));
      copies += factor.packingCost(plan, machine);
    }
  }
  if (terms > MOST_TERMS) return undefined;
  each += terms * (1 + costs.tile.vectorLoad + costs.tile.splat) + costs.tile.iteration;
  const vectors = iterationsOf(loops.slice(0, -1)) * vectorCount(lanes);
  return {
    strategy: NAME,
    schedule: [...steps, { kind: "join-phases" }, { kind: "vectorize", ...splitOf(lanes) }],
    cost: copies + MULTIPLY_ADD * vectors * each,
  };
}
