/** Training steps as their user writes them, compiled: several losses and optimizers over one graph, as interactive runs of them. */

import { compile, compileStep, F, nn, noGrad, ones, optim, randn, type Tensor, zeros } from "kiln-js";
import { expect, test } from "vitest";

const N = 4;

/** A small DCGAN with batch norm on both sides. */
const generator = () =>
  new nn.Sequential(
    new nn.ConvTranspose2d(3, 4, 3, { bias: false }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.ConvTranspose2d(4, 1, 4, { stride: 2, padding: 1 }),
    new nn.Tanh(),
  );

const discriminator = () =>
  new nn.Sequential(
    new nn.Conv2d(1, 4, 4, { stride: 2, padding: 1, bias: false }),
    new nn.BatchNorm2d(4),
    new nn.LeakyReLU(0.2),
    new nn.Conv2d(4, 1, 3),
    new nn.Flatten(),
  );

/** PyTorch's DCGAN tutorial, step by step. */
function dcgan(netG: nn.Module, netD: nn.Module) {
  const optimizerG = new optim.Adam(netG.parameters(), { lr: 0.01, betas: [0.5, 0.999] });
  const optimizerD = new optim.Adam(netD.parameters(), { lr: 0.01, betas: [0.5, 0.999] });
  const criterion = new nn.BCEWithLogitsLoss();
  const judged = (images: Tensor): Tensor => netD.forward(images) as Tensor;
  const step = (real: Tensor, noise: Tensor) => {
    const n = real.size(0);
    netD.zeroGrad();
    const errReal = criterion.forward(judged(real), ones(n, 1));
    errReal.backward();
    const fake = netG.forward(noise) as Tensor;
    const errFake = criterion.forward(judged(fake.detach()), zeros(n, 1));
    errFake.backward();
    optimizerD.step();
    netG.zeroGrad();
    const errG = criterion.forward(judged(fake), ones(n, 1));
    errG.backward();
    optimizerG.step();
    return { errD: errReal.add(errFake), errG, images: [fake] as const };
  };
  return { step, optimizerG, optimizerD, modules: { netG, netD } };
}

const batch = (n = N): [Tensor, Tensor] => [randn(n, 1, 6, 6), randn(n, 3, 1, 1)];
const shapes = [
  [N, 1, 6, 6],
  [N, 3, 1, 1],
] as const;

async function pair<T>(make: (netG: nn.Module, netD: nn.Module) => T): Promise<[T, T, () => Promise<void>]> {
  const nets = [generator(), discriminator()] as const;
  const twins = [generator(), discriminator()] as const;
  for (const [k, net] of nets.entries()) await twins[k].loadStateDict(net.stateDict());
  /** 5e-6: float32 in another order, through Adam's quotient. */
  const agree = async (): Promise<void> => {
    for (const [k, net] of nets.entries()) {
      for (const [name, tensor] of Object.entries(net.stateDict())) {
        const [found, wanted] = [await tensor.data(), await twins[k].stateDict()[name].data()];
        for (const [i, value] of found.entries())
          expect(Math.abs(value - wanted[i]), `${k} ${name}`).toBeLessThan(5e-6);
      }
    }
  };
  return [make(...nets), make(...twins), agree];
}

const options = { inputs: [[...shapes[0]], [...shapes[1]]] as [number[], number[]] };

test("a GAN's step is one program: losses, fakes, parameters and running statistics as interactively", async () => {
  const [mine, theirs, agree] = await pair(dcgan);
  const compiled = await compileStep(mine.step, { ...options, modules: mine.modules });
  for (let run = 0; run < 2; run++) {
    const [real, noise] = batch();
    const { errD, errG, images } = await compiled.run(real, noise);
    const expected = theirs.step(real, noise);
    expect(await errD.item()).toBeCloseTo(await expected.errD.item(), 5);
    expect(await errG.item()).toBeCloseTo(await expected.errG.item(), 5);
    expect(images[0].shape).toEqual([N, 1, 6, 6]);
    const [fakes, wanted] = [await images[0].data(), await expected.images[0].data()];
    for (const [k, value] of fakes.entries()) expect(value).toBeCloseTo(wanted[k], 5);
    // @ts-expect-error the step returns no such thing
    expect(images.errD).toBeUndefined();
  }
  await agree();
  expect([mine.optimizerD.stepCount, mine.optimizerG.stepCount]).toEqual([2, 2]);
  const [parameter] = mine.modules.netD.parameters();
  const moments = await mine.optimizerD.stateOf(parameter).exp_avg_sq.data();
  const wanted = await theirs.optimizerD.stateOf(theirs.modules.netD.parameters()[0]).exp_avg_sq.data();
  for (const [k, value] of moments.entries()) expect(value).toBeCloseTo(wanted[k], 6);
  expect(parameter.grad).toBeNull();
  const { images } = await compiled.run(...batch(3));
  expect(images[0].shape).toEqual([3, 1, 6, 6]);
  // @ts-expect-error the step takes two tensors
  await expect(compiled.run(batch()[0])).rejects.toThrow("this program takes 2 tensors but is given 1");
});

/** WGAN: two steps of a critic, with clipped gradients and weights, before one of the generator, with a schedule between runs. */
function wgan(netG: nn.Module, netD: nn.Module) {
  const optimizerG = new optim.RMSprop(netG.parameters(), { lr: 0.001 });
  const optimizerD = new optim.NAdam(netD.parameters(), { lr: 0.002 });
  const step = (real: Tensor, noise: Tensor): [wasserstein: Tensor, norms: Tensor[]] => {
    const norms: Tensor[] = [];
    let distance = zeros([]);
    const critic = (images: Tensor): Tensor => (netD.forward(images) as Tensor).mean();
    for (let k = 0; k < 2; k++) {
      const fake = noGrad(() => netG.forward(noise.mul(k + 1)) as Tensor);
      distance = critic(real).sub(critic(fake));
      optimizerD.zeroGrad();
      distance.neg().backward();
      norms.push(nn.utils.clipGradNorm_(netD.parameters(), 0.5));
      optimizerD.step();
      noGrad(() => {
        for (const parameter of netD.parameters()) parameter.clamp_(-0.1, 0.1);
      });
    }
    critic(netG.forward(noise) as Tensor)
      .neg()
      .backward();
    optimizerG.step();
    optimizerG.zeroGrad();
    optimizerD.zeroGrad({ setToNone: false });
    return [distance, norms];
  };
  return { step, optimizerD, optimizerG, modules: { netG, netD } };
}

test("several steps of one optimizer in a run, clipped gradients and weights, a schedule between runs", async () => {
  const [mine, theirs, agree] = await pair(wgan);
  const compiled = await compileStep(mine.step, { ...options, modules: mine.modules, backend: "js" });
  for (let run = 0; run < 2; run++) {
    const [real, noise] = batch();
    const [distance, norms] = await compiled.run(real, noise);
    const [expected, wanted] = theirs.step(real, noise);
    expect(await distance.item()).toBeCloseTo(await expected.item(), 5);
    for (const [k, norm] of norms.entries()) expect(await norm.item()).toBeCloseTo(await wanted[k].item(), 5);
    for (const { optimizerD } of [mine, theirs]) optimizerD.lr *= 0.5;
  }
  await agree();
  expect([mine.optimizerD.stepCount, mine.optimizerG.stepCount]).toEqual([4, 2]);
});

/** A regression, for what goes wrong. */
function regression(step: (x: Tensor, net: nn.Linear, optimizer: optim.SGD) => unknown, dropout = 0) {
  const net = new nn.Linear(2, 2);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const drop = new nn.Dropout(dropout);
  const written = (x: Tensor) => step(drop.forward(x), net, optimizer);
  return {
    net,
    optimizer,
    written,
    options: { modules: { net, drop }, inputs: [[3, 2]] as [number[]], backend: "js" as const },
  };
}

const fitted = (x: Tensor, net: nn.Linear, optimizer: optim.SGD): Tensor => {
  optimizer.zeroGrad();
  const loss = F.mseLoss(net.forward(x), x);
  loss.backward();
  optimizer.step();
  return loss;
};

test("a loss that is not finite changes nothing; profiles change nothing; frozen parameters stay", async () => {
  const { net, optimizer, written, options } = regression(fitted, 0.5);
  const compiled = await compileStep(written, options);
  await compiled.run(randn(3, 2));
  const [before, state] = [await net.weight.data(), optimizer.stepCount];
  await compiled.profile({ milliseconds: 1 });
  const bad = compiled.run(randn(3, 2).mul(Number.POSITIVE_INFINITY));
  await expect(bad).rejects.toThrow(
    /a loss of run 2 is (NaN|Infinity|-Infinity): the input x holds NaN or infinity/,
  );
  expect(await net.weight.data()).toEqual(before);
  expect(optimizer.stepCount).toBe(state);
  net.weight.requiresGrad = false;
  const bias = await net.bias!.data();
  await compiled.run(ones(3, 2));
  expect(await net.weight.data()).toEqual(before);
  expect(await net.bias!.data()).not.toEqual(bias);
  const program = await compile(net, { inputs: [[3, 2]], backend: "js" });
  const [row] = (await (await program.run(zeros(3, 2))).array()) as number[][];
  expect(row).toEqual([...(await net.bias!.data())]);
  await compiled.dispose();
  await expect(compiled.run(ones(3, 2))).rejects.toThrow("has been disposed");
});

test("the modes of the modules are those of the time of compiling, and its draws differ from run to run", async () => {
  const { net, written, options } = regression((x) => x, 0.5);
  const compiled = await compileStep(written, options);
  net.eval();
  options.modules.drop.eval();
  const drawn = [await compiled.run(ones(3, 2)), await compiled.run(ones(5, 2))] as Tensor[];
  for (const tensor of drawn)
    expect([...(await tensor.data())].every((value) => value === 0 || value === 2)).toBe(true);
  expect(options.modules.drop.training).toBe(false);
});

test.each<[string, (x: Tensor, net: nn.Linear, optimizer: optim.SGD) => unknown, string]>([
  [
    "leaves gradients",
    (x, net, optimizer) => {
      F.mseLoss(net.forward(x), x).backward();
      optimizer.step();
    },
    "the step leaves a gradient in net.weight, to which the next one would add: call zeroGrad()",
  ],
  [
    "changes a learning rate",
    (x, net, optimizer) => {
      fitted(x, net, optimizer);
      optimizer.lr *= 0.5;
    },
    "the step changes a learning rate, which happens once",
  ],
  [
    "returns a number",
    () => ({ loss: 3 }),
    "must return tensors, in lists and records, or nothing: its result.loss is a number",
  ],
  [
    "uses another module",
    (x) => new nn.Linear(2, 2).forward(x),
    "forward uses a parameter float32[2,2] that is not part of the model",
  ],
  ["reads a number", (x) => Number(x.sum()), "a tensor's value cannot be read inside forward"],
])("says what is wrong with a step that %s", async (_, step, message) => {
  const { written, options } = regression(step);
  await expect(compileStep(written, options)).rejects.toThrow(message);
});

test("says what is wrong with what a step is compiled from", async () => {
  const { net, options } = regression(fitted);
  const step = (x: Tensor, y: Tensor) => F.mseLoss(net.forward(x), y).backward();
  // @ts-expect-error two tensors are taken, one is listed
  await expect(compileStep(step, options)).rejects.toThrow("the step takes 2 tensors, and inputs lists 1");
  const awaited = async (x: Tensor) => fitted(x, net, new optim.SGD(net.parameters(), { lr: 0.1 }));
  await expect(compileStep(awaited, options)).rejects.toThrow("takes a function that is not async");
  await expect(compileStep(net as never, options)).rejects.toThrow("compileStep takes a function first");
  await expect(compileStep((x: Tensor) => x, { ...options, modules: {} })).rejects.toThrow(
    "compileStep needs the modules",
  );
});
