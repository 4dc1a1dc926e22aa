/**
 * An LSTM that reads words of different lengths and classifies them: whether the brackets in a word close in order.
 * `npx tsx examples/zoo/lstm-classifier.ts` trains it on generated words, and tests it on others.
 */

import { compile, compileTraining, manualSeed, nn, optim, type Tensor, tensor } from "kiln-js";

const LONGEST = 12;
const BATCH = 64;
const INT32 = { dtype: "int32" } as const;
/** 0 is padding. */
const LETTERS = ["", "(", ")", "[", "]"];

export class BracketReader extends nn.Module {
  embedding = new nn.Embedding(LETTERS.length, 16, { paddingIdx: 0 });
  lstm = new nn.LSTM(16, 32, { batchFirst: true });
  head = new nn.Linear(32, 2);

  /** Words [N,T] and their lengths [N]; the scores of "no" and "yes". */
  forward(words: Tensor, lengths: Tensor): Tensor {
    const [, [h]] = this.lstm.forward(this.embedding.forward(words), undefined, { lengths });
    return this.head.forward(h.select(0, -1));
  }
}

const pick = (below: number): number => Math.floor(Math.random() * below);

/** A word whose brackets close in order. */
function balanced(pairs: number): number[] {
  if (pairs === 0) return [];
  const inner = pick(pairs);
  const open = 1 + 2 * pick(2);
  return [open, ...balanced(inner), open + 1, ...balanced(pairs - 1 - inner)];
}

/** Half of the words are changed at one position, so that a type or a direction is wrong. */
function example(): { readonly word: number[]; readonly isBalanced: number } {
  const word = balanced(1 + pick(LONGEST / 2));
  if (Math.random() < 0.5) return { word, isBalanced: 1 };
  const at = pick(word.length);
  word[at] = 1 + ((word[at] + pick(3)) % 4);
  return { word, isBalanced: 0 };
}

/** Words [N,T], padded, their lengths and labels. */
export function batch(size = BATCH): [Tensor, Tensor, Tensor] {
  const examples = Array.from({ length: size }, example);
  const padded = examples.map(({ word }) => [...word, ...new Array<number>(LONGEST - word.length).fill(0)]);
  return [
    tensor(padded, INT32),
    tensor(
      examples.map(({ word }) => word.length),
      INT32,
    ),
    tensor(
      examples.map(({ isBalanced }) => isBalanced),
      INT32,
    ),
  ];
}

/** The inputs for `kiln explore`, `dump` and `bench`. */
export { BracketReader as default };

export const inputs = [
  { shape: [BATCH, LONGEST], ...INT32 },
  { shape: [BATCH], ...INT32 },
];

/** Trains for so many steps; returns the accuracy on new words. */
export async function main(steps = 1500): Promise<number> {
  manualSeed(0);
  const net = new BracketReader();
  const trainer = await compileTraining(net, {
    inputs,
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.Adam(net.parameters(), { lr: 3e-3 }),
    clipGradNorm: 1,
  });
  for (let step = 1; step <= steps; step++) {
    const loss = await trainer.step(...batch());
    if (step % Math.ceil(steps / 6) === 0) console.log(`step ${step}: loss ${loss.toFixed(4)}`);
  }
  const program = await compile(net, { inputs });
  let right = 0;
  for (let k = 0; k < 10; k++) {
    const [words, lengths, targets] = batch();
    const scores = await (await program.run(words, lengths)).array();
    const wanted = await targets.data();
    right += (scores as number[][]).filter(([no, yes], i) => Number(yes > no) === wanted[i]).length;
  }
  return right / (10 * BATCH);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of new words are classified correctly (chance: 50 %)`);
}
