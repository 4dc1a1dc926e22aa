/** Dropout as functions: a part of the numbers is left out while training, and the rest is scaled to make up for it. */

import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape } from "../../core/shape.ts";
import { randomTruths } from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";

/** The options of {@link Dropout}. */
export interface DropoutOptions {
  /** The probability that a number, or a channel, is set to 0 (default: 0.5). */
  readonly p?: number;
  /** Whether anything is dropped at all (default: true). */
  readonly training?: boolean;
  /** Accepted for PyTorch's sake: a graph has no places to write to, so nothing is saved by it. */
  readonly inplace?: boolean;
}

/** Sets each number to 0 with probability `p` and scales the others by `1/(1-p)` (torch.nn.functional.dropout). */
export function dropout(
  input: Tensor,
  p?: number | DropoutOptions,
  training?: boolean | DropoutOptions,
  inplace?: boolean | DropoutOptions,
): Tensor {
  return dropped(input, input.shape, readOptions("dropout", [p, training, inplace]));
}

/** Drops whole channels of sequences [N,C,L] or [C,L] (torch.nn.functional.dropout1d). */
export function dropout1d(
  input: Tensor,
  p?: number | DropoutOptions,
  training?: boolean | DropoutOptions,
  inplace?: boolean | DropoutOptions,
): Tensor {
  requireAxes("dropout1d", input, [2, 3], "sequences [N,C,L] or [C,L]");
  return dropped(input, [...input.shape.slice(0, -1), 1], readOptions("dropout1d", [p, training, inplace]));
}

/**
 * Drops whole channels of images [N,C,H,W]; of three axes the first two are samples and channels, as in PyTorch
 * (torch.nn.functional.dropout2d).
 */
export function dropout2d(
  input: Tensor,
  p?: number | DropoutOptions,
  training?: boolean | DropoutOptions,
  inplace?: boolean | DropoutOptions,
): Tensor {
  requireAxes("dropout2d", input, [3, 4], "images [N,C,H,W]");
  const channels = input.shape.map((extent, axis) => (axis < 2 ? extent : 1));
  return dropped(input, channels, readOptions("dropout2d", [p, training, inplace]));
}

/** Drops whole channels of volumes [N,C,D,H,W] or [C,D,H,W] (torch.nn.functional.dropout3d). */
export function dropout3d(
  input: Tensor,
  p?: number | DropoutOptions,
  training?: boolean | DropoutOptions,
  inplace?: boolean | DropoutOptions,
): Tensor {
  requireAxes("dropout3d", input, [4, 5], "volumes [N,C,D,H,W] or [C,D,H,W]");
  return dropped(
    input,
    [...input.shape.slice(0, -3), 1, 1, 1],
    readOptions("dropout3d", [p, training, inplace]),
  );
}

/**
 * Dropout that keeps mean 0 and variance 1, for networks with SELU: dropped elements become the value that SELU tends
 * to, and all elements are scaled and shifted (Klambauer et al., 2017; torch.nn.functional.alpha_dropout). As in
 * PyTorch, nothing is dropped unless `training` is given.
 */
export const alphaDropout = (
  input: Tensor,
  p?: number | DropoutOptions,
  training?: boolean | DropoutOptions,
  inplace?: boolean | DropoutOptions,
): Tensor => saturated(input, input.shape, readOptions("alphaDropout", [p, training, inplace], false));

/** {@link alphaDropout} of whole channels of [N,C,…] (torch.nn.functional.feature_alpha_dropout). */
export function featureAlphaDropout(
  input: Tensor,
  p?: number | DropoutOptions,
  training?: boolean | DropoutOptions,
  inplace?: boolean | DropoutOptions,
): Tensor {
  const options = readOptions("featureAlphaDropout", [p, training, inplace], false);
  if (input.ndim < 2)
    throw new KilnError(`featureAlphaDropout expects [N,C,…] but got shape ${formatShape(input.shape)}`);
  const channels = input.shape.map((extent, axis) => (axis < 2 ? extent : 1));
  return saturated(input, channels, options);
}

function readOptions(name: string, given: readonly unknown[], trains = true): Required<DropoutOptions> {
  const options = new Arguments(name, given, ["p", "training", "inplace"]);
  return {
    p: probability(name, options),
    training: options.flag("training", trains),
    inplace: options.flag("inplace", false),
  };
}

/** The probability of being dropped, given as `p` and 0.5 by default. */
export function probability(callee: string, options: Arguments, name = "p", fallback = 0.5): number {
  const p = options.number(name, Number.NEGATIVE_INFINITY, fallback);
  if (p >= 0 && p <= 1) return p;
  throw new KilnError(`${callee}: dropout probability has to be between 0 and 1, but got ${p}`);
}

function requireAxes(name: string, input: Tensor, ranks: readonly number[], wanted: string): void {
  if (ranks.includes(input.ndim)) return;
  throw new KilnError(`${name} expects ${wanted} but got shape ${formatShape(input.shape)}`);
}

/** `mask` is the shape of the part of `input` that is dropped or kept as one. */
function dropped(input: Tensor, mask: Shape, { p, training }: Required<DropoutOptions>): Tensor {
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(0);
  const kept = randomTruths(mask, 1 - p).float();
  return input.mul(kept).mul(1 / (1 - p));
}

/** What SELU tends to, without its sign: the product of its two constants. */
const SATURATION = 1.7580993408473766;

/** As {@link dropped}, with SELU's limit in place of 0 and an affine map that restores mean and variance. */
function saturated(input: Tensor, mask: Shape, { p, training }: Required<DropoutOptions>): Tensor {
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(0);
  const kept = randomTruths(mask, 1 - p).float();
  const scale = 1 / Math.sqrt((SATURATION * SATURATION * p + 1) * (1 - p));
  const fallen = kept
    .sub(1)
    .add(p)
    .mul(SATURATION * scale);
  return input.mul(kept.mul(scale)).add(fallen);
}
