/**
 * A transformer encoder that reads reviews and answers questions: the first word is a thing, and whether it was good is
 * somewhere in the text, for several things and with "not". `npx tsx examples/zoo/text-classifier.ts` trains it on
 * generated reviews of different lengths: padding is hidden from attention by a mask.
 */

import { compile, compileTraining, manualSeed, nn, optim, type Tensor, tensor } from "kiln-js";
import { sinusoidal } from "./positions.ts";

const BATCH = 64;
const INT32 = { dtype: "int32" } as const;
const THINGS = ["food", "room", "staff", "music"];
const GOOD = ["good", "great"];
const BAD = ["bad", "poor"];
/** The number of a word is its index; 0 is padding. */
const WORDS = ["", "not", ...THINGS, ...GOOD, ...BAD];
/** The question and, for each of three things, "food not good". */
const LONGEST = 1 + 3 * 3;

export class TextClassifier extends nn.Module {
  embedding: nn.Embedding;
  encoder: nn.TransformerEncoder;
  head: nn.Linear;

  constructor(width = 32) {
    super();
    this.embedding = new nn.Embedding(WORDS.length, width, { paddingIdx: 0 });
    this.encoder = new nn.TransformerEncoder(
      () =>
        new nn.TransformerEncoderLayer(width, 4, {
          dimFeedforward: 2 * width,
          dropout: 0,
          batchFirst: true,
          normFirst: true,
        }),
      2,
      new nn.LayerNorm(width),
    );
    this.head = new nn.Linear(width, 2);
  }

  /** Texts [N,T], padded with 0; the scores of "no" and "yes", from the position of the question. */
  forward(words: Tensor): Tensor {
    const [, length] = words.shape;
    const embedded = this.embedding.forward(words);
    const x = embedded.add(sinusoidal(length, embedded.shape[2]));
    const read = this.encoder.forward(x, { srcKeyPaddingMask: words.eq(0) });
    return this.head.forward(read.select(1, 0));
  }
}

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)];
const isHeads = (): boolean => Math.random() < 0.5;

/** A question with a text about one to three things, and whether the answer is yes. */
function example(): { readonly text: string; readonly isGood: boolean } {
  const things = [...THINGS].sort(() => Math.random() - 0.5).slice(0, pick([1, 2, 3]));
  const clauses = things.map((thing) => {
    const [isNot, isGood] = [isHeads(), isHeads()];
    const words = `${thing} ${isNot ? "not " : ""}${pick(isGood ? GOOD : BAD)}`;
    return { thing, words, isGood: isGood !== isNot };
  });
  const { thing, isGood } = pick(clauses);
  return { text: `${thing} ${clauses.map(({ words }) => words).join(" ")}`, isGood };
}

/** The numbers of a text's words, padded. */
function numbers(text: string): number[] {
  const words = text.split(" ").map((word) => WORDS.indexOf(word));
  return [...words, ...new Array<number>(LONGEST - words.length).fill(0)];
}

function batch(): [texts: Tensor, answers: Tensor] {
  const examples = Array.from({ length: BATCH }, example);
  const answers = Int32Array.from(examples, ({ isGood }) => Number(isGood));
  return [
    tensor(
      examples.map(({ text }) => numbers(text)),
      INT32,
    ),
    tensor(answers),
  ];
}

/** The inputs for `kiln explore`, `dump` and `bench`. */
export { TextClassifier as default };

export const inputs = [{ shape: [BATCH, LONGEST], ...INT32 }];

/** Trains for so many steps; returns the accuracy on new questions. */
export async function main(steps = 1000): Promise<number> {
  manualSeed(0);
  const net = new TextClassifier();
  const trainer = await compileTraining(net, {
    inputs,
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.AdamW(net.parameters(), { lr: 3e-3 }),
    clipGradNorm: 1,
  });
  for (let step = 1; step <= steps; step++) {
    const loss = await trainer.step(...batch());
    if (step % 200 === 0) console.log(`step ${step}: loss ${loss.toFixed(4)}`);
  }
  const program = await compile(net, { inputs });
  let right = 0;
  for (let k = 0; k < 10; k++) {
    const [texts, answers] = batch();
    const scores = (await (await program.run(texts)).array()) as number[][];
    const wanted = await answers.data();
    right += scores.filter(([no, yes], i) => Number(yes > no) === wanted[i]).length;
  }
  return right / (10 * BATCH);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of new questions are answered correctly (chance: 50 %)`);
}
