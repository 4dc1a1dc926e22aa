/** Softmax over very many classes, with the rare ones in clusters that have fewer features. */

import { describe } from "../../ops/definition.ts";
import { flatIndex, gather } from "../../tensor/lookup.ts";
import { cat, where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors } from "../reduction.ts";
import { Linear } from "./linear.ts";
import { ModuleList } from "./module-list.ts";
import { Sequential } from "./sequential.ts";

/** The named arguments of {@link AdaptiveLogSoftmaxWithLoss} behind its cutoffs. */
export interface AdaptiveSoftmaxOptions {
  /** By how much the features of each cluster are fewer than those of the one before (default: 4). */
  readonly divValue?: number;
  /** Whether the scores of the head have a learned bias (default: false). */
  readonly headBias?: boolean;
}

/** What {@link AdaptiveSoftmax} takes, by name. */
export interface AdaptiveSoftmaxArguments extends AdaptiveSoftmaxOptions {
  /** The number of input features: the size of the last axis. */
  readonly inFeatures: number;
  /** The number of classes. */
  readonly nClasses: number;
  /** The classes at which the clusters begin, in rising order. */
  readonly cutoffs: readonly number[];
}

/** What {@link AdaptiveLogSoftmaxWithLoss} gives: the log-probability of each target, [N], and minus their mean. */
export interface AdaptiveSoftmaxOutput {
  /** The log-probability of each target, [N]. */
  readonly output: Tensor;
  /** The mean of the losses, one number. */
  readonly loss: Tensor;
  /** What `forward` returns may be any tensors by name. */
  readonly [name: string]: Tensor;
}

/**
 * Log-probabilities of targets (int32 [N]) from features [N,inFeatures], where classes are numbered by decreasing
 * frequency (Grave et al., 2017; torch.nn.AdaptiveLogSoftmaxWithLoss). Every cluster is computed for every row, and
 * masked, because the rows of each depend on the data: the results are PyTorch's, but only the smaller number of
 * features saves time. A cluster without targets gets gradients of 0, where PyTorch's gets none.
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  /** The number of input features: the size of the last axis. */
  readonly inFeatures: number;
  /** The number of classes. */
  readonly nClasses: number;
  /** Where clusters begin, and the number of classes. */
  readonly cutoffs: readonly number[];
  /** By how much the features of each further cluster are fewer. */
  readonly divValue: number;
  /** Whether the head has a bias. */
  readonly headBias: boolean;
  /** The scores of the frequent classes and of the clusters. */
  readonly head: Linear;
  /** The scores within each cluster. */
  readonly tail: ModuleList<Sequential>;

  constructor(
    inFeatures: number,
    nClasses: number,
    cutoffs: readonly number[],
    divValue?: number | AdaptiveSoftmaxOptions,
    headBias?: boolean | AdaptiveSoftmaxOptions,
  );
  constructor(options: AdaptiveSoftmaxArguments);
  constructor(...given: unknown[]) {
    super();
    const callee = "AdaptiveLogSoftmaxWithLoss";
    const names = ["inFeatures", "nClasses", "cutoffs", "divValue", "headBias"];
    const options = new Arguments(callee, given, names);
    this.inFeatures = options.integer("inFeatures", 1);
    this.nClasses = options.integer("nClasses", 2);
    const starts = options.integers("cutoffs");
    const isRising = starts.every((start, k) => start > (starts[k - 1] ?? 0) && start < this.nClasses);
    if (!isRising)
      refuse(`${callee}'s cutoffs [${starts}] must rise, and lie between 1 and ${this.nClasses - 1}`);
    this.cutoffs = [...starts, this.nClasses];
    this.divValue = options.number("divValue", 0, 4);
    this.headBias = options.flag("headBias", false);
    this.head = new Linear(this.inFeatures, starts[0] + starts.length, this.headBias);
    this.tail = new ModuleList(
      starts.map((start, k) => {
        const features = Math.floor(this.inFeatures / this.divValue ** (k + 1));
        if (features < 1)
          refuse(
            `${callee} leaves no features to cluster ${k}: ${this.inFeatures} divided by ${this.divValue}^${k + 1}`,
          );
        const own = new Linear(this.inFeatures, features, false);
        return new Sequential(own, new Linear(features, this.cutoffs[k + 1] - start, false));
      }),
    );
  }

  /** Of features [N,inFeatures] and int32 targets [N], or of one row and one target. */
  forward(input: Tensor, target: Tensor): AdaptiveSoftmaxOutput {
    const callee = "AdaptiveLogSoftmaxWithLoss";
    requireTensors(callee, { input, target });
    const isFit = target.ndim < 2 && input.ndim === target.ndim + 1 && target.dtype === "int32";
    if (
      !isFit ||
      input.shape.at(-1) !== this.inFeatures ||
      String(input.shape.slice(0, -1)) !== String(target.shape)
    )
      refuse(
        `${callee} expects features [N,${this.inFeatures}] and int32 targets [N], or one row and one target, but got ` +
          `${describe(input)} and ${describe(target)}`,
      );
    const rows = input.ndim === 1 ? input.unsqueeze(0) : input;
    const classes = flatIndex(callee, [target.reshape(-1)], [this.nClasses], false);
    const [first] = this.cutoffs;
    let own = classes;
    let output: Tensor | undefined;
    for (const [k, cluster] of [...this.tail].entries()) {
      const [start, end] = [this.cutoffs[k], this.cutoffs[k + 1]];
      const isHere = classes.ge(start).logicalAnd(classes.lt(end));
      own = where(isHere, first + k, own);
      const inside = where(isHere, classes.sub(start), 0);
      const found = where(isHere, at(cluster.forward(rows).logSoftmax(1), inside), 0);
      output = output === undefined ? found : output.add(found);
    }
    const ofHead = at(this.head.forward(rows).logSoftmax(1), own);
    const all = output === undefined ? ofHead : output.add(ofHead);
    return { output: all.reshape(target.shape), loss: all.neg().mean() };
  }

  /** The log-probabilities of all classes, [N,nClasses], from features [N,inFeatures]. */
  logProb(input: Tensor): Tensor {
    const [first] = this.cutoffs;
    const head = this.head.forward(input).logSoftmax(1);
    const clusters = [...this.tail].map((cluster, k) =>
      cluster
        .forward(input)
        .logSoftmax(1)
        .add(head.narrow(1, first + k, 1)),
    );
    return cat([head.narrow(1, 0, first), ...clusters], 1);
  }

  /** The most probable class of each row, int32 [N]. */
  predict(input: Tensor): Tensor {
    return this.logProb(input).argmax(1);
  }
}

/** Of each row [N,C] the element at a position [N]. */
const at = (scores: Tensor, positions: Tensor): Tensor =>
  gather(scores, 1, positions.unsqueeze(1)).squeeze(1);
