/**
 * MobileNetV2: inverted residuals of depthwise separable convolutions. `npx tsx examples/zoo/mobilenet.ts` trains it to
 * classify the shapes in pictures, and tests it on new pictures; to
 * finish within a minute it has 6 of the paper's 17 blocks.
 */

import { compile, compileTraining, F, manualSeed, nn, optim, type Tensor } from "kiln-js";
import { KINDS, scenes } from "./shapes.ts";

const BATCH = 32;
const SIZE = 32;

/** Blocks of one kind: how much wider they are inside, their channels, how many there are, and the first one's stride. */
export type Stage = readonly [expand: number, channels: number, count: number, stride: number];

/** The paper's. */
const MOBILENET_V2: readonly Stage[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/** For small images. */
const SMALL: readonly Stage[] = [
  [1, 16, 1, 1],
  [4, 24, 2, 2],
  [4, 32, 2, 2],
  [4, 48, 1, 2],
];

/** A convolution that keeps the size except for its stride, normalised, with ReLU6. */
const convolution = (
  inChannels: number,
  channels: number,
  kernelSize: number,
  stride = 1,
  groups = 1,
): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(inChannels, channels, kernelSize, stride, {
      padding: (kernelSize - 1) / 2,
      groups,
      bias: false,
    }),
    new nn.BatchNorm2d(channels),
    new nn.ReLU6(),
  );

/** Widens, filters each channel by itself, and narrows; adds its input if the shape stays the same. */
class InvertedResidual extends nn.Module {
  readonly isResidual: boolean;
  conv: nn.Sequential;

  constructor(inChannels: number, channels: number, stride: number, expand: number) {
    super();
    const wide = inChannels * expand;
    this.isResidual = stride === 1 && inChannels === channels;
    this.conv = new nn.Sequential(
      ...(expand === 1 ? [] : [convolution(inChannels, wide, 1)]),
      convolution(wide, wide, 3, stride, wide),
      new nn.Conv2d(wide, channels, 1, { bias: false }),
      new nn.BatchNorm2d(channels),
    );
  }

  forward(x: Tensor): Tensor {
    const out = this.conv.forward(x);
    return this.isResidual ? x.add(out) : out;
  }
}

/** The scores of the classes [N,classes] of images [N,3,H,W]; torchvision's names for everything it has. */
export class MobileNetV2 extends nn.Module {
  features: nn.Sequential;
  classifier: nn.Sequential;

  constructor(classes = 1000, stages = MOBILENET_V2, lastChannels = 1280, stride = 2, dropout = 0.2) {
    super();
    let channels = 32;
    const layers: nn.Module[] = [convolution(3, channels, 3, stride)];
    for (const [expand, out, count, first] of stages) {
      for (let k = 0; k < count; k++) {
        layers.push(new InvertedResidual(channels, out, k === 0 ? first : 1, expand));
        channels = out;
      }
    }
    layers.push(convolution(channels, lastChannels, 1));
    this.features = new nn.Sequential(...layers);
    this.classifier = new nn.Sequential(new nn.Dropout(dropout), new nn.Linear(lastChannels, classes));
  }

  forward(x: Tensor): Tensor {
    const features = this.features.forward(x);
    return this.classifier.forward(F.adaptiveAvgPool2d(features, 1).flatten(1));
  }
}

/** The inputs for `kiln explore`, `dump` and `bench`. */
export const inputs = [[BATCH, 3, SIZE, SIZE]];

export default function small(stages: readonly Stage[] = SMALL): MobileNetV2 {
  return new MobileNetV2(KINDS.length, stages, 192, 1);
}

/** Trains for so many steps; returns the accuracy on new pictures. */
export async function main(steps = 240, tested = 16, stages = SMALL): Promise<number> {
  manualSeed(0);
  const net = small(stages);
  const optimizer = new optim.AdamW(net.parameters(), { lr: 3e-3 });
  const schedule = new optim.lrScheduler.CosineAnnealingLR(optimizer, steps);
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, { inputs, loss, optimizer });
  for (let step = 1; step <= steps; step++) {
    const { images, kinds } = scenes(BATCH, SIZE, 1);
    const value = await trainer.step(images, kinds);
    schedule.step();
    if (step % Math.ceil(steps / 6) === 0) console.log(`step ${step}: loss ${value.toFixed(4)}`);
  }
  const program = await compile(net, { inputs });
  let right = 0;
  for (let k = 0; k < tested; k++) {
    const { images, kinds } = scenes(BATCH, SIZE, 1);
    right += await (await program.run(images)).argmax(1).eq(kinds).sum().item();
  }
  return right / (tested * BATCH);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of new pictures are classified correctly (chance: 20 %)`);
}
