/** Looking up rows of a table as a function. */

import { KilnError } from "../../core/errors.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { withOrigin } from "../../tensor/with-origin.ts";
import { Arguments } from "../options.ts";

/** The named arguments of {@link embedding}. PyTorch's `maxNorm` and `sparse` are left out. */
export interface LookupOptions {
  /** A row that gets no gradient; a negative number counts from the end. */
  readonly paddingIdx?: number | null;
  /** Whether a row's gradient is divided by how often it was looked up. */
  readonly scaleGradByFreq?: boolean;
}

/**
 * The rows of `weight` [V,D] that int32 indices name: [...] → [...,D]. An index that names none is an error, when it is
 * known or when the program runs.
 */
export function embedding(
  input: Tensor,
  weight: Tensor,
  paddingIdx?: number | null | LookupOptions,
  options?: LookupOptions,
): Tensor {
  const given = new Arguments("embedding", [paddingIdx, options], ["paddingIdx"], ["scaleGradByFreq"]);
  const padding = withOrigin(() => readPaddingIdx("embedding", given, weight.shape[0]));
  return apply("embedding", [weight, input], {
    ...(padding === undefined ? {} : { paddingIdx: padding }),
    scaleGradByFreq: given.flag("scaleGradByFreq", false),
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
