/** What a training step gives, as types: by what its model's `forward` and its loss return. */

import type { Tensor } from "../../tensor/tensor.ts";
import type { Traceable, TraceableLoss } from "../../trace/trace.ts";
import type { RunResult, WithoutState } from "./program.ts";

/** What a metric is given: the items of what the model returns as losses are given them, then the targets. */
export type MetricOf<Model extends Traceable> = (
  ...given: [...ItemsOf<ReturnType<Model["forward"]>>, ...Tensor[]]
) => Tensor;

type ItemsOf<Returned> = Tensor extends Returned
  ? Tensor[]
  : Returned extends readonly unknown[]
    ? [...Returned]
    : [Returned];

/** The names of what a loss returns: those of a record, or `loss` alone. */
type LossNames<Returned> = Returned extends Tensor
  ? "loss"
  : Tensor extends Returned
    ? string
    : keyof Returned & string;

/** What `step` gives those who ask. */
export interface DetailOf<
  Model extends Traceable,
  Loss extends TraceableLoss,
  Metrics extends string,
  Carried,
> {
  readonly outputs: RunResult<
    unknown extends Carried ? ReturnType<Model["forward"]> : WithoutState<ReturnType<Model["forward"]>>
  >;
  readonly losses: LossNames<ReturnType<Loss["forward"]>>;
  readonly metrics: Metrics;
}
