/**
 * Positions of tokens, which attention does not know by itself: waves that are added to embeddings, or rotations of
 * queries and keys, whose products then depend on their distance.
 */

import { arange, cat, stack, type Tensor } from "kiln-js";

/** `count` frequencies from 1 down to nearly 1/10000. */
const frequencies = (count: number): Tensor =>
  arange(count)
    .mul(-Math.log(10000) / count)
    .exp();

/** [length, width]: alternating sines and cosines, of ever longer waves (Vaswani et al., 2017, section 3.5). */
export function sinusoidal(length: number, width: number): Tensor {
  const angles = arange(length)
    .unsqueeze(1)
    .mul(frequencies(width / 2));
  return stack([angles.sin(), angles.cos()], 2).flatten(1);
}

/**
 * Queries or keys […,T,E] at int32 positions [T], each pair of features k and
 * k+E/2 rotated by the position times the pair's frequency (Su et al., 2021).
 */
export function rotary(x: Tensor, positions: Tensor): Tensor {
  const angles = positions
    .float()
    .unsqueeze(1)
    .mul(frequencies(x.shape[x.ndim - 1] / 2));
  const [a, b] = x.chunk(2, -1);
  const [cos, sin] = [angles.cos(), angles.sin()];
  return cat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], -1);
}
