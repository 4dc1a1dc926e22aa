/** Functions that trade channels for pixels and places among channels, with PyTorch's arguments. */

import { describe } from "../../ops/definition.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { refuse } from "../reduction.ts";

/** A whole number above 0 that goes into `extent`, or an error. */
function checkFactor(callee: string, name: string, factor: number, isFit: boolean, input: Tensor): void {
  if (!Number.isSafeInteger(factor) || factor < 1)
    refuse(`${callee}'s ${name} must be a whole number of at least 1, not ${factor}`);
  if (!isFit) refuse(`${callee} cannot divide ${describe(input)} by its ${name} ${factor}`);
}

/** The axes in front of the last three; fewer axes are refused. */
function leading(callee: string, input: Tensor): readonly number[] {
  if (input.ndim < 3) refuse(`${callee} expects images […,C,H,W] but got ${describe(input)}`);
  return input.shape.slice(0, -3);
}

/** The axes `order` of those after `front` leading ones. */
const permuted = (input: Tensor, front: number, order: readonly number[]): Tensor =>
  input.permute([...Array(front).keys(), ...order.map((axis) => front + axis)]);

/** Channels become pixels: […, C·r², H, W] → […, C, H·r, W·r] (torch.nn.functional.pixel_shuffle). */
export function pixelShuffle(input: Tensor, upscaleFactor: number): Tensor {
  const r = upscaleFactor;
  const front = leading("pixelShuffle", input);
  const [channels, height, width] = input.shape.slice(-3);
  checkFactor("pixelShuffle", "upscaleFactor", r, channels % (r * r) === 0, input);
  const split = input.reshape([...front, channels / (r * r), r, r, height, width]);
  return permuted(split, front.length, [0, 3, 1, 4, 2]).reshape([
    ...front,
    channels / (r * r),
    height * r,
    width * r,
  ]);
}

/** Pixels become channels: […, C, H·r, W·r] → […, C·r², H, W] (torch.nn.functional.pixel_unshuffle). */
export function pixelUnshuffle(input: Tensor, downscaleFactor: number): Tensor {
  const r = downscaleFactor;
  const front = leading("pixelUnshuffle", input);
  const [channels, height, width] = input.shape.slice(-3);
  checkFactor("pixelUnshuffle", "downscaleFactor", r, height % r === 0 && width % r === 0, input);
  const split = input.reshape([...front, channels, height / r, r, width / r, r]);
  return permuted(split, front.length, [0, 2, 4, 1, 3]).reshape([
    ...front,
    channels * r * r,
    height / r,
    width / r,
  ]);
}

/** The channels of [N,C,…] in `groups` rows, read column by column (torch.nn.functional.channel_shuffle). */
export function channelShuffle(input: Tensor, groups: number): Tensor {
  if (input.ndim < 3)
    refuse(`channelShuffle expects [N,C,…] of at least three axes but got ${describe(input)}`);
  const [samples, channels, ...positions] = input.shape;
  checkFactor("channelShuffle", "groups", groups, channels % groups === 0, input);
  const split = input.reshape([samples, groups, channels / groups, ...positions]);
  return split.transpose(1, 2).reshape(input.shape);
}
