/** Schedules that lead the learning rate from one value to another: at once, along a line, or along half a cosine wave. */

import { KilnError } from "../../core/errors.ts";
import { Arguments } from "../../nn/options.ts";
import type { Optimizer } from "../optimizer.ts";
import { LRScheduler } from "./scheduler.ts";

/** The options of {@link LinearLR}. */
export interface LinearLROptions {
  /** The initial factor, above 0 and at most 1 (default: 1/3). */
  readonly startFactor?: number;
  /** The final factor, from 0 to 1 (default: 1). */
  readonly endFactor?: number;
  /** The number of steps until the factor is final (default: 5). */
  readonly totalIters?: number;
}

/**
 * `lr = initial · (start + (end - start)·min(t, T)/T)` (torch.optim.lr_scheduler.LinearLR): with its defaults a
 * warm-up.
 */
export class LinearLR extends LRScheduler {
  constructor(
    optimizer: Optimizer,
    startFactor?: number | LinearLROptions,
    endFactor?: number | LinearLROptions,
    totalIters?: number | LinearLROptions,
  ) {
    const given = [startFactor, endFactor, totalIters];
    const options = new Arguments("LinearLR", given, ["startFactor", "endFactor", "totalIters"]);
    const start = options.number("startFactor", 0, 1 / 3);
    const end = options.number("endFactor", 0, 1);
    const total = options.integer("totalIters", 1, 5);
    if (start <= 0 || start > 1) {
      throw new KilnError(`LinearLR's startFactor must be above 0 and at most 1, not ${start}`);
    }
    if (end > 1) throw new KilnError(`LinearLR's endFactor must be at most 1, not ${end}`);
    super(
      optimizer,
      (epoch, initial) => initial * (start + ((end - start) * Math.min(total, epoch)) / total),
      true,
    );
  }
}

/** The options of {@link ConstantLR}. */
export interface ConstantLROptions {
  /** The initial factor, from 0 to 1 (default: 1/3). */
  readonly factor?: number;
  /** The number of steps until the rate is the initial one (default: 5). */
  readonly totalIters?: number;
}

/** `lr = initial · factor` for the first T steps, then `initial` (torch.optim.lr_scheduler.ConstantLR). */
export class ConstantLR extends LRScheduler {
  constructor(
    optimizer: Optimizer,
    factor?: number | ConstantLROptions,
    totalIters?: number | Omit<ConstantLROptions, "factor">,
  ) {
    const options = new Arguments("ConstantLR", [factor, totalIters], ["factor", "totalIters"]);
    const first = options.number("factor", 0, 1 / 3);
    const total = options.integer("totalIters", 0, 5);
    if (first > 1) throw new KilnError(`ConstantLR's factor must be at most 1, not ${first}`);
    super(optimizer, (epoch, initial) => (epoch < total ? initial * first : initial), true);
  }
}

/** The options of {@link PolynomialLR}. */
export interface PolynomialLROptions {
  /** The number of steps until the rate is 0 (default: 5). */
  readonly totalIters?: number;
  /** The exponent (default: 1). */
  readonly power?: number;
}

/** `lr = initial · (1 - min(t, T)/T)^power` (torch.optim.lr_scheduler.PolynomialLR). */
export class PolynomialLR extends LRScheduler {
  constructor(
    optimizer: Optimizer,
    totalIters?: number | PolynomialLROptions,
    power?: number | Omit<PolynomialLROptions, "totalIters">,
  ) {
    const options = new Arguments("PolynomialLR", [totalIters, power], ["totalIters", "power"]);
    const total = options.integer("totalIters", 1, 5);
    const exponent = options.number("power", 0, 1);
    super(optimizer, (epoch, initial) => initial * (1 - Math.min(total, epoch) / total) ** exponent, true);
  }
}

/** The options of {@link CosineAnnealingLR}. */
export interface CosineAnnealingLROptions {
  /** The number of steps down to the lowest rate, `T_max` in PyTorch. */
  readonly tMax: number;
  /** The lowest rate (default: 0). */
  readonly etaMin?: number;
}

/**
 * `lr = η + (initial - η)·(1 + cos(π·t/T))/2` (torch.optim.lr_scheduler.CosineAnnealingLR); behind T it rises again,
 * as PyTorch's does.
 */
export class CosineAnnealingLR extends LRScheduler {
  constructor(optimizer: Optimizer, tMax: number, etaMin?: number | Pick<CosineAnnealingLROptions, "etaMin">);
  constructor(optimizer: Optimizer, options: CosineAnnealingLROptions);
  constructor(optimizer: Optimizer, ...given: unknown[]) {
    const options = new Arguments("CosineAnnealingLR", given, ["tMax", "etaMin"]);
    const tMax = options.integer("tMax", 1);
    const lowest = options.number("etaMin", 0, 0);
    super(
      optimizer,
      (epoch, initial) => lowest + ((initial - lowest) * (1 + Math.cos((Math.PI * epoch) / tMax))) / 2,
    );
  }
}
