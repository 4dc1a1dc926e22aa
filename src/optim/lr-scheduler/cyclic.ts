/** Periodic schedules: cosine annealing with restarts, and triangles between two rates. */

import { KilnError } from "../../core/errors.ts";
import { Arguments } from "../../nn/options.ts";
import type { Optimizer } from "../optimizer.ts";
import { numbersPerGroup, type PerGroup } from "./per-group.ts";
import { checkedOptimizer, LRScheduler } from "./scheduler.ts";

/** The options of {@link CosineAnnealingWarmRestarts}. */
export interface CosineAnnealingWarmRestartsOptions {
  /** The number of steps until the first restart, `T_0` in PyTorch. */
  readonly t0: number;
  /** What the number of steps is multiplied by at each restart (default: 1). */
  readonly tMult?: number;
  /** The lowest rate (default: 0). */
  readonly etaMin?: number;
}

/**
 * `lr = η + (initial - η)·(1 + cos(π·t/T))/2`, where t counts from 0 again after T steps and T grows
 * (torch.optim.lr_scheduler.CosineAnnealingWarmRestarts). Steps are whole.
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  constructor(
    optimizer: Optimizer,
    t0: number,
    tMult?: number | Omit<CosineAnnealingWarmRestartsOptions, "t0">,
    etaMin?: number | Pick<CosineAnnealingWarmRestartsOptions, "etaMin">,
  );
  constructor(optimizer: Optimizer, options: CosineAnnealingWarmRestartsOptions);
  constructor(optimizer: Optimizer, ...given: unknown[]) {
    const options = new Arguments("CosineAnnealingWarmRestarts", given, ["t0", "tMult", "etaMin"]);
    const first = options.integer("t0", 1);
    const factor = options.integer("tMult", 1, 1);
    const lowest = options.number("etaMin", 0, 0);
    super(optimizer, (epoch, initial) => {
      const [since, length] = sinceRestart(epoch, first, factor);
      return lowest + ((initial - lowest) * (1 + Math.cos((Math.PI * since) / length))) / 2;
    });
  }
}

/** How many steps ago the last restart was, and how many there are until the next, counted from it. */
function sinceRestart(
  epoch: number,
  first: number,
  factor: number,
): readonly [since: number, length: number] {
  if (factor === 1) return [epoch % first, first];
  let [since, length] = [epoch, first];
  while (since >= length) [since, length] = [since - length, length * factor];
  return [since, length];
}

/** How the height of the triangles changes. */
export type CyclicMode = "triangular" | "triangular2" | "exp_range";

/** The options of {@link CyclicLR}. */
export interface CyclicLROptions {
  /** The rate at the foot of each triangle; a list has one for each parameter group. */
  readonly baseLr: PerGroup<number>;
  /** The rate at its top, while the triangle has its full height. */
  readonly maxLr: PerGroup<number>;
  /** The number of steps up (default: 2000). */
  readonly stepSizeUp?: number;
  /** The number of steps down (default: as many as up). */
  readonly stepSizeDown?: number | null;
  /** Default: "triangular"; "triangular2" halves the height with each cycle, "exp_range" multiplies it by `gamma` in each step. */
  readonly mode?: CyclicMode;
  /** The factor of the mode "exp_range" (default: 1). */
  readonly gamma?: number;
  /** What the height is multiplied by, instead of what the mode says. */
  readonly scaleFn?: ((x: number) => number) | null;
  /** Whether `scaleFn` is given the number of the cycle, from 1, or that of the step (default: "cycle"). */
  readonly scaleMode?: "cycle" | "iterations";
  /** Must be false: the momentum is part of the compiled step. PyTorch's default, true, would change it. */
  readonly cycleMomentum: false;
}

const POSITIONAL = ["baseLr", "maxLr", "stepSizeUp", "stepSizeDown", "mode", "gamma", "scaleFn", "scaleMode"];

/** Up and down between two rates, one step for each batch (Smith, 2017; torch.optim.lr_scheduler.CyclicLR). */
export class CyclicLR extends LRScheduler {
  constructor(
    optimizer: Optimizer,
    baseLr: PerGroup<number>,
    maxLr: PerGroup<number>,
    options: Omit<CyclicLROptions, "baseLr" | "maxLr">,
  );
  constructor(optimizer: Optimizer, options: CyclicLROptions);
  constructor(optimizer: Optimizer, ...given: unknown[]) {
    const options = new Arguments("CyclicLR", given, POSITIONAL, ["cycleMomentum"]);
    if (options.flag("cycleMomentum", true)) {
      throw new KilnError(
        "CyclicLR cannot cycle the momentum, which is part of the compiled step; pass cycleMomentum: false",
      );
    }
    const groups = checkedOptimizer("CyclicLR", optimizer).paramGroups;
    const lowest = numbersPerGroup("CyclicLR", "baseLr", optimizer, options.given("baseLr"));
    const highest = numbersPerGroup("CyclicLR", "maxLr", optimizer, options.given("maxLr"));
    const up = options.integer("stepSizeUp", 1, 2000);
    const down = options.has("stepSizeDown") ? options.integer("stepSizeDown", 1) : up;
    const scale = scaleOf(options);
    for (const [k, group] of groups.entries()) group.initialLr = lowest[k];
    super(optimizer, (step, _, group) => {
      const cycle = Math.floor(step / (up + down));
      const within = step - cycle * (up + down);
      const height = within <= up ? within / up : (up + down - within) / down;
      return lowest[group] + (highest[group] - lowest[group]) * height * scale(cycle + 1, step);
    });
  }
}

/** What the height is multiplied by in a step of a cycle. */
function scaleOf(options: Arguments): (cycle: number, step: number) => number {
  const mode = options.choice("mode", ["triangular", "triangular2", "exp_range"], "triangular");
  const gamma = options.number("gamma", 0, 1);
  const scaleMode = options.choice("scaleMode", ["cycle", "iterations"], "cycle");
  const own = options.given("scaleFn") ?? undefined;
  if (typeof own === "function")
    return (cycle, step) => Number((own as (x: number) => number)(scaleMode === "cycle" ? cycle : step));
  if (own !== undefined) throw new KilnError("CyclicLR's scaleFn must be a function of a number");
  switch (mode) {
    case "triangular":
      return () => 1;
    case "triangular2":
      return (cycle) => 0.5 ** (cycle - 1);
    case "exp_range":
      return (_, step) => gamma ** step;
    default:
      return mode satisfies never;
  }
}
