/**
 * A small GPT: a causal transformer that learns to write, character by character. `npx tsx examples/zoo/char-gpt.ts` trains
 * it on sentences of a small grammar, has it write some of its own, and counts the words that exist. Positions are
 * rotations of queries and keys, so there is no last one: a text may become longer than those it was trained on.
 */

import { arange, compileTraining, manualSeed, nn, optim, type Tensor } from "kiln-js";
import { KeyValueCache, type LanguageModel, writeWithCache } from "./generation.ts";
import { Block } from "./gpt-block.ts";
import { batch, CHARACTERS, draw, encode, knownWords } from "./text.ts";

const WIDTH = 48;
const HEADS = 4;
const LENGTH = 48;
const BATCH = 16;
const INT32 = { dtype: "int32" } as const;

export class CharGPT extends nn.Module implements LanguageModel {
  characters: nn.Embedding;
  blocks: nn.ModuleList<Block>;
  norm: nn.LayerNorm;
  head: nn.Linear;
  readonly length: number;

  /** Each position of each block sees the last `length` positions. */
  constructor(width = WIDTH, length = LENGTH) {
    super();
    this.characters = new nn.Embedding(CHARACTERS.length, width);
    this.blocks = new nn.ModuleList([new Block(width, HEADS, length), new Block(width, HEADS, length)]);
    this.norm = new nn.LayerNorm(width);
    this.head = new nn.Linear(width, CHARACTERS.length, { bias: false });
    this.length = length;
  }

  /** The scores of each next character [N,T,characters] for characters [N,T] at positions [T]. */
  forward(
    characters: Tensor,
    positions = arange(characters.shape[1], INT32),
    caches: readonly KeyValueCache[] = [],
  ): Tensor {
    let x = this.characters.forward(characters);
    for (const [k, block] of [...this.blocks].entries()) x = block.forward(x, positions, caches[k]);
    return this.head.forward(this.norm.forward(x));
  }

  caches(batch: number): KeyValueCache[] {
    const width = this.head.inFeatures / HEADS;
    return [...this.blocks].map(() => new KeyValueCache(batch, HEADS, this.length, width));
  }
}

/** The mean over all positions. */
export class NextCharacterLoss extends nn.Module {
  #loss = new nn.CrossEntropyLoss();

  forward(scores: Tensor, next: Tensor): Tensor {
    return this.#loss.forward(scores.flatten(0, 1), next.flatten());
  }
}

/** The inputs for `kiln explore`, `dump` and `bench`. */
export { CharGPT as default };

export const inputs = [{ shape: [BATCH, LENGTH], ...INT32 }];
export const targets = inputs;
export const loss = new NextCharacterLoss();

/** Trains for so many steps, then writes; returns the share of words that exist. */
export async function main(steps = 300, written = 200): Promise<number> {
  manualSeed(0);
  const net = new CharGPT();
  const trainer = await compileTraining(net, {
    inputs,
    targets,
    loss,
    optimizer: new optim.AdamW(net.parameters(), { lr: 3e-3 }),
    clipGradNorm: 1,
  });
  for (let step = 1; step <= steps; step++) {
    const value = await trainer.step(...batch(BATCH, LENGTH));
    if (step % Math.ceil(steps / 6) === 0)
      console.log(`step ${step}: loss ${value.toFixed(4)} per character`);
  }
  const output = await writeWithCache(net, encode("the "), written, draw);
  const words = output.map((character) => CHARACTERS[character]).join("");
  console.log(words);
  return knownWords(words);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of its words exist`);
}
