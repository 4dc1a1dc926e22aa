/** The padding of a convolution, which layers and functions read and check alike. */

import { KilnError } from "../core/errors.ts";
import type { Arguments, Extents, Pair, Rank, Size } from "./options.ts";

/** `"same"` keeps the input's extents (at stride 1), `"valid"` is no padding. */
export type PaddingWord = "same" | "valid";

/** A word, or how much every axis is padded on both sides. */
export type Padding = PaddingWord | readonly number[];

const WORDS: readonly PaddingWord[] = ["same", "valid"];

/** The padding of a convolution over `rank` axes (default: 0). */
export const readPadding = <R extends Rank>(options: Arguments, rank: R): Extents<R> | PaddingWord =>
  options.word("padding", WORDS) ?? options.extents("padding", rank, 0, 0 as Size<R>);

/** Throws unless the padding can be had at this stride. */
export function checkPadding(callee: string, padding: Padding, stride: readonly number[]): void {
  if (padding === "same" && stride.some((step) => step !== 1)) {
    throw new KilnError(
      `${callee}'s padding "same" needs stride 1, not [${stride}]: give the padding as numbers`,
    );
  }
}

/** How much is put before and after each axis; of an odd number the larger part comes after, as in PyTorch. */
export function sidesOf(
  padding: Padding,
  kernelSize: readonly number[],
  dilation: readonly number[],
): readonly Pair[] {
  return kernelSize.map((kernel, axis): Pair => {
    if (padding === "valid") return [0, 0];
    if (padding !== "same") return [padding[axis], padding[axis]];
    const total = dilation[axis] * (kernel - 1);
    const before = Math.floor(total / 2);
    return [before, total - before];
  });
}

/** Throws if the output padding of a transposed convolution would reach what a further input covers. */
export function checkOutputPadding(
  callee: string,
  outputPadding: readonly number[],
  { stride, dilation }: { readonly stride: readonly number[]; readonly dilation: readonly number[] },
): void {
  if (outputPadding.some((extent, axis) => extent >= Math.max(stride[axis], dilation[axis]))) {
    throw new KilnError(
      `${callee}'s outputPadding [${outputPadding}] must be smaller than either its stride [${stride}] ` +
        `or its dilation [${dilation}]`,
    );
  }
}
