/** Makes batches of sequences of different lengths: the shorter ones are padded. */

import { allocate, type TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { sizeOf } from "../core/shape.ts";
import { Tensor, tensor } from "../tensor/index.ts";
import { checkFlag, isNumbers } from "./arguments.ts";
import { type Collated, defaultCollate } from "./collate.ts";
import { checkFinite, shown } from "./transforms.ts";

/** Options of {@link paddedCollate}. */
export interface PaddedCollateOptions {
  /** What shorter sequences are filled with at their end (default: 0). */
  readonly paddingValue?: number;
  /** Sequences are padded to a multiple of this, so that batches have few different lengths (default: 1). */
  readonly multipleOf?: number;
  /** Whether the lengths before padding, int32 of shape `[batch]`, are one more part at the end of the batch. */
  readonly lengths?: boolean;
}

const OPTION_NAMES = {
  paddingValue: true,
  multipleOf: true,
  lengths: true,
} satisfies OptionNames<PaddedCollateOptions>;

/** A sample: a tuple whose tensors and typed arrays may differ in their first extent. */
type Parts = readonly unknown[];

/**
 * A `collateFn` for samples such as `[Int32Array, number]`: tensors and typed arrays at the same place of the tuples are
 * padded at the end of their first dimension to the longest of the batch (as `padSequence` with `batchFirst`), then all is
 * put together as `defaultCollate` does. With `lengths` these are those of the tuple's first part.
 */
export function paddedCollate(
  options: PaddedCollateOptions & { readonly lengths: true },
): <Item extends Parts>(items: readonly Item[]) => Promise<[...Extract<Collated<Item>, Parts>, Tensor]>;
export function paddedCollate(
  options?: PaddedCollateOptions,
): <Item extends Parts>(items: readonly Item[]) => Promise<Collated<Item>>;
export function paddedCollate(
  options: PaddedCollateOptions = {},
): (items: readonly Parts[]) => Promise<unknown> {
  checkOptionNames("paddedCollate", options, OPTION_NAMES);
  const { paddingValue = 0, multipleOf = 1, lengths = false } = options;
  checkFinite("paddedCollate", paddingValue);
  checkFlag("paddedCollate", "lengths", lengths);
  if (!Number.isSafeInteger(multipleOf) || multipleOf < 1) {
    throw new KilnError(
      `paddedCollate pads to a multiple of a whole number from 1 on, not of ${shown(multipleOf)}`,
    );
  }
  return async (items) => {
    if (!Array.isArray(items) || items.some((item) => !Array.isArray(item) || item.length === 0)) {
      throw new KilnError("paddedCollate takes samples that are tuples, such as [sequence, label]");
    }
    const width = items[0]?.length ?? 0;
    const padded: unknown[][] = items.map((item) => [...item]);
    for (let place = 0; place < width; place++) {
      const parts = await padTogether(
        items.map((item) => item[place]),
        paddingValue,
        multipleOf,
      );
      for (const [k, part] of parts.entries()) padded[k][place] = part;
    }
    const batch = (await defaultCollate<unknown>(padded)) as readonly unknown[];
    if (!lengths) return batch;
    const extents = items.map(([sequence]) => lengthOf(sequence));
    return [...batch, Tensor.fromData(Int32Array.from(extents), [extents.length], "int32")];
  };
}

const lengthOf = (sequence: unknown): number => {
  if (isSequence(sequence)) return sequence instanceof Tensor ? sequence.shape[0] : sequence.length;
  throw new KilnError(
    "paddedCollate gives the lengths of the samples' first part, which is not a sequence here",
  );
};

const isSequence = (part: unknown): part is Tensor | TypedArray =>
  part instanceof Tensor ? part.ndim > 0 : ArrayBuffer.isView(part) && isNumbers(part);

/** The parts with the same first extent, where all of them are sequences. */
async function padTogether(
  parts: readonly unknown[],
  paddingValue: number,
  multipleOf: number,
): Promise<readonly unknown[]> {
  if (!parts.every(isSequence)) return parts;
  const tensors = parts.map((part) => (part instanceof Tensor ? part : tensor(part)));
  const longest = Math.max(...tensors.map(({ shape }) => shape[0]));
  const extent = Math.ceil(longest / multipleOf) * multipleOf;
  return Promise.all(
    tensors.map(async (sequence) => {
      const { shape, dtype } = sequence;
      if (shape[0] === extent) return sequence;
      if (dtype !== "float32" && !Number.isInteger(paddingValue)) {
        throw new KilnError(`paddedCollate cannot pad ${dtype} sequences with ${paddingValue}`);
      }
      const [, ...rest] = shape;
      const data = allocate(dtype, extent * sizeOf(rest)).fill(paddingValue);
      data.set(sequence.peek() ?? (await sequence.data()));
      return Tensor.fromData(data, [extent, ...rest], dtype);
    }),
  );
}
