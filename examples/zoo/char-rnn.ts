/**
 * An LSTM that learns to write, character by character. `npx tsx examples/zoo/char-rnn.ts` feeds it endless texts piece
 * by piece, each step starting from the final state of the last one (truncated
 * backpropagation through time). Then it writes texts of its own, and the words among
 * them that exist are counted. Reading and writing carry the state from run to run.
 */

import { compile, compileTraining, manualSeed, nn, optim, type Tensor, tensor, zeros } from "kiln-js";
import { CHARACTERS, draw, knownWords, reader } from "./text.ts";

const HIDDEN = 96;
const LENGTH = 48;
const BATCH = 16;
const INT32 = { dtype: "int32" } as const;

/** The state of an LSTM for `count` texts, each [1,count,hidden]. */
type State = [h: Tensor, c: Tensor];
export const noState = (count: number, hidden = HIDDEN): State => [
  zeros(1, count, hidden),
  zeros(1, count, hidden),
];

export class CharRNN extends nn.Module {
  embedding = new nn.Embedding(CHARACTERS.length, 24);
  lstm: nn.LSTM;
  head: nn.Linear;

  constructor(hidden = HIDDEN) {
    super();
    this.lstm = new nn.LSTM(24, hidden, { batchFirst: true });
    this.head = new nn.Linear(hidden, CHARACTERS.length);
  }

  /** The scores of each next character for characters [N,T], and the state after them. */
  forward(characters: Tensor, state: State): [scores: Tensor, state: State] {
    const [out, next] = this.lstm.forward(this.embedding.forward(characters), state);
    return [this.head.forward(out), next];
  }
}

/** The mean over all positions. */
export class NextCharacterLoss extends nn.Module {
  #loss = new nn.CrossEntropyLoss();

  forward(scores: Tensor, next: Tensor): Tensor {
    return this.#loss.forward(scores.flatten(0, 1), next.flatten());
  }
}

/** Trains for so many steps, then writes; returns the share of words that exist. */
export async function main(steps = 200, written = 300): Promise<number> {
  manualSeed(0);
  const net = new CharRNN();
  const pieces = { shape: [BATCH, LENGTH], ...INT32 };
  const trainer = await compileTraining(net, {
    inputs: [pieces],
    carried: noState(BATCH),
    targets: [pieces],
    loss: new NextCharacterLoss(),
    optimizer: new optim.Adam(net.parameters(), { lr: 5e-3 }),
    clipGradNorm: 1,
  });
  const read = reader(BATCH, LENGTH);
  for (let step = 1; step <= steps; step++) {
    const loss = await trainer.step(...read());
    if (step % Math.ceil(steps / 6) === 0) console.log(`step ${step}: loss ${loss.toFixed(4)} per character`);
  }
  const program = await compile(net, { inputs: [{ shape: [1, 1], ...INT32 }], carried: noState(1) });
  let [character, output] = [CHARACTERS.indexOf(" "), ""];
  for (let k = 0; k < written; k++) {
    const scores = await program.run(tensor([[character]], INT32));
    character = draw(await scores.data());
    output += CHARACTERS[character];
  }
  console.log(output);
  return knownWords(output);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of its words exist`);
}
