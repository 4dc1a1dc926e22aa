/** Everything under the name `nn.utils.rnn`: sequences of different lengths in one tensor. */

import { describe } from "../ops/definition.ts";
import { pad, stack } from "../tensor/rearrange.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Arguments } from "./options.ts";
import { refuse } from "./reduction.ts";

/** The named arguments of {@link padSequence}. */
export interface PadSequenceOptions {
  /** Whether the result is [N,T,…] and not [T,N,…] (default: false). */
  readonly batchFirst?: boolean;
  /** The value after the end of shorter sequences (default: 0). */
  readonly paddingValue?: number;
  /** The side of the padding (default: "right"). */
  readonly paddingSide?: "left" | "right";
}

/**
 * Sequences [Tₖ,…], which differ only in length, in one tensor [T,N,…] as long as the longest one
 * (torch.nn.utils.rnn.pad_sequence).
 */
export function padSequence(
  sequences: readonly Tensor[],
  batchFirst?: boolean | PadSequenceOptions,
  paddingValue?: number | PadSequenceOptions,
  paddingSide?: "left" | "right",
): Tensor {
  const names = ["batchFirst", "paddingValue", "paddingSide"];
  const given = new Arguments("padSequence", [batchFirst, paddingValue, paddingSide], names);
  if (!Array.isArray(sequences) || sequences.length === 0 || !sequences.every((t) => t instanceof Tensor))
    return refuse("padSequence takes a list of at least one tensor: padSequence([a, b])");
  const [first] = sequences;
  const rest = (t: Tensor): string => `${t.dtype}[${t.shape.slice(1)}]`;
  const strange = sequences.find((t) => t.ndim === 0 || rest(t) !== rest(first));
  if (strange !== undefined)
    return refuse(
      `padSequence takes sequences [T,…] that differ in length alone, but got ${describe(first)} and ${describe(strange)}`,
    );
  const longest = Math.max(...sequences.map(({ shape }) => shape[0]));
  const value = given.number("paddingValue", Number.NEGATIVE_INFINITY, 0);
  const isRight = given.choice("paddingSide", ["left", "right"], "right") === "right";
  const padded = sequences.map((t) => {
    const missing = longest - t.shape[0];
    const inner = new Array<number>(2 * (t.ndim - 1)).fill(0);
    return missing === 0
      ? t
      : pad(t, [...inner, ...(isRight ? [0, missing] : [missing, 0])], "constant", value);
  });
  return stack(padded, given.flag("batchFirst", false) ? 0 : 1);
}
