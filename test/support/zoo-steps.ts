/** Nets of the zoo whose training is more than one loss of one batch: carried state, named losses, two optimizers. */

import { compileStep, compileTraining, nn, optim } from "kiln-js";
import { CharRNN, NextCharacterLoss, noState } from "../../examples/zoo/char-rnn.ts";
import { adversarialStep, Discriminator, Generator } from "../../examples/zoo/dcgan.ts";
import { EvidenceLoss, VAE } from "../../examples/zoo/vae.ts";
import type { ZooCase } from "./zoo-training.ts";

const adam = (net: nn.Module, betas: readonly [number, number] = [0.9, 0.999]): optim.Adam =>
  new optim.Adam(net.parameters(), { lr: 0.01, eps: 1e-3, betas });

export const charRnn: ZooCase = {
  net: () => new CharRNN(),
  async train(net, batches, backend) {
    const types = batches[0].map(({ shape, dtype }) => ({ shape, dtype }));
    const trainer = await compileTraining(net as CharRNN, {
      inputs: types.slice(0, 1),
      targets: types.slice(1),
      carried: noState(2),
      loss: new NextCharacterLoss(),
      optimizer: adam(net),
      backend,
    });
    const losses: number[] = [];
    for (const batch of batches) losses.push(await trainer.step(...batch));
    return losses;
  },
};

export const vae: ZooCase = {
  net: () => new VAE(32, 8),
  async train(net, batches, backend) {
    const inputs = batches[0].map(({ shape }) => shape);
    const trainer = await compileTraining(net as VAE, {
      inputs,
      targets: inputs.slice(0, 1),
      loss: new EvidenceLoss(),
      optimizer: adam(net),
      backend,
    });
    const all: number[] = [];
    for (const [images, noise] of batches) {
      const { losses } = await trainer.step(images, noise, images, { losses: true });
      all.push(losses.loss, losses.reconstruction, losses.kl);
    }
    return all;
  },
};

class Pair extends nn.Module {
  generator = new Generator(8, 4);
  discriminator = new Discriminator(4);

  forward(): never {
    throw new Error("each of the two has a forward of its own");
  }
}

export const dcgan: ZooCase = {
  net: () => new Pair(),
  async train(net, batches, backend) {
    const { generator, discriminator } = net as Pair;
    const optimizers = {
      generator: adam(generator, [0.5, 0.999]),
      discriminator: adam(discriminator, [0.5, 0.999]),
    };
    const [[real, noise]] = batches;
    const step = await compileStep(adversarialStep(generator, discriminator, optimizers), {
      modules: { generator, discriminator },
      inputs: [real.shape, noise.shape],
      backend,
    });
    const all: number[] = [];
    for (const [images, codes] of batches) {
      const losses = await step.run(images, codes);
      all.push(await losses.discriminator.item(), await losses.generator.item());
    }
    return all;
  },
};
