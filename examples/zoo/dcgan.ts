/**
 * A DCGAN, as in PyTorch's tutorial, that learns to draw digits. `npx tsx examples/zoo/dcgan.ts` trains generator and
 * discriminator on synthetic digits, in one compiled step of two losses and two optimizers, shows some of the
 * generator's drawings, and measures how far they are from real digits: their energy distance, before and after.
 */

import { compile, compileStep, data, manualSeed, nn, ones, optim, randn, type Tensor, zeros } from "kiln-js";

const SIZE = 16;
const CODE = 32;
const BATCH = 32;

export class Generator extends nn.Sequential {
  constructor(code = CODE, width = 16) {
    super(
      new nn.ConvTranspose2d(code, 2 * width, 4, { bias: false }),
      new nn.BatchNorm2d(2 * width),
      new nn.ReLU(),
      new nn.ConvTranspose2d(2 * width, width, 4, { stride: 2, padding: 1, bias: false }),
      new nn.BatchNorm2d(width),
      new nn.ReLU(),
      new nn.ConvTranspose2d(width, 1, 4, { stride: 2, padding: 1, bias: false }),
      new nn.Tanh(),
    );
  }
}

export class Discriminator extends nn.Sequential {
  constructor(width = 16) {
    super(
      new nn.Conv2d(1, width, 4, { stride: 2, padding: 1, bias: false }),
      new nn.LeakyReLU(0.2),
      new nn.Conv2d(width, 2 * width, 4, { stride: 2, padding: 1, bias: false }),
      new nn.BatchNorm2d(2 * width),
      new nn.LeakyReLU(0.2),
      new nn.Conv2d(2 * width, 1, 4, { bias: false }),
      new nn.Flatten(0),
    );
  }
}

/** The tutorial's step: the discriminator learns from real images and fakes, then the generator from its verdict. */
export function adversarialStep(
  generator: Generator,
  discriminator: Discriminator,
  optimizers: { readonly generator: optim.Optimizer; readonly discriminator: optim.Optimizer },
) {
  const criterion = new nn.BCEWithLogitsLoss();
  return (real: Tensor, noise: Tensor) => {
    const [yes, no] = [ones(real.size(0)), zeros(real.size(0))];
    discriminator.zeroGrad();
    const onReal = criterion.forward(discriminator.forward(real), yes);
    onReal.backward();
    const fake = generator.forward(noise);
    const onFake = criterion.forward(discriminator.forward(fake.detach()), no);
    onFake.backward();
    optimizers.discriminator.step();
    generator.zeroGrad();
    const deceit = criterion.forward(discriminator.forward(fake), yes);
    deceit.backward();
    optimizers.generator.step();
    return { discriminator: onReal.add(onFake), generator: deceit };
  };
}

/** 2·E|a−b| − E|a−a'| − E|b−b'|, which is 0 if both have one distribution. */
async function energyDistance(a: Tensor, b: Tensor): Promise<number> {
  const far = async (x: Tensor, y: Tensor): Promise<number> =>
    (await x.flatten(1).unsqueeze(1).sub(y.flatten(1)).square().sum(-1).sqrt().sum().item()) /
    (x.size(0) * (x === y ? y.size(0) - 1 : y.size(0)));
  return 2 * (await far(a, b)) - (await far(a, a)) - (await far(b, b));
}

/** DCGAN's initial weights. */
function initialize(net: nn.Module): void {
  for (const module of net.modules()) {
    if (module instanceof nn.Conv2d || module instanceof nn.ConvTranspose2d)
      nn.init.normal_(module.weight, 0, 0.02);
    if (module instanceof nn.BatchNorm2d) nn.init.normal_(module.weight!, 1, 0.02);
  }
}

/** Trains for so many epochs of `count` digits; returns the distance of drawings from real digits, before and after. */
export async function main(epochs = 12, count = 2048): Promise<[before: number, after: number]> {
  manualSeed(0);
  const [generator, discriminator] = [new Generator(), new Discriminator()];
  for (const net of [generator, discriminator]) initialize(net);
  const adam = (net: nn.Module) => new optim.Adam(net.parameters(), { lr: 1e-3, betas: [0.5, 0.999] });
  const optimizers = { generator: adam(generator), discriminator: adam(discriminator) };
  const step = await compileStep(adversarialStep(generator, discriminator, optimizers), {
    modules: { generator, discriminator },
    inputs: [
      [BATCH, 1, SIZE, SIZE],
      [BATCH, CODE, 1, 1],
    ],
  });
  const loaderOf = (train: boolean, batchSize: number, count: number) =>
    new data.DataLoader(data.syntheticDigits({ train, count, size: SIZE }), { batchSize, shuffle: true });
  const drawing = await compile(generator, { inputs: [[64, CODE, 1, 1]] });
  const codes = randn(64, CODE, 1, 1);
  const distance = async (): Promise<number> => {
    for await (const [unseen] of loaderOf(false, 64, 64).batches(0))
      return energyDistance(await drawing.run(codes), unseen.mul(2).sub(1));
    return Number.NaN;
  };
  const before = await distance();
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let line = "";
    for await (const [real] of loaderOf(true, BATCH, count).batches(epoch)) {
      const losses = await step.run(real.mul(2).sub(1), randn(BATCH, CODE, 1, 1));
      line = `discriminator ${(await losses.discriminator.item()).toFixed(3)}, generator ${(await losses.generator.item()).toFixed(3)}`;
    }
    console.log(`epoch ${epoch}: ${line}`);
  }
  return [before, await distance()];
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const [before, after] = await main();
  console.log(
    `energy distance of what it draws from digits: ${before.toFixed(2)} before, ${after.toFixed(2)} after`,
  );
}
