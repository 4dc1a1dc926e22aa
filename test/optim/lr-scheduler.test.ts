/** The schedules: their rates against torch.optim.lr_scheduler, how they are called, and what they refuse. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";
import * as optim from "../../src/optim/index.ts";
import { ones } from "../../src/tensor/creation.ts";

const {
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiplicativeLR,
  MultiStepLR,
  OneCycleLR,
  PolynomialLR,
  ReduceLROnPlateau,
  SequentialLR,
  StepLR,
} = optim.lrScheduler;

/** The functions that optim_schedules.py names. */
const LAMBDAS: Readonly<Record<string, (epoch: number) => number>> = {
  reciprocal: (epoch) => 1 / (1 + 0.5 * epoch),
  "warm up, then halve": (epoch) => Math.min(1, (epoch + 1) / 4) * 0.5 ** Math.floor(epoch / 6),
};

type Schedule = { step(metric: number): void; getLastLr(): number[]; readonly lastEpoch: number };

const MAKE: Readonly<Record<string, (optimizer: optim.Optimizer, options: never) => Schedule>> = {
  ChainedScheduler: (optimizer, { schedulers }: SequentialCase) =>
    new ChainedScheduler(partsOf(optimizer, schedulers)),
  ConstantLR: (optimizer, options) => new ConstantLR(optimizer, options),
  CosineAnnealingLR: (optimizer, options) => new CosineAnnealingLR(optimizer, options),
  CosineAnnealingWarmRestarts: (optimizer, options) => new CosineAnnealingWarmRestarts(optimizer, options),
  CyclicLR: (optimizer, options) => new CyclicLR(optimizer, options),
  ExponentialLR: (optimizer, options) => new ExponentialLR(optimizer, options),
  LambdaLR: (optimizer, { lrLambda }: { lrLambda: string }) => new LambdaLR(optimizer, LAMBDAS[lrLambda]),
  LinearLR: (optimizer, options) => new LinearLR(optimizer, options),
  MultiplicativeLR: (optimizer, { lrLambda }: { lrLambda: string }) =>
    new MultiplicativeLR(optimizer, LAMBDAS[lrLambda]),
  MultiStepLR: (optimizer, options) => new MultiStepLR(optimizer, options),
  OneCycleLR: (optimizer, options) => new OneCycleLR(optimizer, options),
  PolynomialLR: (optimizer, options) => new PolynomialLR(optimizer, options),
  ReduceLROnPlateau: (optimizer, options) => new ReduceLROnPlateau(optimizer, options),
  SequentialLR: (optimizer, { schedulers, milestones }: SequentialCase) =>
    new SequentialLR(optimizer, partsOf(optimizer, schedulers), milestones),
  StepLR: (optimizer, options) => new StepLR(optimizer, options),
  SWALR: (optimizer, options) => new optim.swaUtils.SWALR(optimizer, options),
};

const partsOf = (
  optimizer: optim.Optimizer,
  schedulers: SequentialCase["schedulers"],
): optim.lrScheduler.LRScheduler[] =>
  schedulers.map(
    ([name, options]) => MAKE[name](optimizer, options as never) as optim.lrScheduler.LRScheduler,
  );

interface SequentialCase {
  readonly schedulers: readonly (readonly [name: string, options: object])[];
  readonly milestones: readonly number[];
}

interface Fixture {
  /** The learning rates of the two groups. */
  readonly lrs: readonly number[];
  readonly metrics: readonly number[];
  readonly cases: readonly {
    readonly schedule: string;
    readonly options: object;
    /** Of both groups. */
    readonly rates: readonly (readonly number[])[];
  }[];
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/optim_schedules.json", import.meta.url), "utf8"),
) as Fixture;

const sgd = (lr = 0.05): optim.SGD => new optim.SGD([new nn.Parameter(ones(2))], { lr });

const twoGroups = (): optim.SGD =>
  new optim.SGD(fixture.lrs.map((lr) => ({ params: [new nn.Parameter(ones(2))], lr })));

/** The rates that a schedule sets, the first one before any step. */
function groupRatesOf(
  make: (optimizer: optim.Optimizer) => Schedule,
  count: number,
  optimizer: optim.Optimizer,
): number[][] {
  const schedule = make(optimizer);
  return Array.from({ length: count }, (_, k) => {
    if (k > 0) schedule.step(fixture.metrics[k - 1]);
    const rates = optimizer.paramGroups.map(({ lr }) => lr);
    expect([schedule.getLastLr(), schedule.lastEpoch]).toEqual([rates, k]);
    return rates;
  });
}

const ratesOf = (make: (optimizer: optim.Optimizer) => Schedule, count: number, lr?: number): number[] =>
  groupRatesOf(make, count, sgd(lr)).map(([rate]) => rate);

describe("rates equal PyTorch's", () => {
  it.each(fixture.cases)("$schedule with $options", ({ schedule, options, rates }) => {
    expect(rates.length).toBe(12);
    const make = (optimizer: optim.Optimizer) => MAKE[schedule](optimizer, options as never);
    const actual = groupRatesOf(make, rates.length, twoGroups());
    // Both compute in double, PyTorch step by step and Kiln in closed form: a few roundings of numbers below 1.
    for (const [k, [first, second]] of rates.entries()) {
      expect(Math.abs(actual[k][0] - first), `rate ${k}: ${actual[k][0]}, not ${first}`).toBeLessThan(1e-12);
      expect(Math.abs(actual[k][1] - second), `rate ${k}: ${actual[k][1]}, not ${second}`).toBeLessThan(
        1e-12,
      );
    }
  });

  it("covers every schedule with two settings", () => {
    const names = fixture.cases.map(({ schedule }) => schedule);
    expect(Object.keys(MAKE).filter((name) => names.filter((n) => n === name).length < 2)).toEqual([]);
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
    const { rule } = optimizer.paramGroups[0];
    new ExponentialLR(optimizer, 0.5).step();
    expect([optimizer.paramGroups[0].rule, optimizer.paramGroups[0].scalarValues(1)]).toEqual([
      rule,
      { lr: 0.5 },
    ]);
    expect(optimizer.paramGroups[0].rule).toBe(rule);
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
    expect(optimizer.paramGroups[0].scalarValues(0).step_size).toBeCloseTo(0.05 * Math.sqrt(0.001) * 10, 12);
    warmUp.step();
    expect(optimizer.lr).toBe(0.1);
  });

  it("act on every group, each from its own rate", () => {
    const optimizer = twoGroups();
    const schedule = new LambdaLR(optimizer, [(t) => 1 / (1 + t), () => 0.5]);
    schedule.step();
    expect(schedule.baseLrs).toEqual(fixture.lrs);
    expect(schedule.getLastLr()).toEqual([fixture.lrs[0] / 2, fixture.lrs[1] / 2]);
    optimizer.addParamGroup({ params: new nn.Parameter(ones(2)), lr: 3 });
    schedule.step();
    expect(schedule.getLastLr()).toEqual([fixture.lrs[0] / 3, fixture.lrs[1] / 2, 3]);
  });

  it("go on from a saved state as if they had never stopped", () => {
    const [one, two] = [twoGroups(), twoGroups()];
    const first = new SequentialLR(one, [new LinearLR(one), new StepLR(one, 2)], [3]);
    for (let step = 0; step < 4; step++) first.step();
    const second = new SequentialLR(two, [new LinearLR(two), new StepLR(two, 2)], [3]);
    second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
    for (let step = 0; step < 4; step++) {
      first.step();
      second.step();
      expect([second.lastEpoch, second.getLastLr()]).toEqual([first.lastEpoch, first.getLastLr()]);
    }
  });

  it("that watch a metric go on as well", () => {
    const watch = (optimizer: optim.Optimizer) =>
      new ReduceLROnPlateau(optimizer, { patience: 1, cooldown: 1, factor: 0.5 });
    const [one, two] = [sgd(1), sgd(1)];
    const [first, second] = [watch(one), watch(two)];
    for (const metric of [3, 2, 2]) first.step(metric);
    second.loadStateDict(first.stateDict());
    for (const metric of [2, 2, 2, 1, 4, 4, 4]) {
      first.step(metric);
      second.step(metric);
      expect([two.lr, second.stateDict()]).toEqual([one.lr, first.stateDict()]);
    }
    expect(one.lr).toBe(0.25);
  });

  it("refuse a state that cannot be theirs, with everything that is wrong", () => {
    const schedule = new StepLR(twoGroups(), 1);
    schedule.step();
    const before = schedule.stateDict();
    expect(() => schedule.loadStateDict({ lastEpoch: -1, baseLrs: [1] })).toThrow(
      "cannot load the state dict into StepLR: lastEpoch is -1, no number of steps; baseLrs is [1], not the " +
        "learning rates of 2 parameter groups",
    );
    expect(() => schedule.loadStateDict(undefined as never)).toThrow("lastEpoch is missing");
    expect(schedule.stateDict()).toEqual(before);
    expect(() => new ReduceLROnPlateau(sgd()).loadStateDict({ lastEpoch: 1.5 } as never)).toThrow(
      "lastEpoch is 1.5, no number of steps; numBadEpochs is missing, no number of steps; cooldownCounter is " +
        "missing, no number of steps; best is missing, no metric",
    );
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
    ["hold above all", (o) => new ConstantLR(o, 2), "ConstantLR's factor must be at most 1, not 2"],
    [
      "take turns without milestones",
      (o) => new SequentialLR(o, [new StepLR(o, 1), new StepLR(o, 1)], []),
      "a rising list of whole numbers above 0, one less than its 2 schedules, not []",
    ],
    [
      "take turns backwards",
      (o) => new SequentialLR(o, [new StepLR(o, 1), new StepLR(o, 1), new StepLR(o, 1)], [4, 4]),
      "a rising list of whole numbers above 0, one less than its 3 schedules, not [4,4]",
    ],
    [
      "take turns on two optimizers",
      (o) => new SequentialLR(o, [new StepLR(sgd(), 1)], []),
      "made for the optimizer that it is given",
    ],
    [
      "take turns with a metric",
      (o) => new SequentialLR(o, [new ReduceLROnPlateau(o) as never], []),
      "SequentialLR needs a list of schedules",
    ],
    [
      "have a function for one group alone",
      (o) => new LambdaLR(o, [() => 1, () => 1]),
      "a list of one for each parameter group",
    ],
    [
      "have a floor for other groups",
      (o) => new ReduceLROnPlateau(o, { minLr: [0, 0] }),
      "ReduceLROnPlateau's minLr must be a finite number of at least 0, or a list of one for each of the 1 parameter groups, not [0,0]",
    ],
    [
      "cycle without a rate",
      (o) => new OneCycleLR(o, { totalSteps: 9, cycleMomentum: false } as never),
      "maxLr must be",
    ],
    [
      "cycle the momentum",
      (o) => new CyclicLR(o, 0.1, 0.2, {} as never),
      "CyclicLR cannot cycle the momentum",
    ],
    [
      "restart at once",
      (o) => new CosineAnnealingWarmRestarts(o, 0),
      "t0 must be a whole number of at least 1",
    ],
    [
      "chain what sets the rate",
      (o) => new ChainedScheduler([new ExponentialLR(o, 0.9), new LambdaLR(o, () => 1)]),
      "ChainedScheduler cannot multiply by a LambdaLR, which sets the rate itself",
    ],
    ["chain nothing", () => new ChainedScheduler([]), "ChainedScheduler takes a list of schedules"],
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
