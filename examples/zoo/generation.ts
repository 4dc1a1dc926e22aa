/**
 * How a language model writes, token by token, although programs have static shapes: with a key–value cache, so that
 * one program of one token serves all positions, or from a padded text, so that a program serves many lengths.
 */

import { compile, nn, noGrad, type Tensor, tensor, zeros } from "kiln-js";

const INT32 = { dtype: "int32" } as const;

/** Keys and values [N,heads,S,E], and their positions in the text, [S]. */
export type Seen = Readonly<Record<"keys" | "values" | "positions", Tensor>>;

/** The keys and values of the last `length` positions, in buffers that programs write to. */
export class KeyValueCache extends nn.Module {
  declare readonly keys: Tensor;
  declare readonly values: Tensor;
  declare readonly positions: Tensor;

  constructor(batch: number, heads: number, length: number, width: number) {
    super();
    // The cache is not part of a saved model.
    const options = { persistent: false };
    this.registerBuffer("keys", zeros(batch, heads, length, width), options);
    this.registerBuffer("values", zeros(batch, heads, length, width), options);
    // So far back that no query sees it.
    this.registerBuffer("positions", tensor(new Int32Array(length).fill(-length)), options);
  }

  /** Stores the keys and values of one more position in place of the oldest, and returns all. */
  forward({ keys, values, positions }: Seen): Seen {
    if (positions.shape[0] !== 1) throw new Error("a cache takes one place in at a time");
    const slot = positions.remainder(this.positions.shape[0]);
    noGrad(() => {
      this.keys.indexCopy_(2, slot, keys);
      this.values.indexCopy_(2, slot, values);
      this.positions.indexCopy_(0, slot, positions);
    });
    return { keys: this.keys, values: this.values, positions: this.positions };
  }
}

/** A net that gives the scores of each next token [N,T,tokens] for tokens [N,T] at positions [T]. */
export interface LanguageModel extends nn.Module {
  forward(tokens: Tensor, positions?: Tensor, caches?: readonly KeyValueCache[]): Tensor;
  /** Empty caches, one for each of its layers. */
  caches(batch: number): KeyValueCache[];
}

/** The net for generation: one token [N,1] and its position [1] at a time. */
class Writer extends nn.Module {
  net: LanguageModel;
  caches: nn.ModuleList<KeyValueCache>;

  constructor(net: LanguageModel, batch: number) {
    super();
    this.net = net;
    this.caches = new nn.ModuleList(net.caches(batch));
  }

  forward(token: Tensor, position: Tensor): Tensor {
    return this.net.forward(token, position, [...this.caches]);
  }
}

/** Chooses the next token by the scores of all. */
type Choose = (scores: ArrayLike<number>) => number;

/** The prompt and `count` more tokens; one program, whose work does not grow with the text. */
export async function writeWithCache(
  net: LanguageModel,
  prompt: readonly number[],
  count: number,
  choose: Choose,
): Promise<number[]> {
  const inputs = [
    { shape: [1, 1], ...INT32 },
    { shape: [1], ...INT32 },
  ];
  const program = await compile(new Writer(net, 1), { inputs, dynamicShapes: "none" });
  const text = [...prompt];
  for (let position = 0; position < prompt.length + count - 1; position++) {
    const scores = await program.run(tensor([[text[position]]], INT32), tensor([position], INT32));
    if (position >= prompt.length - 1) text.push(choose(await scores.data()));
  }
  return text;
}

/**
 * The same without a cache: the whole text is read again for each token, padded to a multiple of `bucket`, so that only
 * every `bucket` tokens need another program. No token sees those after it.
 */
export async function writeInBuckets(
  net: LanguageModel,
  prompt: readonly number[],
  count: number,
  choose: Choose,
  bucket = 16,
): Promise<number[]> {
  const program = await compile(net, { inputs: [{ shape: [1, bucket], ...INT32 }] });
  const text = [...prompt];
  for (let k = 0; k < count; k++) {
    const padding = Math.ceil(text.length / bucket) * bucket - text.length;
    const scores = await program.run(tensor([[...text, ...new Array<number>(padding).fill(0)]], INT32));
    const tokens = scores.shape[2];
    const from = (text.length - 1) * tokens;
    text.push(choose((await scores.data()).subarray(from, from + tokens)));
  }
  return text;
}
