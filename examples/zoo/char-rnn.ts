/**
 * A GRU that learns to write, character by character. `npx tsx examples/zoo/char-rnn.ts` trains it on sentences of a small
 * grammar, has it write some of its own, and counts the words that there are. Writing needs one step for each
 * character: what has been read is carried in the state.
 */

import { compile, compileTraining, manualSeed, nn, optim, type Tensor, tensor, zeros } from "kiln";
import { batch, CHARACTERS, draw, knownWords } from "./text.ts";

const HIDDEN = 96;
const LENGTH = 48;
const BATCH = 16;
const INT32 = { dtype: "int32" } as const;

export class CharRNN extends nn.Module {
  embedding = new nn.Embedding(CHARACTERS.length, 24);
  gru = new nn.GRU(24, HIDDEN, { batchFirst: true });
  head = new nn.Linear(HIDDEN, CHARACTERS.length);

  /** The scores of each next character for characters [N,T], and the state [1,N,hidden] behind them. */
  forward(characters: Tensor, state: Tensor): [scores: Tensor, state: Tensor] {
    const [out, h] = this.gru.forward(this.embedding.forward(characters), state);
    return [this.head.forward(out), h];
  }
}

/** The mean over all places; the state is no part of it. */
export class NextCharacterLoss extends nn.Module {
  #loss = new nn.CrossEntropyLoss();

  forward(scores: Tensor, _state: Tensor, next: Tensor): Tensor {
    return this.#loss.forward(scores.flatten(0, 1), next.flatten());
  }
}

/** Trains for so many steps, then writes; the share of words that there are. */
export async function main(steps = 200, written = 300): Promise<number> {
  manualSeed(0);
  const net = new CharRNN();
  const sequences = { shape: [BATCH, LENGTH], ...INT32 };
  const trainer = await compileTraining(net, {
    inputs: [sequences, [1, BATCH, HIDDEN]],
    targets: [sequences],
    loss: new NextCharacterLoss(),
    optimizer: new optim.Adam(net.parameters(), { lr: 5e-3 }),
    clipGradNorm: 1,
  });
  const start = zeros(1, BATCH, HIDDEN);
  for (let step = 1; step <= steps; step++) {
    const [characters, next] = batch(BATCH, LENGTH);
    const loss = await trainer.step(characters, start, next);
    if (step % Math.ceil(steps / 6) === 0) console.log(`step ${step}: loss ${loss.toFixed(4)} per character`);
  }
  const program = await compile(net, { inputs: [{ shape: [1, 1], ...INT32 }, [1, 1, HIDDEN]] });
  let [character, state, output] = [CHARACTERS.indexOf(" "), zeros(1, 1, HIDDEN), ""];
  for (let k = 0; k < written; k++) {
    const [scores, next] = await program.run(tensor([[character]], INT32), state);
    [character, state] = [draw(await scores.data()), next];
    output += CHARACTERS[character];
  }
  console.log(output);
  return knownWords(output);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of its words are words`);
}
