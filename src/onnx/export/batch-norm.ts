/**
 * Batch normalisation by running statistics, which is several ops in a graph but one operator in ONNX, so that readers
 * of the file can recognise the layer.
 */

import { constantOf } from "../../ir/builder.ts";
import type { Value } from "../../ir/types.ts";
import { isNodeOf } from "../../ops/definition.ts";

export interface BatchNorm {
  /** x, scale, shift, mean and variance, as BatchNormalization takes them. */
  readonly inputs: readonly Value[];
  readonly epsilon: number;
}

/** `(x - mean) · (scale / √(variance + epsilon)) + shift` of numbers for each channel, if `value` is that. */
export function batchNormOf(value: Value): BatchNorm | undefined {
  if (!isNodeOf(value, "add")) return undefined;
  const [normal, shift] = value.inputs;
  if (!isNodeOf(normal, "center_scale")) return undefined;
  const [x, mean, factor] = normal.inputs;
  if (!isNodeOf(factor, "div")) return undefined;
  const [scale, deviation] = factor.inputs;
  if (!isNodeOf(deviation, "sqrt") || !isNodeOf(deviation.inputs[0], "add")) return undefined;
  const [variance, added] = deviation.inputs[0].inputs;
  const epsilon = constantOf(added);
  const perChannel = [scale, shift, mean, variance].map((each) => channelsOf(each, x));
  if (epsilon === undefined || perChannel.includes(undefined)) return undefined;
  return { inputs: [x, ...(perChannel as Value[])], epsilon };
}

/** The list that `value` spreads over the channels of `x`, which are its second axis. */
function channelsOf(value: Value, { type: { shape } }: Value): Value | undefined {
  if (!isNodeOf(value, "reshape") || shape.length < 2) return undefined;
  const [list] = value.inputs;
  const spread = shape.map((extent, axis) => (axis === 1 ? extent : 1));
  const isList = list.type.shape.length === 1 && list.type.shape[0] === shape[1];
  return isList && String(value.type.shape) === String(spread) ? list : undefined;
}
