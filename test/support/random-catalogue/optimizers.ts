/** The optimizers and schedules that random models are trained with, as Kiln and PyTorch spell them. */

import { type nn, optim } from "kiln-js";

export interface OptimizerEntry {
  readonly make: (parameters: nn.Parameter[]) => optim.Optimizer;
  readonly python: string;
}

/** A large eps throughout: dividing a gradient of rounding errors by its own size would make noise of any size from it. */
export const OPTIMIZERS: readonly OptimizerEntry[] = [
  {
    make: (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true }),
    python: "SGD(p, lr=0.05, momentum=0.9, nesterov=True)",
  },
  {
    make: (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, dampening: 0.5, weightDecay: 0.01 }),
    python: "SGD(p, lr=0.05, momentum=0.9, dampening=0.5, weight_decay=0.01)",
  },
  { make: (p) => new optim.SGD(p, { lr: 0.05 }), python: "SGD(p, lr=0.05)" },
  { make: (p) => new optim.RMSprop(p, { lr: 0.01, eps: 0.1 }), python: "RMSprop(p, lr=0.01, eps=0.1)" },
  {
    make: (p) => new optim.RMSprop(p, { lr: 0.01, eps: 0.1, centered: true, momentum: 0.5 }),
    python: "RMSprop(p, lr=0.01, eps=0.1, centered=True, momentum=0.5)",
  },
  { make: (p) => new optim.Adagrad(p, { lr: 0.01, eps: 0.1 }), python: "Adagrad(p, lr=0.01, eps=0.1)" },
  { make: (p) => new optim.Adadelta(p, { lr: 1, eps: 0.01 }), python: "Adadelta(p, lr=1, eps=0.01)" },
  { make: (p) => new optim.Adam(p, { lr: 0.01, eps: 0.1 }), python: "Adam(p, lr=0.01, eps=0.1)" },
  {
    make: (p) => new optim.AdamW(p, { lr: 0.01, eps: 0.1, amsgrad: true }),
    python: "AdamW(p, lr=0.01, eps=0.1, amsgrad=True)",
  },
  { make: (p) => new optim.Adamax(p, { lr: 0.01, eps: 0.1 }), python: "Adamax(p, lr=0.01, eps=0.1)" },
  { make: (p) => new optim.NAdam(p, { lr: 0.01, eps: 0.1 }), python: "NAdam(p, lr=0.01, eps=0.1)" },
  { make: (p) => new optim.RAdam(p, { lr: 0.01, eps: 0.1 }), python: "RAdam(p, lr=0.01, eps=0.1)" },
];

export interface ScheduleEntry {
  readonly make: (optimizer: optim.Optimizer) => { step(loss: number): void };
  readonly python: string;
}

const { lrScheduler } = optim;

/** What happens after each training step; for the first, nothing. */
export const SCHEDULES: readonly ScheduleEntry[] = [
  { make: () => ({ step: () => {} }), python: "" },
  { make: (o) => new lrScheduler.StepLR(o, 1, 0.5), python: "StepLR(o, 1, 0.5)" },
  { make: (o) => new lrScheduler.MultiStepLR(o, [1, 2], 0.3), python: "MultiStepLR(o, [1, 2], 0.3)" },
  { make: (o) => new lrScheduler.ExponentialLR(o, 0.8), python: "ExponentialLR(o, 0.8)" },
  { make: (o) => new lrScheduler.ConstantLR(o, 0.5, 2), python: "ConstantLR(o, 0.5, 2)" },
  { make: (o) => new lrScheduler.LinearLR(o, 0.2, 1, 3), python: "LinearLR(o, 0.2, 1, 3)" },
  { make: (o) => new lrScheduler.PolynomialLR(o, 4, 2), python: "PolynomialLR(o, 4, 2)" },
  { make: (o) => new lrScheduler.CosineAnnealingLR(o, 4), python: "CosineAnnealingLR(o, 4)" },
  {
    make: (o) => new lrScheduler.CosineAnnealingWarmRestarts(o, 2),
    python: "CosineAnnealingWarmRestarts(o, 2)",
  },
  {
    make: (o) => new lrScheduler.CyclicLR(o, 0.01, 0.05, { stepSizeUp: 2, cycleMomentum: false }),
    python: "CyclicLR(o, 0.01, 0.05, step_size_up=2, cycle_momentum=False)",
  },
  {
    make: (o) => new lrScheduler.OneCycleLR(o, 0.05, { totalSteps: 6, cycleMomentum: false }),
    python: "OneCycleLR(o, 0.05, total_steps=6, cycle_momentum=False)",
  },
  {
    make: (o) => new lrScheduler.LambdaLR(o, (k) => 1 / (k + 1)),
    python: "LambdaLR(o, lambda k: 1 / (k + 1))",
  },
  {
    make: (o) => new lrScheduler.MultiplicativeLR(o, (k) => 1 - k / 10),
    python: "MultiplicativeLR(o, lambda k: 1 - k / 10)",
  },
  {
    make: (o) =>
      new lrScheduler.SequentialLR(
        o,
        [new lrScheduler.ConstantLR(o, 0.5, 1), new lrScheduler.ExponentialLR(o, 0.7)],
        [1],
      ),
    python: "SequentialLR(o, [ConstantLR(o, 0.5, 1), ExponentialLR(o, 0.7)], [1])",
  },
  {
    make: (o) =>
      new lrScheduler.ChainedScheduler([
        new lrScheduler.ConstantLR(o, 0.5, 2),
        new lrScheduler.ExponentialLR(o, 0.9),
      ]),
    python: "ChainedScheduler([ConstantLR(o, 0.5, 2), ExponentialLR(o, 0.9)])",
  },
  {
    make: (o) => new lrScheduler.ReduceLROnPlateau(o, { patience: 0, factor: 0.5, threshold: 10 }),
    python: "ReduceLROnPlateau(o, patience=0, factor=0.5, threshold=10)",
  },
];
