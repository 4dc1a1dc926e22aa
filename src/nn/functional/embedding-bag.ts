/** Looking up several rows of a table at once and reducing them, without an axis for the single ones. */

import { describe } from "../../ops/definition.ts";
import { arange } from "../../tensor/creation.ts";
import { cat, where } from "../../tensor/rearrange.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { refuse, requireTensors, tensorOption } from "../reduction.ts";
import {
  embedding,
  MAX_NORM_NAMES,
  type MaxNormOptions,
  readMaxNorm,
  readPaddingIdx,
  renormalize,
} from "./embedding.ts";

/** How the rows of a bag become one. */
export type BagMode = "sum" | "mean" | "max";

/** The named arguments of {@link embeddingBag}. PyTorch's `sparse` is left out. */
export interface EmbeddingBagOptions extends MaxNormOptions {
  /** Default: "mean". */
  readonly mode?: BagMode;
  /** Whether a row's gradient is divided by how often it was looked up. */
  readonly scaleGradByFreq?: boolean;
  /** What each row counts, of the input's shape; for the mode "sum". */
  readonly perSampleWeights?: Tensor | undefined;
  /** Whether the last offset is the number of indices, and begins no bag (default: false). */
  readonly includeLastOffset?: boolean;
  /** A row that is passed over and gets no gradient; a negative number counts from the end. */
  readonly paddingIdx?: number | null;
}

const NAMES = [
  ...MAX_NORM_NAMES,
  "mode",
  "scaleGradByFreq",
  "perSampleWeights",
  "includeLastOffset",
  "paddingIdx",
];
export const BAG_MODES: readonly BagMode[] = ["mean", "sum", "max"];

/** Which of the looked-up rows are in which bag, [bags, rows], and those rows, [rows, D] or [bags, rows, D]. */
interface Bags {
  readonly isInside: Tensor;
  readonly rows: Tensor;
}

/**
 * The sums, means or maxima of the rows of `weight` [V,D] at bags of int32 indices: [B,N] → [B,D], or all bags in one
 * list [N] with the int32 `offsets` [B] of their beginnings (torch.nn.functional.embedding_bag). An empty bag gives
 * zeros.
 */
export function embeddingBag(
  input: Tensor,
  weight: Tensor,
  offsets?: Tensor | EmbeddingBagOptions,
  options?: EmbeddingBagOptions,
): Tensor {
  const starts = offsets instanceof Tensor ? offsets : undefined;
  const others = offsets instanceof Tensor ? options : (offsets ?? options);
  const given = new Arguments("embeddingBag", [others], [], NAMES);
  requireTensors("embeddingBag", { input, weight });
  const mode = given.choice("mode", BAG_MODES, "mean");
  const shares = tensorOption("embeddingBag", others, "perSampleWeights");
  if (shares !== undefined && (mode !== "sum" || String(shares.shape) !== String(input.shape)))
    refuse(`embeddingBag's perSampleWeights are for the mode "sum" and of the shape of ${describe(input)}`);
  const padding = readPaddingIdx("embeddingBag", given, weight.shape[0]);
  renormalize("embeddingBag", input, weight, readMaxNorm(given));
  const looked = embedding(input, weight, { scaleGradByFreq: given.flag("scaleGradByFreq", false) });
  const rows = shares === undefined ? looked : looked.mul(shares.unsqueeze(-1));
  const counted = padding === undefined ? undefined : input.ne(padding);
  const isInside = membership(input, starts, given.flag("includeLastOffset", false));
  const bags = counted === undefined ? isInside : isInside.float().mul(counted.float()).ne(0);
  return reducedBags({ isInside: bags, rows: input.ndim === 1 ? rows.unsqueeze(0) : rows }, mode);
}

/** Which of the indices are in which bag: [bags, indices]. */
function membership(input: Tensor, offsets: Tensor | undefined, includesLast: boolean): Tensor {
  if (input.ndim === 2) {
    if (offsets !== undefined)
      refuse(`embeddingBag takes offsets for a list of indices, not for ${describe(input)}`);
    return input.eq(input);
  }
  if (input.ndim !== 1)
    refuse(`embeddingBag expects indices [B,N], or [N] with offsets, but got ${describe(input)}`);
  if (offsets === undefined || offsets.ndim !== 1 || offsets.dtype !== "int32")
    return refuse(
      `embeddingBag needs int32 offsets [B] for the bags of ${describe(input)}` +
        `${offsets === undefined ? "" : `, not ${describe(offsets)}`}`,
    );
  if ((offsets.peek()?.[0] ?? 0) !== 0)
    refuse("embeddingBag's first offset must be 0: the first bag begins there");
  const count = input.shape[0];
  const [begin, end] = includesLast
    ? [offsets.slice(0, 0, -1), offsets.slice(0, 1)]
    : [offsets, cat([offsets.slice(0, 1), arange(count, count + 1, { dtype: "int32" })])];
  const places = arange(count, { dtype: "int32" }).unsqueeze(0);
  return places
    .ge(begin.unsqueeze(1))
    .float()
    .mul(places.lt(end.unsqueeze(1)).float())
    .ne(0);
}

function reducedBags({ isInside, rows }: Bags, mode: BagMode): Tensor {
  const members = isInside.unsqueeze(2);
  const counts = isInside.float().sum(1, true);
  switch (mode) {
    case "sum":
      return where(members, rows, 0).sum(1);
    case "mean":
      return where(members, rows, 0).sum(1).div(counts.clamp(1));
    case "max": {
      const isEmpty = counts.eq(0);
      return where(members, rows, Number.NEGATIVE_INFINITY).amax(1).maskedFill(isEmpty, 0);
    }
    default:
      return mode satisfies never;
  }
}
