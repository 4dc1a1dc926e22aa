/**
 * A U-Net for segmentation. `npx tsx examples/zoo/unet.ts` trains it on drawn, overlapping shapes, and measures on new
 * ones how well its predictions cover the shapes (IoU). It upsamples with `F.interpolate` instead of transposed
 * convolutions.
 */

import { cat, compile, compileTraining, F, manualSeed, nn, optim, type Tensor } from "kiln-js";
import { KINDS, scenes } from "./shapes.ts";

const BATCH = 16;
const SIZE = 32;
const SHAPES = 2;

const convolution = (inChannels: number, channels: number): nn.Module[] => [
  new nn.Conv2d(inChannels, channels, 3, { padding: 1, bias: false }),
  new nn.BatchNorm2d(channels),
  new nn.ReLU(),
];

const twice = (inChannels: number, channels: number): nn.Sequential =>
  new nn.Sequential(...convolution(inChannels, channels), ...convolution(channels, channels));

export class UNet extends nn.Module {
  down1: nn.Sequential;
  down2: nn.Sequential;
  bottom: nn.Sequential;
  up2: nn.Sequential;
  up1: nn.Sequential;
  head: nn.Conv2d;

  constructor(classes = KINDS.length + 1, width = 16) {
    super();
    this.down1 = twice(3, width);
    this.down2 = twice(width, 2 * width);
    this.bottom = twice(2 * width, 4 * width);
    this.up2 = twice(4 * width + 2 * width, 2 * width);
    this.up1 = twice(2 * width + width, width);
    this.head = new nn.Conv2d(width, classes, 1);
  }

  /** The scores of the classes at each pixel [N,classes,H,W] of images [N,3,H,W]; H and W are multiples of 4. */
  forward(x: Tensor): Tensor {
    const fine = this.down1.forward(x);
    const coarse = this.down2.forward(F.maxPool2d(fine, 2));
    x = this.bottom.forward(F.maxPool2d(coarse, 2));
    x = this.up2.forward(cat([coarse, enlarged(x)], 1));
    x = this.up1.forward(cat([fine, enlarged(x)], 1));
    return this.head.forward(x);
  }
}

const enlarged = (x: Tensor): Tensor => F.interpolate(x, { scaleFactor: 2, mode: "bilinear" });

/** Intersection over union of each class, and their mean, of predictions and targets. */
class Overlap {
  readonly #both = new Float64Array(KINDS.length + 1);
  readonly #either = new Float64Array(KINDS.length + 1);

  add(said: ArrayLike<number>, there: ArrayLike<number>): void {
    for (let k = 0; k < said.length; k++) {
      this.#either[said[k]]++;
      if (said[k] === there[k]) this.#both[said[k]]++;
      else this.#either[there[k]]++;
    }
  }

  get mean(): number {
    const each = this.#both.map((both, k) => both / Math.max(1, this.#either[k]));
    return each.reduce((sum, value) => sum + value, 0) / each.length;
  }
}

/** The inputs for `kiln explore`, `dump` and `bench`. */
export { UNet as default };

export const inputs = [[BATCH, 3, SIZE, SIZE]];

/** Trains for so many steps; returns the mean IoU over the classes, including the background, on new images. */
export async function main(steps = 400, tested = 8): Promise<number> {
  manualSeed(0);
  const net = new UNet();
  const optimizer = new optim.AdamW(net.parameters(), { lr: 5e-3 });
  const schedule = new optim.lrScheduler.CosineAnnealingLR(optimizer, steps);
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, { inputs, loss, optimizer });
  for (let step = 1; step <= steps; step++) {
    const { images, masks } = scenes(BATCH, SIZE, SHAPES);
    const value = await trainer.step(images, masks);
    schedule.step();
    if (step % Math.ceil(steps / 6) === 0) console.log(`step ${step}: loss ${value.toFixed(4)} per pixel`);
  }
  const program = await compile(net, { inputs });
  const overlap = new Overlap();
  for (let k = 0; k < tested; k++) {
    const { images, masks } = scenes(BATCH, SIZE, SHAPES);
    const said = (await program.run(images)).argmax(1);
    overlap.add(await said.data(), await masks.data());
  }
  return overlap.mean;
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const iou = await main();
  console.log(`mean IoU: ${(100 * iou).toFixed(1)} %`);
}
