/**
 * Matrix factorisation (Koren, Bell and Volinsky 2009): a few numbers for each user and each item, learned from known
 * ratings, predict the others. `npx tsx examples/zoo/matrix-factorisation.ts` generates ratings of users with
 * hidden tastes, trains on some of them and predicts the rest.
 */

import { compile, compileTraining, data, manualSeed, nn, optim, type Tensor, tensor } from "kiln-js";

const USERS = 120;
const ITEMS = 80;
const FACTORS = 4;
const BATCH = 128;
const INT32 = { dtype: "int32" } as const;

export class MatrixFactorisation extends nn.Module {
  user: nn.Embedding;
  item: nn.Embedding;
  userBias: nn.Embedding;
  itemBias: nn.Embedding;

  constructor(users = USERS, items = ITEMS, factors = FACTORS) {
    super();
    this.user = new nn.Embedding(users, factors);
    this.item = new nn.Embedding(items, factors);
    this.userBias = new nn.Embedding(users, 1);
    this.itemBias = new nn.Embedding(items, 1);
  }

  /** Users [N] and items [N] to ratings [N]. */
  forward(users: Tensor, items: Tensor): Tensor {
    const match = this.user.forward(users).mul(this.item.forward(items)).sum(1, true);
    return match.add(this.userBias.forward(users)).add(this.itemBias.forward(items)).squeeze(1);
  }
}

/** An approximately normal number of mean 0 and deviation 1. */
const bell = (): number => 2 * (Math.random() + Math.random() + Math.random() - 1.5);

/**
 * Generated ratings: users and items at random, rated by two tastes, the user's and the item's bias, and some noise.
 */
export function ratings(count: number): data.TensorDataset<[Tensor, Tensor, Tensor]> {
  const traits = (rows: number): number[][] => Array.from({ length: rows }, () => [bell(), bell(), bell()]);
  const [people, things] = [traits(USERS), traits(ITEMS)];
  const pairs = new Set<number>();
  while (pairs.size < count) pairs.add(Math.floor(Math.random() * USERS * ITEMS));
  const users = [...pairs].map((pair) => Math.floor(pair / ITEMS));
  const items = [...pairs].map((pair) => pair % ITEMS);
  const given = users.map((user, k) => {
    const [[a, b, kind], [c, d, good]] = [people[user], things[items[k]]];
    return a * c + b * d + 0.5 * (kind + good) + 0.2 * bell();
  });
  return new data.TensorDataset(tensor(users, INT32), tensor(items, INT32), tensor(given));
}

/** The error of predictions of a dataset's ratings, and that of predicting 0: root mean squares. */
async function errors(
  net: MatrixFactorisation,
  { tensors: [users, items, given] }: ReturnType<typeof ratings>,
): Promise<[number, number]> {
  const { shape } = users;
  const program = await compile(net, {
    inputs: [
      { shape, ...INT32 },
      { shape, ...INT32 },
    ],
  });
  const [predicted, wanted] = [await (await program.run(users, items)).data(), await given.data()];
  const root = (numbers: readonly number[]): number =>
    Math.sqrt(numbers.reduce((sum, number) => sum + number ** 2, 0) / numbers.length);
  return [root([...wanted].map((value, k) => value - predicted[k])), root([...wanted])];
}

/** Trains for so many epochs; returns the error for unseen ratings, and that of predicting 0 for each of them. */
export async function main(epochs = 100, count = 4000): Promise<[error: number, baseline: number]> {
  manualSeed(0);
  const all = ratings(count);
  const { tensors } = all;
  const cut = Math.floor(0.8 * count);
  const part = (begin: number, end: number): ReturnType<typeof ratings> => {
    const [users, items, given] = tensors.map((t) => t.narrow(0, begin, end - begin));
    return new data.TensorDataset(users, items, given);
  };
  const loader = new data.DataLoader(part(0, cut), { batchSize: BATCH, shuffle: true, dropLast: true });
  const net = new MatrixFactorisation();
  const trainer = await compileTraining(net, {
    inputs: [
      { shape: [BATCH], ...INT32 },
      { shape: [BATCH], ...INT32 },
    ],
    loss: new nn.MSELoss(),
    optimizer: new optim.AdamW(net.parameters(), { lr: 0.01, weightDecay: 0.5 }),
  });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let loss = 0;
    for await (const [users, items, given] of loader) loss = await trainer.step(users, items, given);
    if (epoch % 20 === 0) console.log(`epoch ${epoch}: loss ${loss.toFixed(4)}`);
  }
  return errors(net, part(cut, count));
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const [error, baseline] = await main();
  console.log(
    `unseen ratings are predicted within ${error.toFixed(2)} (predicting 0: ${baseline.toFixed(2)})`,
  );
}
