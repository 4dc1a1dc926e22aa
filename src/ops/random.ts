/**
 * Random numbers in a graph: pure functions of a seed, a step
 * and a stream, so that recomputing them gives the same ones.
 */

import { KilnError } from "../core/errors.ts";
import { philox } from "../core/philox.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import { cast, compare, int, select, shiftRight, word } from "../loop/build.ts";
import { philoxWords, wholeProduct } from "../loop/philox.ts";
import type { Expr } from "../loop/types.ts";
import { COUNT, TEXT } from "./declaration.ts";
import { describe, number, type OpDef, type Operand, type Sample, text } from "./definition.ts";
import { generate, type NdArray } from "./ndarray.ts";

/** Numbers in one block of the generator. */
export const BLOCK = 4;

/** The number of a word's upper bits that are compared with a probability: as many as a float32 in [0, 1) has. */
const BITS = 24;

/** The largest `below` of `randint`: up to here every backend counts exactly, including those in float32. */
export const MOST_INTEGERS = 2 ** 24;

const threshold = (attrs: Attrs): number => Math.round(number(attrs, "probability") * 2 ** BITS);

/** The name of a stream as two words: FNV-1a from two starts. */
function streamWords(stream: string): readonly [number, number] {
  const hash = (start: number): number =>
    [...stream].reduce((h, c) => Math.imul(h ^ c.codePointAt(0)!, 0x01000193), start) >>> 0;
  return [hash(0x811c9dc5), hash(0x050c5d1f)];
}

/** The result of a generator of `dtype`, after checking the types of seed, step and iteration. */
function inferBlocks(op: string, inputs: readonly TensorType[], attrs: Attrs, dtype: TensorType["dtype"]) {
  for (const type of inputs) {
    if (type.dtype === "int32" && type.shape.length === 0) continue;
    throw new KilnError(
      `${op} expects a seed, a step and the number of an iteration of type int32[] but got ${describe(type)}`,
    );
  }
  return { dtype, shape: [number(attrs, "blocks"), BLOCK] };
}

/** The random word at an index [block, position] as an expression. */
function wordAt(
  [seed, step, iteration]: readonly Operand[],
  attrs: Attrs,
): (indices: readonly Expr[]) => Expr {
  const [low, high] = streamWords(text(attrs, "stream"));
  const own = iteration === undefined ? word(0) : cast(iteration.at([]), "uint32");
  const key = [cast(seed.at([]), "uint32"), own] as const;
  const current = cast(step.at([]), "uint32");
  return ([block, position]) => {
    const [w0, w1, w2, w3] = philoxWords([cast(block, "uint32"), current, word(low), word(high)], key);
    return [w0, w1, w2].reduceRight<Expr>(
      (rest, w, k) => select(compare("eq", position, int(k)), w, rest),
      w3,
    );
  };
}

/** Applies `take` to each random word, with the arithmetic of src/core/philox.ts. */
function fromWords(
  [seed, step, iteration]: readonly NdArray[],
  output: TensorType,
  attrs: Attrs,
  take: (word: number) => number,
): NdArray {
  const [low, high] = streamWords(text(attrs, "stream"));
  const words = new Uint32Array(BLOCK);
  return generate(output.shape, ([block, position]) => {
    philox([block, step.data[0], low, high], [seed.data[0], iteration?.data[0] ?? 0], words);
    return take(words[position]);
  });
}

/** A sample of one block and one of many for each set of attributes. */
const samplesOf = (each: readonly Attrs[]): readonly Sample[] =>
  each.flatMap((attrs): Sample[] => {
    const word32 = { dtype: "int32" as const, shape: [], below: 2 ** 31 };
    return [1, 50].map((blocks) => ({
      inputs: blocks === 1 ? [word32, word32] : [word32, word32, word32],
      attrs: { blocks, ...attrs },
    }));
  });

const bernoulliSamples = samplesOf(
  [0.5, 0.1, 1, 0].map((probability) => ({ probability, stream: `drop ${probability}` })),
);

const bernoulli: OpDef = {
  name: "bernoulli",
  range: () => [0, 1],
  doc: "Independent booleans bool[blocks, 4] that are true with `probability` (rounded to 24 bits), from two int32 numbers, the seed and the step, and in a loop a third one, the iteration. Row i is the block of Philox4x32-10 with the counter (i, step, stream) under the key (seed, iteration or 0): no two streams, steps, iterations or rows share a block.",
  arity: [2, 3],
  attributes: { blocks: COUNT, probability: { kind: "number", least: 0, most: 1 }, stream: TEXT },
  pattern: "generator",
  infer: (inputs, attrs) => inferBlocks("bernoulli", inputs, attrs, "bool"),
  vjp: (_b, _ct, inputs) => inputs.map(() => undefined),
  backward: { name: "BernoulliBackward" },
  lower(operands, _output, attrs) {
    const own = wordAt(operands, attrs);
    return (indices) => compare("lt", shiftRight(own(indices), 32 - BITS), word(threshold(attrs)));
  },
  reference: (inputs, output, attrs) =>
    fromWords(inputs, output, attrs, (own) => (own >>> (32 - BITS) < threshold(attrs) ? 1 : 0)),
  samples: () => bernoulliSamples,
};

const randintSamples = samplesOf(
  [MOST_INTEGERS, 10, 1, 12_345_677].map((below) => ({ below, stream: `draw ${below}` })),
);

const randint: OpDef = {
  name: "randint",
  range: (_inputs, _types, attrs) => [0, number(attrs, "below") - 1],
  doc: "Independent whole numbers int32[blocks, 4] from 0 up to but not including `below`, at most 2²⁴, from the same blocks as bernoulli: ⌊word · below / 2³²⌋ of each random word, without rounding.",
  arity: [2, 3],
  attributes: { blocks: COUNT, below: { kind: "int", least: 1, most: MOST_INTEGERS }, stream: TEXT },
  pattern: "generator",
  infer: (inputs, attrs) => inferBlocks("randint", inputs, attrs, "int32"),
  vjp: (_b, _ct, inputs) => inputs.map(() => undefined),
  backward: { name: "RandintBackward" },
  lower(operands, _output, attrs) {
    const own = wordAt(operands, attrs);
    const below = number(attrs, "below");
    return (indices) => {
      const [upper] = wholeProduct(below, own(indices));
      // Via float32, which holds every number below 2²⁴, for backends that have no other integers.
      return cast(cast(upper, "float32"), "int32");
    };
  },
  reference: (inputs, output, attrs) =>
    fromWords(inputs, output, attrs, (own) => Number((BigInt(own) * BigInt(number(attrs, "below"))) >> 32n)),
  samples: () => randintSamples,
};

export const RANDOM = { bernoulli, randint };
