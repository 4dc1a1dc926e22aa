/** Looking up rows of a table as a function. */

import { KilnError } from "../../core/errors.ts";
import { ones, zeros } from "../../tensor/creation.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { constrain } from "../../tensor/in-place.ts";
import { flatIndex } from "../../tensor/lookup.ts";
import { norm } from "../../tensor/norms.ts";
import { where } from "../../tensor/rearrange.ts";
import { indexAdd } from "../../tensor/scatter.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { withOrigin } from "../../tensor/with-origin.ts";
import { Arguments } from "../options.ts";

/** How rows that are looked up are kept short. */
export interface MaxNormOptions {
  /** The largest norm: longer rows are scaled to it in the table itself, before they are looked up (default: none). */
  readonly maxNorm?: number | null;
  /** The p of the norm (default: 2). */
  readonly normType?: number;
}

/** The named arguments of {@link embedding}. PyTorch's `sparse` is left out. */
export interface LookupOptions extends MaxNormOptions {
  /** A row that gets no gradient; a negative number counts from the end. */
  readonly paddingIdx?: number | null;
  /** Whether a row's gradient is divided by how often it was looked up. */
  readonly scaleGradByFreq?: boolean;
}

/**
 * The rows of `weight` [V,D] at int32 indices: [...] → [...,D]. An index out of range is an error, as soon as it is
 * known, or when the program runs.
 */
export function embedding(
  input: Tensor,
  weight: Tensor,
  paddingIdx?: number | null | LookupOptions,
  options?: LookupOptions,
): Tensor {
  const named = [...MAX_NORM_NAMES, "scaleGradByFreq"];
  const given = new Arguments("embedding", [paddingIdx, options], ["paddingIdx"], named);
  const padding = withOrigin(() => readPaddingIdx("embedding", given, weight.shape[0]));
  renormalize("embedding", input, weight, readMaxNorm(given));
  return apply("embedding", [weight, input], {
    ...(padding === undefined ? {} : { paddingIdx: padding }),
    scaleGradByFreq: given.flag("scaleGradByFreq", false),
  });
}

export const MAX_NORM_NAMES = ["maxNorm", "normType"];

/** What rows are kept below, if anything. */
export interface MaxNorm {
  readonly maxNorm: number | undefined;
  readonly normType: number;
}

export const readMaxNorm = (given: Arguments): MaxNorm => ({
  maxNorm: given.has("maxNorm") ? given.number("maxNorm", 0) : undefined,
  normType: given.number("normType", Number.NEGATIVE_INFINITY, 2),
});

/**
 * Scales the rows of `weight` that `input` names and that are longer than `maxNorm`, in place and without a gradient.
 */
export function renormalize(
  callee: string,
  input: Tensor,
  weight: Tensor,
  { maxNorm, normType }: MaxNorm,
): void {
  if (maxNorm === undefined) return;
  noGrad(() => {
    const [rows] = weight.shape;
    const places = flatIndex(callee, [input.reshape(-1)], [rows], false);
    const isUsed = indexAdd(zeros(rows), 0, places, ones(places.shape)).gt(0).unsqueeze(1);
    const own = weight.detach();
    const lengths = norm(own, normType, [1], true);
    const factor = lengths.add(1e-7).reciprocal().mul(maxNorm);
    constrain(weight, where(isUsed.logicalAnd(lengths.gt(maxNorm)), own.mul(factor), own));
  });
}

/** The padding row, counted from the start of a table of `rows` rows. */
export function readPaddingIdx(callee: string, given: Arguments, rows: number): number | undefined {
  if (!given.has("paddingIdx")) return undefined;
  const index = given.integer("paddingIdx", Number.NEGATIVE_INFINITY);
  if (index < -rows || index >= rows)
    throw new KilnError(`${callee}'s paddingIdx ${index} must be one of its ${rows} rows`);
  return index < 0 ? index + rows : index;
}
