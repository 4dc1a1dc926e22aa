/** The losses and optimizers that random models are trained with, as Kiln and PyTorch spell them. */

import { nn, optim } from "kiln";

export interface LossEntry {
  readonly make: () => nn.Loss<string>;
  readonly python: string;
  /** What turns scores into what the loss wants. */
  readonly after?: () => readonly nn.Module[];
}

/** Losses for scores [N,C], with their targets. */
export const LOSSES: readonly LossEntry[] = [
  { make: () => new nn.CrossEntropyLoss(), python: "CrossEntropyLoss()" },
  {
    make: () => new nn.CrossEntropyLoss({ labelSmoothing: 0.1, reduction: "sum" }),
    python: "CrossEntropyLoss(label_smoothing=0.1, reduction='sum')",
  },
  { make: () => new nn.MSELoss(), python: "MSELoss()" },
  { make: () => new nn.L1Loss({ reduction: "sum" }), python: "L1Loss(reduction='sum')" },
  { make: () => new nn.SmoothL1Loss({ beta: 0.5 }), python: "SmoothL1Loss(beta=0.5)" },
  { make: () => new nn.HuberLoss({ delta: 0.7 }), python: "HuberLoss(delta=0.7)" },
  { make: () => new nn.BCEWithLogitsLoss(), python: "BCEWithLogitsLoss()" },
  {
    make: () => new nn.BCELoss(),
    python: "BCELoss()",
    // Between them a bounded function: of a score of 17 or more a float32 probability is 1 and the loss 100.
    after: () => [new nn.Tanh(), new nn.Sigmoid()],
  },
  { make: () => new nn.NLLLoss(), python: "NLLLoss()", after: () => [new nn.LogSoftmax(1)] },
  {
    make: () => new nn.KLDivLoss({ reduction: "batchmean" }),
    python: "KLDivLoss(reduction='batchmean')",
    after: () => [new nn.LogSoftmax(1)],
  },
];

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
];
