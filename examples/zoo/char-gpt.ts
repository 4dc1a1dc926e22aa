/**
 * A small GPT: a causal transformer that learns to write, character by character. `npx tsx examples/zoo/char-gpt.ts` trains
 * it on sentences of a small grammar, has it write some of its own, and counts the words that there are. It writes from a
 * window of fixed length, so that one program serves all characters.
 */

import { arange, compile, compileTraining, manualSeed, nn, optim, type Tensor, tensor } from "kiln";
import { batch, CHARACTERS, draw, encode, knownWords } from "./text.ts";

const WIDTH = 48;
const LENGTH = 48;
const BATCH = 16;
const INT32 = { dtype: "int32" } as const;

export class CharGPT extends nn.Module {
  characters = new nn.Embedding(CHARACTERS.length, WIDTH);
  places = new nn.Embedding(LENGTH, WIDTH);
  blocks = new nn.TransformerEncoder(
    new nn.TransformerEncoderLayer(WIDTH, 4, {
      dimFeedforward: 4 * WIDTH,
      dropout: 0,
      activation: "gelu",
      batchFirst: true,
      normFirst: true,
    }),
    2,
    new nn.LayerNorm(WIDTH),
  );
  head = new nn.Linear(WIDTH, CHARACTERS.length, { bias: false });

  /** The scores of each next character [N,T,characters] for characters [N,T]. */
  forward(characters: Tensor): Tensor {
    const places = this.places.forward(arange(characters.shape[1], INT32));
    const x = this.characters.forward(characters).add(places);
    return this.head.forward(this.blocks.forward(x, { isCausal: true }));
  }
}

/** The mean over all places. */
export class NextCharacterLoss extends nn.Module {
  #loss = new nn.CrossEntropyLoss();

  forward(scores: Tensor, next: Tensor): Tensor {
    return this.#loss.forward(scores.flatten(0, 1), next.flatten());
  }
}

/** Trains for so many steps, then writes; the share of words that there are. */
export async function main(steps = 300, written = 200): Promise<number> {
  manualSeed(0);
  const net = new CharGPT();
  const sequences = { shape: [BATCH, LENGTH], ...INT32 };
  const trainer = await compileTraining(net, {
    inputs: [sequences],
    targets: [sequences],
    loss: new NextCharacterLoss(),
    optimizer: new optim.AdamW(net.parameters(), { lr: 3e-3 }),
    clipGradNorm: 1,
  });
  for (let step = 1; step <= steps; step++) {
    const loss = await trainer.step(...batch(BATCH, LENGTH));
    if (step % 50 === 0) console.log(`step ${step}: loss ${loss.toFixed(4)} per character`);
  }
  const program = await compile(net, { inputs: [{ shape: [1, LENGTH], ...INT32 }] });
  const output = encode("the ");
  for (let k = 0; k < written; k++) {
    const seen = output.slice(-LENGTH);
    // What stands behind the last character is seen by none before it.
    const padded = [...seen, ...new Array<number>(LENGTH - seen.length).fill(0)];
    const scores = await (await program.run(tensor([padded], INT32))).data();
    const from = (seen.length - 1) * CHARACTERS.length;
    output.push(draw(scores.slice(from, from + CHARACTERS.length)));
  }
  const words = output.map((character) => CHARACTERS[character]).join("");
  console.log(words);
  return knownWords(words);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of its words are words`);
}
