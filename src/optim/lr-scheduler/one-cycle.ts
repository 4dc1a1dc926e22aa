/** The one-cycle policy (torch.optim.lr_scheduler.OneCycleLR): up to the largest learning rate, then far down. */

import { KilnError } from "../../core/errors.ts";
import { Arguments } from "../../nn/options.ts";
import type { Optimizer } from "../optimizer.ts";
import { numbersPerGroup, type PerGroup } from "./per-group.ts";
import { checkedOptimizer, LRScheduler } from "./scheduler.ts";

/** The options of {@link OneCycleLR}. */
export interface OneCycleLROptions {
  /** The largest learning rate. */
  readonly maxLr: PerGroup<number>;
  /** The number of steps of the cycle (default: epochs · stepsPerEpoch). */
  readonly totalSteps?: number;
  /** The number of epochs, given with `stepsPerEpoch` instead of `totalSteps`. */
  readonly epochs?: number;
  /** The number of steps in an epoch. */
  readonly stepsPerEpoch?: number;
  /** The part of the cycle in which the rate rises (default: 0.3). */
  readonly pctStart?: number;
  /** Whether the rate follows a cosine (the default) or a line. */
  readonly annealStrategy?: "cos" | "linear";
  /** Must be false: the momentum is part of the compiled step. PyTorch's default, true, would change it. */
  readonly cycleMomentum: false;
  /** The rate starts at maxLr / divFactor (default: 25). */
  readonly divFactor?: number;
  /** The rate ends at its first value / finalDivFactor (default: 1e4). */
  readonly finalDivFactor?: number;
  /** Whether the rate first falls back to its initial value, as fast as it rose, and then down. */
  readonly threePhase?: boolean;
}

const OPTIONS = [
  "totalSteps",
  "epochs",
  "stepsPerEpoch",
  "pctStart",
  "annealStrategy",
  "cycleMomentum",
  "divFactor",
  "finalDivFactor",
  "threePhase",
];

/** Steps once per batch, and at most `totalSteps` times. */
export class OneCycleLR extends LRScheduler {
  /** The number of steps of the cycle. */
  readonly totalSteps: number;

  constructor(optimizer: Optimizer, maxLr: PerGroup<number>, options: Omit<OneCycleLROptions, "maxLr">);
  constructor(optimizer: Optimizer, options: OneCycleLROptions);
  constructor(optimizer: Optimizer, ...given: unknown[]) {
    const options = new Arguments("OneCycleLR", given, ["maxLr"], OPTIONS);
    const total = totalStepsOf(options);
    if (options.flag("cycleMomentum", true)) {
      throw new KilnError(
        "OneCycleLR cannot cycle the momentum, which is part of the compiled step; pass cycleMomentum: false",
      );
    }
    const anneal = ANNEAL[options.choice("annealStrategy", ["cos", "linear"], "cos")];
    const [first] = given;
    const highest = Array.isArray(first) || typeof first === "number" ? first : Object(first).maxLr;
    const groups = checkedOptimizer("OneCycleLR", optimizer).paramGroups;
    const cycles = numbersPerGroup("OneCycleLR", "maxLr", optimizer, highest).map((lr) =>
      phasesOf(options, total, lr),
    );
    for (const [k, phases] of cycles.entries()) groups[k].initialLr = phases[0].from;
    super(optimizer, (step, _, group) => {
      const phases = cycles[group];
      if (step > total) {
        throw new KilnError(
          `tried to step ${step} times, but the total number of steps of this OneCycleLR is ${total}`,
        );
      }
      const k = phases.findIndex(({ end }) => step <= end);
      const { end, from, to } = phases[k < 0 ? phases.length - 1 : k];
      const begin = k === 0 ? 0 : phases[k < 0 ? phases.length - 2 : k - 1].end;
      return anneal(from, to, end === begin ? 1 : (step - begin) / (end - begin));
    });
    this.totalSteps = total;
  }
}

const ANNEAL = {
  cos: (from: number, to: number, part: number): number =>
    to + ((from - to) / 2) * (Math.cos(Math.PI * part) + 1),
  /** The step behind the last one would fall below 0; PyTorch sets such a rate, though no batch follows. */
  linear: (from: number, to: number, part: number): number => Math.max(0, (to - from) * part + from),
};

/** A part of the cycle, up to the step `end`. */
interface Phase {
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

function phasesOf(options: Arguments, total: number, highest: number): readonly Phase[] {
  const first = highest / positive(options, "divFactor", 25);
  const lowest = first / positive(options, "finalDivFactor", 1e4);
  const part = options.number("pctStart", 0, 0.3);
  if (part > 1) throw new KilnError(`OneCycleLR's pctStart must be at most 1, not ${part}`);
  const rise = { end: part * total - 1, from: first, to: highest };
  if (!options.flag("threePhase", false)) return [rise, { end: total - 1, from: highest, to: lowest }];
  const fall = { end: 2 * part * total - 2, from: highest, to: first };
  return [rise, fall, { end: total - 1, from: first, to: lowest }];
}

function positive(options: Arguments, name: string, fallback: number): number {
  const value = options.number(name, 0, fallback);
  if (value === 0) throw new KilnError(`OneCycleLR's ${name} must be above 0`);
  return value;
}

/** `totalSteps`, or else the product of the other two. */
function totalStepsOf(options: Arguments): number {
  const total = options.integer("totalSteps", 0, 0);
  if (total > 0) return total;
  const product = options.integer("epochs", 0, 0) * options.integer("stepsPerEpoch", 0, 0);
  if (product > 0) return product;
  throw new KilnError("OneCycleLR needs totalSteps, or both epochs and stepsPerEpoch, all of at least 1");
}
