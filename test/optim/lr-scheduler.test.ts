/** The schedules: their rates against torch.optim.lr_scheduler, how they are called, and what they refuse. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";
import * as optim from "../../src/optim/index.ts";
import { ones } from "../../src/tensor/tensor.ts";

const {
  CosineAnnealingLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  OneCycleLR,
  ReduceLROnPlateau,
  StepLR,
} = optim.lrScheduler;

/** The functions that optim_schedules.py names. */
const LAMBDAS: Readonly<Record<string, (epoch: number) => number>> = {
  reciprocal: (epoch) => 1 / (1 + 0.5 * epoch),
  "warm up, then halve": (epoch) => Math.min(1, (epoch + 1) / 4) * 0.5 ** Math.floor(epoch / 6),
};

type Schedule = { step(metric: number): void; getLastLr(): number[]; readonly lastEpoch: number };

const MAKE: Readonly<Record<string, (optimizer: optim.Optimizer, options: never) => Schedule>> = {
  CosineAnnealingLR: (optimizer, options) => new CosineAnnealingLR(optimizer, options),
  ExponentialLR: (optimizer, options) => new ExponentialLR(optimizer, options),
  LambdaLR: (optimizer, { lrLambda }: { lrLambda: string }) => new LambdaLR(optimizer, LAMBDAS[lrLambda]),
  LinearLR: (optimizer, options) => new LinearLR(optimizer, options),
  MultiStepLR: (optimizer, options) => new MultiStepLR(optimizer, options),
  OneCycleLR: (optimizer, options) => new OneCycleLR(optimizer, options),
  ReduceLROnPlateau: (optimizer, options) => new ReduceLROnPlateau(optimizer, options),
  StepLR: (optimizer, options) => new StepLR(optimizer, options),
};

interface Fixture {
  readonly lr: number;
  readonly metrics: readonly number[];
  readonly cases: readonly {
    readonly schedule: string;
    readonly options: object;
    readonly rates: readonly number[];
  }[];
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/optim_schedules.json", import.meta.url), "utf8"),
) as Fixture;

const sgd = (lr = fixture.lr): optim.SGD => new optim.SGD([new nn.Parameter(ones(2))], { lr });

/** The rates that a schedule sets, the first one before any step. */
function ratesOf(make: (optimizer: optim.Optimizer) => Schedule, count: number, lr?: number): number[] {
  const optimizer = sgd(lr);
  const schedule = make(optimizer);
  return Array.from({ length: count }, (_, k) => {
    if (k > 0) schedule.step(fixture.metrics[k - 1]);
    expect([schedule.getLastLr(), schedule.lastEpoch]).toEqual([[optimizer.lr], k]);
    return optimizer.lr;
  });
}

describe("rates equal PyTorch's", () => {
  it.each(fixture.cases)("$schedule with $options", ({ schedule, options, rates }) => {
    expect(rates.length).toBe(12);
    const actual = ratesOf((optimizer) => MAKE[schedule](optimizer, options as never), rates.length);
    for (const [k, rate] of rates.entries()) {
      expect(Math.abs(actual[k] - rate), `rate ${k}: ${actual[k]}, not ${rate}`).toBeLessThan(1e-12);
    }
  });

  it("covers every schedule with two settings", () => {
    const names = fixture.cases.map(({ schedule }) => schedule);
    expect(Object.keys(MAKE).filter((name) => names.filter((n) => n === name).length !== 2)).toEqual([]);
  });
});

describe("schedules", () => {
  it("take what PyTorch takes by position", () => {
    expect(ratesOf((o) => new StepLR(o, 1, 0.5), 3, 1)).toEqual([1, 0.5, 0.25]);
    expect(ratesOf((o) => new StepLR(o, 1, { gamma: 0.5 }), 3, 1)).toEqual([1, 0.5, 0.25]);
    expect(ratesOf((o) => new MultiStepLR(o, [1, 2], 0.5), 3, 1)).toEqual([1, 0.5, 0.25]);
    expect(ratesOf((o) => new ExponentialLR(o, 0.5), 3, 1)).toEqual([1, 0.5, 0.25]);
    expect(ratesOf((o) => new LinearLR(o, 0.5, 1, 2), 4, 1)).toEqual([0.5, 0.75, 1, 1]);
    expect(ratesOf((o) => new CosineAnnealingLR(o, 2, 0.5), 3, 1)[2]).toBe(0.5);
    expect(ratesOf((o) => new LambdaLR(o, { lrLambda: (t) => 1 / (1 + t) }), 2, 1)).toEqual([1, 0.5]);
    const plateau = (o: optim.Optimizer) => new ReduceLROnPlateau(o, "max", { patience: 0, factor: 0.5 });
    expect(ratesOf(plateau, 4, 1)).toEqual([1, 1, 0.5, 0.25]);
    const cycle = (o: optim.Optimizer) =>
      new OneCycleLR(o, 0.5, { totalSteps: 4, pctStart: 0.5, cycleMomentum: false });
    expect(ratesOf(cycle, 2)[1]).toBe(0.5);
  });

  it("leave the compiled rule as it is", () => {
    const optimizer = sgd(1);
    const { rule } = optimizer;
    new ExponentialLR(optimizer, 0.5).step();
    expect([optimizer.rule, optimizer.scalarValues(1)]).toEqual([rule, { lr: 0.5 }]);
    expect(optimizer.rule).toBe(rule);
  });

  it("start from the rate that the first one found", () => {
    const optimizer = sgd(1);
    new LinearLR(optimizer, 0.5);
    expect(optimizer.lr).toBe(0.5);
    expect(new StepLR(optimizer, 1).getLastLr()).toEqual([1]);
  });

  it("may follow a warm-up of any optimizer", () => {
    const optimizer = new optim.Adam([new nn.Parameter(ones(2))], { lr: 0.1 });
    const warmUp = new LinearLR(optimizer, { startFactor: 0.5, totalIters: 1 });
    expect(optimizer.scalarValues(0).step_size).toBeCloseTo(0.05 * Math.sqrt(0.001) * 10, 12);
    warmUp.step();
    expect(optimizer.lr).toBe(0.1);
  });

  it("never reach a negative rate behind a linear cycle, and end there", () => {
    const optimizer = sgd();
    const schedule = new OneCycleLR(optimizer, 0.5, {
      totalSteps: 3,
      annealStrategy: "linear",
      cycleMomentum: false,
    });
    for (let step = 0; step < 3; step++) schedule.step();
    expect([optimizer.lr, schedule.totalSteps]).toEqual([0, 3]);
    expect(() => schedule.step()).toThrow("tried to step 4 times, but the total number of steps of this");
    expect(schedule.lastEpoch).toBe(3);
  });

  it("rise at once where the rising part is a single step", () => {
    const cycle = (o: optim.Optimizer) =>
      new OneCycleLR(o, 0.5, { totalSteps: 10, pctStart: 0.1, cycleMomentum: false });
    expect(ratesOf(cycle, 1)).toEqual([0.5]);
  });
});

describe("a schedule cannot", () => {
  const cycle = { maxLr: 1, totalSteps: 10, cycleMomentum: false } as const;
  it.each<[string, (o: optim.Optimizer) => unknown, string]>([
    [
      "step by nothing",
      (o) => new StepLR(o, 0),
      "StepLR's stepSize must be a whole number of at least 1, not 0",
    ],
    ["miss its size", (o) => new StepLR(o, {} as never), "StepLR needs stepSize"],
    ["miss its factor", (o) => new ExponentialLR(o, undefined as never), "ExponentialLR needs gamma"],
    [
      "have milestones between steps",
      (o) => new MultiStepLR(o, [1.5]),
      "a list of whole numbers of at least 0, not [1.5]",
    ],
    [
      "start from nothing",
      (o) => new LinearLR(o, 0),
      "LinearLR's startFactor must be above 0 and at most 1, not 0",
    ],
    ["end above all", (o) => new LinearLR(o, 1, 2), "LinearLR's endFactor must be at most 1, not 2"],
    [
      "anneal in no step",
      (o) => new CosineAnnealingLR(o, 0),
      "CosineAnnealingLR's tMax must be a whole number",
    ],
    ["go without a function", (o) => new LambdaLR(o, 2 as never), "LambdaLR needs a function"],
    [
      "become negative",
      (o) => new LambdaLR(o, () => -1),
      "the learning rate must be a finite number of at least 0",
    ],
    [
      "cycle the momentum",
      (o) => new OneCycleLR(o, { maxLr: 1, totalSteps: 9 } as never),
      "pass cycleMomentum: false",
    ],
    [
      "cycle forever",
      (o) => new OneCycleLR(o, 1, { cycleMomentum: false }),
      "OneCycleLR needs totalSteps, or both",
    ],
    [
      "rise longer than it lasts",
      (o) => new OneCycleLR(o, { ...cycle, pctStart: 2 }),
      "pctStart must be at most 1",
    ],
    [
      "divide by 0",
      (o) => new OneCycleLR(o, { ...cycle, divFactor: 0 }),
      "OneCycleLR's divFactor must be above 0",
    ],
    ["raise on a plateau", (o) => new ReduceLROnPlateau(o, { factor: 1 }), "factor must be below 1, not 1"],
    [
      "watch nothing",
      (o) => new ReduceLROnPlateau(o).step(undefined as never),
      "takes the metric that it watches",
    ],
    ["drive parameters", (o) => new StepLR(o.parameters as never, 1), "StepLR takes an optimizer"],
    ["have other options", (o) => new LinearLR(o, { gamma: 1 } as never), "LinearLR has no option gamma"],
  ])("%s", (_, make, message) => {
    expect(() => make(sgd())).toThrow(message);
  });
});
