/**
 * A small vision transformer: an image is cut into patches, which an encoder reads like the words of a text. `npx tsx
 * examples/zoo/vit.ts` trains it on drawn digits, and tests it on others.
 */

import { cat, compile, compileTraining, data, manualSeed, nn, optim, randn, type Tensor } from "kiln-js";

const SIZE = 24;
const PATCH = 6;
const BATCH = 64;

export class ViT extends nn.Module {
  patches: nn.Conv2d;
  token: nn.Parameter;
  positions: nn.Parameter;
  encoder: nn.TransformerEncoder;
  head: nn.Linear;

  constructor(width = 48, layers = 3, size = SIZE, classes = 10) {
    super();
    const count = (size / PATCH) ** 2;
    this.patches = new nn.Conv2d(1, width, PATCH, { stride: PATCH });
    this.token = new nn.Parameter(randn(1, 1, width).mul(0.02));
    this.positions = new nn.Parameter(randn(1, 1 + count, width).mul(0.02));
    this.encoder = new nn.TransformerEncoder(
      () =>
        new nn.TransformerEncoderLayer(width, 4, {
          dimFeedforward: 2 * width,
          dropout: 0,
          activation: "gelu",
          batchFirst: true,
          normFirst: true,
        }),
      layers,
      new nn.LayerNorm(width),
    );
    this.head = new nn.Linear(width, classes);
  }

  /** Scores [N,classes] of images [N,1,size,size], from a class token in front of the patches [N,patches,width]. */
  forward(images: Tensor): Tensor {
    const patches = this.patches.forward(images).flatten(2).transpose(1, 2);
    const token = this.token.expand(images.shape[0], -1, -1);
    const read = this.encoder.forward(cat([token, patches], 1).add(this.positions));
    return this.head.forward(read.select(1, 0));
  }
}

/** The inputs for `kiln explore`, `dump` and `bench`. */
export { ViT as default };

export const inputs = [[BATCH, 1, SIZE, SIZE]];

/** Trains for so many epochs, each over so many digits; returns the accuracy on new digits. */
export async function main(epochs = 4, count = 6400, layers = 3): Promise<number> {
  manualSeed(0);
  const net = new ViT(48, layers);
  const digits = data.syntheticDigits({ train: true, size: SIZE, count });
  const loader = new data.DataLoader(digits, { batchSize: BATCH, shuffle: true });
  const optimizer = new optim.AdamW(net.parameters(), { lr: 2e-3, weightDecay: 0.01 });
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, { inputs, loss, optimizer, clipGradNorm: 1 });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let sum = 0;
    for await (const [images, labels] of loader) sum += await trainer.step(images, labels);
    console.log(`epoch ${epoch}: loss ${(sum / loader.length).toFixed(4)}`);
  }
  const program = await compile(net, { inputs });
  const others = data.syntheticDigits({ train: false, size: SIZE, count: 640 });
  let right = 0;
  for await (const [images, labels] of new data.DataLoader(others, { batchSize: BATCH })) {
    const read = await (await program.run(images)).argmax(1).data();
    const wanted = await labels.data();
    right += read.filter((digit, k) => digit === wanted[k]).length;
  }
  return right / others.length;
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of new digits are classified correctly (chance: 10 %)`);
}
