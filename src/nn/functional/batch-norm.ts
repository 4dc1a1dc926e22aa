/** Batch normalisation as a function: each channel is brought to mean 0 and variance 1 over the batch. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, sizeOf } from "../../core/shape.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { constant } from "../../tensor/operation.ts";
import { apply, Tensor } from "../../tensor/tensor.ts";

/** The options of {@link BatchNorm}. */
export interface BatchNormOptions {
  /** [C], by which the normalised channels are multiplied. */
  readonly weight?: Tensor | undefined;
  /** [C], which is added after that. */
  readonly bias?: Tensor | undefined;
  /** Whether the batch's own statistics are used and the running ones are moved towards them (default: false). */
  readonly training?: boolean;
  /** How far the running statistics move towards the batch's (default: 0.1); a tensor of one number is taken too. */
  readonly momentum?: number | Tensor;
  /** Added to the variance (default: 1e-5). */
  readonly eps?: number;
}

/** One number per channel. */
interface Statistics {
  readonly mean: Tensor;
  /** Divided by the number of values, not by one less. */
  readonly variance: Tensor;
}

/**
 * `(x - mean)/√(variance + eps)·weight + bias` for each channel of [N,C] or [N,C,…] (torch.nn.functional.batch_norm).
 * In training mode the running statistics move towards the batch's, with the unbiased variance. Arguments after them
 * may be given by position or in one object.
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | undefined,
  runningVar: Tensor | undefined,
  weight?: Tensor | BatchNormOptions,
  bias?: Tensor,
  training?: boolean,
  momentum?: number | Tensor,
  eps?: number,
): Tensor {
  const isNamed = weight !== undefined && !(weight instanceof Tensor);
  const options = isNamed ? weight : { weight, bias, training, momentum, eps };
  return normalized(input, { runningMean, runningVar }, options);
}

/** The options of {@link batchNorm}, with undefined for the default. */
type Given = { readonly [Name in keyof BatchNormOptions]: BatchNormOptions[Name] | undefined };

/** One number per channel each, where they are kept. */
interface Running {
  readonly runningMean: Tensor | undefined;
  readonly runningVar: Tensor | undefined;
}

function normalized(
  input: Tensor,
  running: Running,
  { weight, bias, training = false, momentum = 0.1, eps = 1e-5 }: Given,
): Tensor {
  if (input.ndim < 2) {
    throw new KilnError(`batchNorm expects [N,C] or [N,C,…] but got shape ${formatShape(input.shape)}`);
  }
  for (const [name, tensor] of Object.entries({ ...running, weight, bias })) {
    if (tensor !== undefined) checkChannels(name, tensor, input);
  }
  const { mean, variance } = training ? batchStatistics(input) : runningStatistics(input, running);
  if (training) track(input, { mean, variance }, running, momentum);
  const deviation = variance.add(eps).sqrt();
  const factor = weight === undefined ? constant(1) : perChannel(weight, input);
  const standard = apply("center_scale", [input, mean, factor.div(deviation)]);
  return bias === undefined ? standard : standard.add(perChannel(bias, input));
}

function checkChannels(name: string, tensor: Tensor, input: Tensor): void {
  if (tensor.ndim === 1 && tensor.shape[0] === input.shape[1]) return;
  throw new KilnError(
    `${name} has shape ${formatShape(tensor.shape)} but the input ${formatShape(input.shape)} has ${input.shape[1]} channels`,
  );
}

/** One number per channel in a shape that spreads over the input's. */
const perChannel = (tensor: Tensor, input: Tensor): Tensor =>
  tensor.reshape(input.shape.map((extent, axis) => (axis === 1 ? extent : 1)));

function runningStatistics(input: Tensor, { runningMean, runningVar }: Running): Statistics {
  if (runningMean === undefined || runningVar === undefined)
    throw new KilnError("batchNorm needs runningMean and runningVar unless it is training");
  return { mean: perChannel(runningMean, input), variance: perChannel(runningVar, input) };
}

/** Over all axes but the channels', which stay with extent 1. */
function batchStatistics(input: Tensor): Statistics {
  if (valuesPerChannel(input) === 1) {
    throw new KilnError(
      `Expected more than 1 value per channel when training, got input size [${input.shape.join(", ")}]`,
    );
  }
  const axes = input.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  // Zeros for want of others, as in PyTorch: with NaN the gradients of weight and bias would not be 0.
  if (valuesPerChannel(input) === 0) {
    const zeros = input.sum(axes, true);
    return { mean: zeros, variance: zeros };
  }
  const mean = input.mean(axes, true);
  const variance = apply("squared_deviation", [input, mean], { aroundMean: true }).mean(axes, true);
  return { mean, variance };
}

const valuesPerChannel = ({ shape }: Tensor): number => sizeOf(shape.filter((_, axis) => axis !== 1));

/** Moves the running statistics towards the batch's; one without elements has none. */
function track(
  input: Tensor,
  { mean, variance }: Statistics,
  { runningMean, runningVar }: Running,
  momentum: number | Tensor,
): void {
  const count = valuesPerChannel(input);
  if (count === 0) return;
  const moved = (old: Tensor, arrived: Tensor): Tensor => {
    const kept = typeof momentum === "number" ? 1 - momentum : momentum.rsub(1);
    return old.mul(kept).add(arrived.mul(momentum));
  };
  const channels = input.shape[1];
  noGrad(() => {
    if (runningMean !== undefined) runningMean.copy_(moved(runningMean, mean.reshape(channels)));
    if (runningVar !== undefined) {
      const unbiased = variance.reshape(channels).mul(count / (count - 1));
      runningVar.copy_(moved(runningVar, unbiased));
    }
  });
}
