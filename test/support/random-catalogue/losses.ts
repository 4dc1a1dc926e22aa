/** The losses that random models are trained with, as Kiln and PyTorch spell them. */

import { cat, nn, rand, randint, stack, type Tensor } from "kiln-js";

/** Scores of so many classes for each of a batch. */
export const CLASSES = 3;

/** A loss of scores `s` [N,CLASSES] and a target `t`, which `target` draws for a batch. */
export interface LossEntry {
  readonly of: (s: Tensor, t: Tensor) => Tensor;
  readonly target: (batch: number) => Tensor;
  /** The same in Python, where `t` has floats and integers as Kiln's. */
  readonly python: string;
  /** Turns scores into the input of the loss. */
  readonly after?: () => readonly nn.Module[];
}

const classes = (batch: number): Tensor => randint(0, CLASSES, [batch]);
const numbers = (batch: number): Tensor => rand(batch, CLASSES);
const zerosAndOnes = (batch: number): Tensor => randint(0, 2, [batch, CLASSES]).float();
const signs = (batch: number): Tensor => zerosAndOnes(batch).mul(2).sub(1);

/** A bounded function in between: of a score of 17 or more a float32 probability is 1 and the loss 100. */
const probability = (): readonly nn.Module[] => [new nn.Tanh(), new nn.Sigmoid()];
const bounded = (): readonly nn.Module[] => [new nn.Tanh()];
const logProbability = (): readonly nn.Module[] => [new nn.LogSoftmax(1)];

/** By kind: the name of the class, with a word for its use if there are several. */
export const LOSSES: Readonly<Record<string, LossEntry>> = {
  CrossEntropyLoss: {
    of: (s, t) => new nn.CrossEntropyLoss().forward(s, t),
    target: classes,
    python: "nn.CrossEntropyLoss()(s, t)",
  },
  "CrossEntropyLoss smoothed": {
    of: (s, t) => new nn.CrossEntropyLoss({ labelSmoothing: 0.1, reduction: "sum" }).forward(s, t),
    target: classes,
    python: "nn.CrossEntropyLoss(label_smoothing=0.1, reduction='sum')(s, t)",
  },
  MSELoss: { of: (s, t) => new nn.MSELoss().forward(s, t), target: numbers, python: "nn.MSELoss()(s, t)" },
  L1Loss: {
    of: (s, t) => new nn.L1Loss({ reduction: "sum" }).forward(s, t),
    target: numbers,
    python: "nn.L1Loss(reduction='sum')(s, t)",
  },
  SmoothL1Loss: {
    of: (s, t) => new nn.SmoothL1Loss({ beta: 0.5 }).forward(s, t),
    target: numbers,
    python: "nn.SmoothL1Loss(beta=0.5)(s, t)",
  },
  HuberLoss: {
    of: (s, t) => new nn.HuberLoss({ delta: 0.7 }).forward(s, t),
    target: numbers,
    python: "nn.HuberLoss(delta=0.7)(s, t)",
  },
  BCEWithLogitsLoss: {
    of: (s, t) => new nn.BCEWithLogitsLoss().forward(s, t),
    target: numbers,
    python: "nn.BCEWithLogitsLoss()(s, t)",
  },
  BCELoss: {
    of: (s, t) => new nn.BCELoss().forward(s, t),
    target: numbers,
    python: "nn.BCELoss()(s, t)",
    after: probability,
  },
  NLLLoss: {
    of: (s, t) => new nn.NLLLoss().forward(s, t),
    target: classes,
    python: "nn.NLLLoss()(s, t)",
    after: logProbability,
  },
  KLDivLoss: {
    of: (s, t) => new nn.KLDivLoss({ reduction: "batchmean" }).forward(s, t),
    target: numbers,
    python: "nn.KLDivLoss(reduction='batchmean')(s, t)",
    after: logProbability,
  },
  PoissonNLLLoss: {
    of: (s, t) => new nn.PoissonNLLLoss({ full: true }).forward(s, t),
    target: (batch) => rand(batch, CLASSES).mul(3),
    python: "nn.PoissonNLLLoss(full=True)(s, t)",
    after: bounded,
  },
  GaussianNLLLoss: {
    of: (s, t) => new nn.GaussianNLLLoss().forward(s, t, s.square().add(0.5)),
    target: numbers,
    python: "nn.GaussianNLLLoss()(s, t, s * s + 0.5)",
  },
  HingeEmbeddingLoss: {
    of: (s, t) => new nn.HingeEmbeddingLoss({ margin: 0.8 }).forward(s, t),
    target: signs,
    python: "nn.HingeEmbeddingLoss(margin=0.8)(s, t)",
  },
  MarginRankingLoss: {
    of: (s, t) => new nn.MarginRankingLoss({ margin: 0.3 }).forward(s, s.flip(1).mul(0.5), t),
    target: signs,
    python: "nn.MarginRankingLoss(margin=0.3)(s, s.flip(1) * 0.5, t)",
  },
  CosineEmbeddingLoss: {
    of: (s, t) => new nn.CosineEmbeddingLoss({ margin: 0.1 }).forward(s.add(1), s.sigmoid(), t),
    target: (batch) => randint(0, 2, [batch]).mul(2).sub(1).float(),
    python: "nn.CosineEmbeddingLoss(margin=0.1)(s + 1, s.sigmoid(), t)",
  },
  TripletMarginLoss: {
    of: (s, t) => new nn.TripletMarginLoss({ swap: true }).forward(s, t, t.neg().sub(0.2)),
    target: numbers,
    python: "nn.TripletMarginLoss(swap=True)(s, t, -t - 0.2)",
  },
  TripletMarginWithDistanceLoss: {
    of: (s, t) =>
      new nn.TripletMarginWithDistanceLoss({
        distanceFunction: (u, v) => u.sub(v).square().sum(1),
        margin: 0.7,
      }).forward(s, t, t.neg().sub(0.2)),
    target: numbers,
    python:
      "nn.TripletMarginWithDistanceLoss(distance_function=lambda u, v: ((u - v) ** 2).sum(1), margin=0.7)(s, t, -t - 0.2)",
  },
  SoftMarginLoss: {
    of: (s, t) => new nn.SoftMarginLoss().forward(s, t),
    target: signs,
    python: "nn.SoftMarginLoss()(s, t)",
  },
  MultiLabelSoftMarginLoss: {
    of: (s, t) => new nn.MultiLabelSoftMarginLoss().forward(s, t),
    target: zerosAndOnes,
    python: "nn.MultiLabelSoftMarginLoss()(s, t)",
  },
  MultiLabelMarginLoss: {
    of: (s, t) => new nn.MultiLabelMarginLoss().forward(s, t),
    // One label or two, then the -1 after which no label counts.
    target: (batch) =>
      cat([randint(0, 1, [batch, 1]), randint(-1, 2, [batch, 1]), randint(-1, 0, [batch, 1])], 1),
    python: "nn.MultiLabelMarginLoss()(s, t)",
  },
  MultiMarginLoss: {
    of: (s, t) => new nn.MultiMarginLoss({ p: 2, margin: 0.8 }).forward(s, t),
    target: classes,
    python: "nn.MultiMarginLoss(p=2, margin=0.8)(s, t)",
  },
  CTCLoss: {
    of: (s, t) => {
      const [batch] = s.shape;
      const steps = stack([s, s.mul(0.5), s.neg(), s.flip(1)]).logSoftmax(2);
      const lengths = (length: number): number[] => Array.from({ length: batch }, () => length);
      return new nn.CTCLoss().forward(steps, t, lengths(4), lengths(2));
    },
    target: (batch) => randint(1, CLASSES, [batch, 2]),
    python:
      "nn.CTCLoss()(torch.stack([s, s * 0.5, -s, s.flip(1)]).log_softmax(2), t, [4] * len(s), [2] * len(s))",
  },
};
