/**
 * A variational autoencoder of digits. `npx tsx examples/zoo/vae.ts` trains it on synthetic digits, prints the two
 * parts of its loss, and measures how much sixteen numbers preserve of unseen digits: the share of the pixels'
 * variance that it reconstructs. Then it draws digits of its own, from random numbers.
 */

import {
  compile,
  compileTraining,
  data,
  F,
  manualSeed,
  nn,
  optim,
  randn,
  randnLike,
  type Tensor,
} from "kiln-js";

const SIZE = 16;
const PIXELS = SIZE * SIZE;
const BATCH = 64;

/** Logits of pixels, and the normal distribution of the code that they were decoded from. */
type Coded = { readonly logits: Tensor; readonly mean: Tensor; readonly logVariance: Tensor };

export class VAE extends nn.Module {
  encoder: nn.Sequential;
  mean: nn.Linear;
  logVariance: nn.Linear;
  decoder: nn.Sequential;

  constructor(hidden = 256, code = 16) {
    super();
    this.encoder = new nn.Sequential(new nn.Linear(PIXELS, hidden), new nn.ReLU());
    this.mean = new nn.Linear(hidden, code);
    this.logVariance = new nn.Linear(hidden, code);
    this.decoder = new nn.Sequential(
      new nn.Linear(code, hidden),
      new nn.ReLU(),
      new nn.Linear(hidden, PIXELS),
    );
  }

  /** For images [N,1,size,size]; the code is sampled, or computed with the given `noise` [N,code]. */
  forward(images: Tensor, noise?: Tensor): Coded {
    const seen = this.encoder.forward(images.flatten(1));
    const [mean, logVariance] = [this.mean.forward(seen), this.logVariance.forward(seen)];
    const drawn = noise ?? (this.training ? randnLike(mean) : mean.mul(0));
    const code = mean.add(logVariance.mul(0.5).exp().mul(drawn));
    return { logits: this.decoder.forward(code), mean, logVariance };
  }
}

/** The evidence lower bound, negative, and its two parts, in nats per image. */
export class EvidenceLoss extends nn.Module {
  forward({ logits, mean, logVariance }: Coded, images: Tensor) {
    const reconstruction = F.binaryCrossEntropyWithLogits(logits, images.flatten(1), { reduction: "sum" });
    const kl = logVariance.add(1).sub(mean.square()).sub(logVariance.exp()).sum().mul(-0.5);
    const count = images.size(0);
    return {
      loss: reconstruction.add(kl).div(count),
      reconstruction: reconstruction.div(count),
      kl: kl.div(count),
    };
  }
}

const loaderOf = (train: boolean, count: number): data.DataLoader =>
  new data.DataLoader(data.syntheticDigits({ train, count, size: SIZE }), {
    batchSize: BATCH,
    shuffle: train,
    dropLast: true,
  });

/** Images as text, side by side. */
const shown = (rows: readonly (readonly (readonly number[])[])[]): string =>
  Array.from({ length: SIZE }, (_, y) =>
    rows.map((image) => image[y].map((ink) => " .:*#"[Math.min(4, Math.floor(ink * 5))]).join("")).join("  "),
  ).join("\n");

/** Trains for so many epochs of `count` digits; returns the share of unseen digits' variance that is reconstructed. */
export async function main(epochs = 30, count = 4096): Promise<number> {
  manualSeed(0);
  const net = new VAE();
  const images = [BATCH, 1, SIZE, SIZE];
  const trainer = await compileTraining(net, {
    inputs: [images],
    targets: [images],
    loss: new EvidenceLoss(),
    optimizer: new optim.Adam(net.parameters(), { lr: 3e-3 }),
  });
  const [train, test] = [loaderOf(true, count), loaderOf(false, 4 * BATCH)];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const sums = { reconstruction: 0, kl: 0 };
    for await (const [digits] of train.batches(epoch)) {
      const { losses } = await trainer.step(digits, digits, { losses: true });
      sums.reconstruction += losses.reconstruction / train.length;
      sums.kl += losses.kl / train.length;
    }
    console.log(`epoch ${epoch}: reconstruction ${sums.reconstruction.toFixed(2)}, kl ${sums.kl.toFixed(2)}`);
  }
  const program = await compile(net, { inputs: [images] });
  let [lost, variance] = [0, 0];
  for await (const [digits] of test) {
    const { logits } = await program.run(digits);
    const flat = digits.flatten(1);
    lost += await logits.sigmoid().sub(flat).square().sum().item();
    variance += await flat.sub(flat.mean(0)).square().sum().item();
  }
  const drawn = net.decoder.forward(randn(5, net.mean.outFeatures)).sigmoid().view(5, SIZE, SIZE);
  console.log(shown((await drawn.array()) as number[][][]));
  return 1 - lost / variance;
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`its codes keep ${(100 * share).toFixed(1)} % of the variance of unseen digits`);
}
