/**
 * ResNet-18 in the form for small images: no pooling and no stride before the four stages. `npx tsx examples/zoo/resnet.ts`
 * trains it on synthetic digits and tests it on others; to finish within a minute it is a quarter as
 * wide as the paper's, 16 channels in the first stage.
 */

import { compile, compileTraining, data, F, manualSeed, nn, optim, type Tensor } from "kiln-js";

const BATCH = 32;
const RESNET18 = [2, 2, 2, 2];

/** Two 3×3 convolutions with an identity shortcut, or a 1×1 convolution if the shape changes. */
class BasicBlock extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  conv2: nn.Conv2d;
  bn2: nn.BatchNorm2d;
  downsample: nn.Module<Tensor> | undefined;

  constructor(inChannels: number, channels: number, stride: number) {
    super();
    this.conv1 = new nn.Conv2d(inChannels, channels, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(channels);
    if (stride === 1 && inChannels === channels) return;
    this.downsample = new nn.Sequential(
      new nn.Conv2d(inChannels, channels, 1, { stride, bias: false }),
      new nn.BatchNorm2d(channels),
    );
  }

  forward(x: Tensor): Tensor {
    const out = this.bn2.forward(this.conv2.forward(F.relu(this.bn1.forward(this.conv1.forward(x)))));
    const beside = this.downsample === undefined ? x : this.downsample.forward(x);
    return F.relu(out.add(beside));
  }
}

const stage = (blocks: number, inChannels: number, channels: number, stride: number): nn.Sequential =>
  new nn.Sequential(
    new BasicBlock(inChannels, channels, stride),
    ...Array.from({ length: blocks - 1 }, () => new BasicBlock(channels, channels, 1)),
  );

export interface ResNetOptions {
  readonly inChannels?: number;
  readonly classes?: number;
  /** The channels of the first stage; each further one has twice as many. */
  readonly width?: number;
  /** How many blocks each stage has (default: [2, 2, 2, 2], which makes 18 layers). */
  readonly blocks?: readonly number[];
}

/** The scores of the classes [N,classes] of images [N,inChannels,H,W]; torchvision's names for everything it has. */
export class ResNet extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  layer1: nn.Sequential;
  layer2: nn.Sequential;
  layer3: nn.Sequential;
  layer4: nn.Sequential;
  fc: nn.Linear;

  constructor({ inChannels = 3, classes = 10, width = 64, blocks = RESNET18 }: ResNetOptions = {}) {
    super();
    const [first, second, third, fourth] = blocks;
    this.conv1 = new nn.Conv2d(inChannels, width, 3, { padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(width);
    this.layer1 = stage(first, width, width, 1);
    this.layer2 = stage(second, width, 2 * width, 2);
    this.layer3 = stage(third, 2 * width, 4 * width, 2);
    this.layer4 = stage(fourth, 4 * width, 8 * width, 2);
    this.fc = new nn.Linear(8 * width, classes);
  }

  forward(x: Tensor): Tensor {
    x = F.relu(this.bn1.forward(this.conv1.forward(x)));
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) x = layer.forward(x);
    return this.fc.forward(F.adaptiveAvgPool2d(x, 1).flatten(1));
  }
}

/** The inputs for `kiln explore`, `dump` and `bench`. */
export const inputs = [[BATCH, 1, 32, 32]];

export default function narrow(blocks: readonly number[] = RESNET18): ResNet {
  return new ResNet({ inChannels: 1, width: 16, blocks });
}

/** Trains for so many steps; returns the accuracy on new digits. */
export async function main(steps = 120, tested = 512, blocks = RESNET18): Promise<number> {
  manualSeed(0);
  const net = narrow(blocks);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 5e-4 });
  const schedule = new optim.lrScheduler.CosineAnnealingLR(optimizer, steps);
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, { inputs, loss, optimizer });
  const digits = data.syntheticDigits({ train: true, count: steps * BATCH });
  let step = 0;
  for await (const [x, y] of new data.DataLoader(digits, { batchSize: BATCH, shuffle: true })) {
    const value = await trainer.step(x, y);
    schedule.step();
    if (++step % Math.ceil(steps / 6) === 0) console.log(`step ${step}: loss ${value.toFixed(4)}`);
  }
  const program = await compile(net, { inputs });
  const others = data.syntheticDigits({ train: false, count: tested });
  let right = 0;
  for await (const [x, y] of new data.DataLoader(others, { batchSize: BATCH })) {
    right += await (await program.run(x)).argmax(1).eq(y).sum().item();
  }
  return right / tested;
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of new digits are classified correctly (chance: 10 %)`);
}
