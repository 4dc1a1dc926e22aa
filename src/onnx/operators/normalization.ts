/** Normalisation over batches, layers, groups and channels. */

import { normalizeAxis } from "../../core/shape.ts";
import { Buffer } from "../../nn/buffer.ts";
import * as F from "../../nn/functional/index.ts";
import { pad } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";
import { axisOf } from "./define.ts";

/** One number for each channel in a shape that spreads over the input's. */
const perChannel = (numbers: Tensor, x: Tensor): Tensor =>
  numbers.reshape(x.shape.map((_, axis) => (axis === 1 ? -1 : 1)));

/**
 * By the running statistics, as the file says. If the file says that the layer trains, or the importer was asked to
 * train it, buffers follow the batch as PyTorch's do in training mode.
 */
function batchNorm(call: Call): readonly Tensor[] {
  const [x, weight, bias, mean, variance] = call.tensors();
  const eps = call.float("epsilon", 1e-5);
  const momentum = call.float("momentum", 0.9);
  const isLayer = mean instanceof Buffer && variance instanceof Buffer;
  const trains = call.flag("training_mode") || call.around.trainsBatchNorm;
  if (isLayer || !trains) {
    const training = isLayer && trains && call.around.training;
    const y = F.batchNorm(x, mean, variance, { weight, bias, eps, training, momentum: 1 - momentum });
    return [y, mean, variance];
  }
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const own = x.mean(axes, true);
  const spread = x.sub(own).square().mean(axes, true);
  const y = x.sub(own).div(spread.add(eps).sqrt());
  const moved = (old: Tensor, now: Tensor): Tensor =>
    old.mul(momentum).add(now.reshape(old.shape).mul(1 - momentum));
  return [y.mul(perChannel(weight, x)).add(perChannel(bias, x)), moved(mean, own), moved(variance, spread)];
}

function layerNorm(call: Call): readonly Tensor[] {
  const [x, scale, shift] = [call.tensor(0), call.tensor(1), call.optional(2)];
  const eps = call.float("epsilon", 1e-5);
  const axis = axisOf(call, x.ndim, "axis", -1);
  const shape = x.shape.slice(axis);
  const isOwnShape = [scale, shift].every(
    (part) => part === undefined || String(part.shape) === String(shape),
  );
  const y = isOwnShape
    ? F.layerNorm(x, shape, scale, shift, eps)
    : scaled(F.layerNorm(x, shape, undefined, undefined, eps), scale, shift);
  if (!call.wants(1) && !call.wants(2)) return [y];
  const axes = shape.map((_, k) => axis + k);
  const mean = x.mean(axes, true);
  return [y, mean, x.sub(mean).square().mean(axes, true).add(eps).rsqrt()];
}

const scaled = (x: Tensor, scale: Tensor, shift: Tensor | undefined): Tensor =>
  shift === undefined ? x.mul(scale) : x.mul(scale).add(shift);

function rmsNorm(call: Call): Tensor {
  const [x, scale] = call.tensors();
  const axis = axisOf(call, x.ndim, "axis", -1);
  const shape = x.shape.slice(axis);
  return F.rmsNorm(x, [...shape], undefined, call.float("epsilon", 1e-5)).mul(scale);
}

/** Up to version 20 there is a scale for each group, since then for each channel. */
function groupNorm(call: Call): Tensor {
  const [x, scale, shift] = call.tensors();
  const groups = call.int("num_groups");
  const eps = call.float("epsilon", 1e-5);
  const channels = x.shape[1];
  const each = (numbers: Tensor): Tensor =>
    numbers.shape[0] === channels ? numbers : numbers.repeatInterleave(channels / numbers.shape[0]);
  return F.groupNorm(x, groups, each(scale), each(shift), eps);
}

function localResponseNorm(call: Call): Tensor {
  const x = call.tensor(0);
  const size = call.int("size");
  const [alpha, beta, bias] = [call.float("alpha", 1e-4), call.float("beta", 0.75), call.float("bias", 1)];
  const [samples, channels, ...extents] = x.shape;
  const before = Math.floor((size - 1) / 2);
  const squares = pad(x.square().reshape([samples, 1, channels, -1]), [0, 0, before, size - 1 - before]);
  const means = F.avgPool2d(squares, [size, 1], { stride: 1 }).reshape([samples, channels, ...extents]);
  return x.div(means.mul(alpha).add(bias).pow(beta));
}

export const NORMALIZATION: readonly Operator[] = [
  {
    name: "BatchNormalization",
    weights: [1, 2],
    statistics: [3, 4],
    run: batchNorm,
  },
  { name: "LayerNormalization", weights: [1, 2], run: layerNorm },
  { name: "RMSNormalization", weights: [1], run: rmsNorm },
  { name: "GroupNormalization", weights: [1, 2], run: groupNorm },
  {
    name: "InstanceNormalization",
    weights: [1, 2],
    run: (call) => {
      const [x, weight, bias] = call.tensors();
      return F.instanceNorm(x, undefined, undefined, weight, bias, true, 0.1, call.float("epsilon", 1e-5));
    },
  },
  { name: "LRN", run: localResponseNorm },
  {
    name: "LpNormalization",
    run: (call) => {
      const [x, p] = [call.tensor(0), call.int("p", 2)];
      const axis = normalizeAxis(call.int("axis", -1), x.ndim);
      const length = p === 1 ? x.abs().sum(axis, true) : x.square().sum(axis, true).sqrt();
      // Of zeros alone nothing can be the length.
      return x.div(length.add(length.eq(0).float()));
    },
  },
  {
    name: "MeanVarianceNormalization",
    run: (call) => {
      const x = call.tensor(0);
      const axes = [...(call.ints("axes") ?? [0, 2, 3])];
      const centred = x.sub(x.mean(axes, true));
      return centred.div(centred.square().mean(axes, true).sqrt().add(1e-9));
    },
  },
];
