/** Random numbers in a graph: pure functions of a seed, a step and a stream, so that computed again they are the same. */

import { KilnError } from "../core/errors.ts";
import { philox } from "../core/philox.ts";
import type { Attrs } from "../ir/types.ts";
import { cast, compare, int, select, shiftRight, word } from "../loop/build.ts";
import { philoxWords } from "../loop/philox.ts";
import type { Expr } from "../loop/types.ts";
import { describe, number, type OpDef, type Sample, text } from "./definition.ts";
import { generate } from "./ndarray.ts";

/** Numbers that one block of the generator gives. */
export const BLOCK = 4;

/** A word's upper bits that are compared with a probability: as many as a float32 in [0, 1) has. */
const BITS = 24;

const threshold = (attrs: Attrs): number => Math.round(number(attrs, "probability") * 2 ** BITS);

/** The name of a stream as two words: FNV-1a from two starts. */
function streamWords(stream: string): readonly [number, number] {
  const hash = (start: number): number =>
    [...stream].reduce((h, c) => Math.imul(h ^ c.codePointAt(0)!, 0x01000193), start) >>> 0;
  return [hash(0x811c9dc5), hash(0x050c5d1f)];
}

const samples: readonly Sample[] = [0.5, 0.1, 1, 0].flatMap((probability): Sample[] => {
  const word32 = { dtype: "int32" as const, shape: [], below: 2 ** 31 };
  return [1, 50].map((blocks) => ({
    inputs: [word32, word32],
    attrs: { blocks, probability, stream: `drop ${probability}` },
  }));
});

const bernoulli: OpDef = {
  name: "bernoulli",
  doc: "Independent truth values bool[blocks, 4] that hold with `probability` (rounded to 24 bits), from two int32 numbers, the seed and the step. Row i is the block of Philox4x32-10 with the counter (i, step, stream) under the key (seed, 0): no two streams, steps or rows share a block.",
  pattern: "generator",
  infer([seed, step], attrs) {
    for (const type of [seed, step]) {
      if (type?.dtype === "int32" && type.shape.length === 0) continue;
      throw new KilnError(
        `bernoulli expects a seed and a step of type int32[] but got ${type ? describe(type) : "nothing"}`,
      );
    }
    const probability = number(attrs, "probability");
    if (!(probability >= 0 && probability <= 1))
      throw new KilnError(`bernoulli needs a probability between 0 and 1, not ${probability}`);
    return { dtype: "bool", shape: [number(attrs, "blocks"), BLOCK] };
  },
  vjp: () => [undefined, undefined],
  backward: { name: "BernoulliBackward" },
  lower([seed, step], _output, attrs) {
    const [low, high] = streamWords(text(attrs, "stream"));
    const key = [cast(seed.at([]), "uint32"), word(0)] as const;
    const current = cast(step.at([]), "uint32");
    return ([block, position]) => {
      const [w0, w1, w2, w3] = philoxWords([cast(block, "uint32"), current, word(low), word(high)], key);
      const own = [w0, w1, w2].reduceRight<Expr>(
        (rest, w, k) => select(compare("eq", position, int(k)), w, rest),
        w3,
      );
      return compare("lt", shiftRight(own, 32 - BITS), word(threshold(attrs)));
    };
  },
  reference([seed, step], output, attrs) {
    const [low, high] = streamWords(text(attrs, "stream"));
    const words = new Uint32Array(BLOCK);
    return generate(output.shape, ([block, position]) => {
      philox([block, step.data[0], low, high], [seed.data[0], 0], words);
      return words[position] >>> (32 - BITS) < threshold(attrs) ? 1 : 0;
    });
  },
  samples: () => samples,
};

export const RANDOM = { bernoulli };
