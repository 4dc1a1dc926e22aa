/** What a compiled step gives beside its loss: outputs, named losses, metrics; typed, and the same step as without them. */

import { compile, compileTraining, F, nn, optim, randn, type Tensor, tensor } from "kiln-js";
import { expect, test } from "vitest";

/** Codes and what is made of them, in a record. */
class Coder extends nn.Module {
  encoder = new nn.Linear(6, 3);
  decoder = new nn.Linear(3, 6);
  dropout: nn.Dropout;

  constructor(p = 0.5) {
    super();
    this.dropout = new nn.Dropout(p);
  }

  forward(x: Tensor): { codes: Tensor; parts: readonly [out: Tensor, half: Tensor] } {
    const codes = this.encoder.forward(x).tanh();
    const out = this.decoder.forward(this.dropout.forward(codes));
    return { codes, parts: [out, out.mul(0.5)] };
  }
}

class NamedLoss extends nn.Module {
  forward({ codes, parts }: ReturnType<Coder["forward"]>, target: Tensor) {
    const reconstruction = F.mseLoss(parts[0], target);
    const sparsity = codes.abs().mean();
    return { loss: reconstruction.add(sparsity.mul(0.1)), reconstruction, sparsity };
  }
}

async function copies(net: Coder): Promise<Coder> {
  const copy = new Coder();
  await copy.loadStateDict(net.stateDict());
  return copy;
}

const trainerFor = (net: Coder, more: { accumulate?: number } = {}) =>
  compileTraining(net, {
    inputs: [[4, 6]],
    targets: [[4, 6]],
    loss: new NamedLoss(),
    optimizer: new optim.Adam(net.parameters(), { lr: 0.05 }),
    metrics: {
      worst: ({ parts }, target) => parts[0].sub(target).abs().max(),
      zeros: ({ codes }) => codes.abs().lt(0.2).int().sum(),
    },
    backend: "js",
    ...more,
  });

const numbers = async (net: Coder): Promise<number[][]> =>
  Promise.all(net.parameters().map(async (p) => [...(await p.data())]));

test("outputs, losses and metrics are those of the model before the update, by name", async () => {
  const net = new Coder(0);
  const trainer = await trainerFor(net);
  expect(trainer.losses).toEqual(["loss", "reconstruction", "sparsity"]);
  const [x, y] = [randn(4, 6), randn(4, 6)];
  const reference = net.forward(x);
  const expected = new NamedLoss().forward(reference, y);
  const codes = await reference.codes.data();
  const wanted = {
    loss: await expected.loss.item(),
    reconstruction: await expected.reconstruction.item(),
    sparsity: await expected.sparsity.item(),
    worst: Math.max(...(await reference.parts[0].sub(y).data()).map(Math.abs)),
    out: [...(await reference.parts[0].data())],
  };
  const { loss, losses, metrics, outputs } = await trainer.step(x, y, {
    losses: true,
    metrics: true,
    outputs: true,
  });
  expect(loss).toBe(losses.loss);
  expect(losses.loss).toBeCloseTo(wanted.loss, 5);
  expect(losses.reconstruction).toBeCloseTo(wanted.reconstruction, 5);
  expect(losses.sparsity).toBeCloseTo(wanted.sparsity, 5);
  expect(metrics.worst).toBeCloseTo(wanted.worst, 5);
  expect(metrics.zeros).toBe(codes.filter((code) => Math.abs(code) < 0.2).length);
  expect(outputs.codes.shape).toEqual([4, 3]);
  const out = await outputs.parts[0].data();
  for (const [k, value] of wanted.out.entries()) expect(out[k]).toBeCloseTo(value, 5);
  expect([...(await outputs.parts[1].data())]).toEqual([...out].map((value) => Math.fround(value / 2)));
  // @ts-expect-error the loss has no such name
  expect(losses.kl).toBeUndefined();
  // @ts-expect-error the model returns no such thing
  expect(outputs.out).toBeUndefined();
  // @ts-expect-error no such metric was given
  expect(metrics.best).toBeUndefined();
  const plain = await trainer.step(x, y, { losses: true });
  // @ts-expect-error outputs were not asked for
  expect(plain.outputs).toBeUndefined();
});

test("a step that gives more trains as the plain one does, which is the program that it always was", async () => {
  const net = new Coder();
  const [one, other] = [await copies(net), await copies(net)];
  const [plain, detailed] = [await trainerFor(one), await trainerFor(other)];
  const batches = Array.from({ length: 3 }, () => [randn(4, 6), randn(4, 6)] as const);
  for (const [k, [x, y]] of batches.entries()) {
    const loss = await plain.step(x, y);
    const more = k === 1 ? { loss: await detailed.step(x, y) } : await detailed.step(x, y, { outputs: true });
    expect(more.loss).toBeCloseTo(loss, 6);
  }
  expect(detailed.stepCount).toBe(3);
  const [mine, theirs] = [await numbers(one), await numbers(other)];
  mine.forEach((values, k) => {
    values.forEach((value, i) => {
      expect(theirs[k][i]).toBeCloseTo(value, 5);
    });
  });
  expect(detailed.stages.map(({ text }) => text)[0]).toBe(plain.stages[0].text);
  expect(plain.stages[0].text).not.toContain("loss.sparsity");
});

test("accumulated gradients and other batch sizes", async () => {
  const net = new Coder();
  const trainer = await trainerFor(net, { accumulate: 2 });
  const before = await numbers(net);
  const first = await trainer.step(randn(4, 6), randn(4, 6), { losses: true });
  expect(await numbers(net)).toEqual(before);
  const second = await trainer.step(randn(2, 6), randn(2, 6), { outputs: true });
  expect(await numbers(net)).not.toEqual(before);
  expect(Object.keys(first)).toEqual(["loss", "losses"]);
  expect(second.outputs.codes.shape).toEqual([2, 3]);
});

test("gives a classifier's scores, typed as one tensor, and an accuracy", async () => {
  const net = new nn.Sequential(new nn.Linear(4, 3));
  const trainer = await compileTraining(net, {
    inputs: [[2, 4]],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
    metrics: { accuracy: (scores, target) => scores.argmax(1).eq(target).float().mean() },
  });
  const program = await compile(net, { inputs: [[2, 4]] });
  const x = randn(2, 4);
  const scores = await (await program.run(x)).array();
  const best = await (await program.run(x)).argmax(1).data();
  const target = tensor([best[0], (best[1] + 1) % 3], { dtype: "int32" });
  const { outputs, metrics, losses, loss } = await trainer.step(x, target, {
    outputs: true,
    metrics: true,
    losses: true,
  });
  expect(await outputs.array()).toEqual(scores);
  expect(metrics).toEqual({ accuracy: 0.5 });
  expect(losses).toEqual({ loss });
});

test("says what is wrong with losses, metrics and options", async () => {
  const net = new nn.Linear(2, 2);
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const common = { inputs: [[3, 2]], targets: [[3, 2]], optimizer, backend: "js" as const };
  const lossOf = (forward: (output: Tensor, target: Tensor) => Record<string, Tensor>): nn.Module => {
    class Own extends nn.Module {
      forward(output: Tensor, target: Tensor) {
        return forward(output, target);
      }
    }
    return new Own();
  };
  const unnamed = lossOf((output) => ({ total: output.mean(), size: output.abs().mean() }));
  await expect(compileTraining(net, { ...common, loss: unnamed })).rejects.toThrow(
    "of the named losses that Own returns (total, size) one must be called loss",
  );
  const wide = lossOf((output, target) => ({ loss: output.sub(target).mean(), each: output }));
  await expect(compileTraining(net, { ...common, loss: wide })).rejects.toThrow(
    "the each that Own returns must be one number, such as a mean, not float32[3,2]",
  );
  const trainer = await compileTraining(net, {
    ...common,
    loss: new nn.MSELoss(),
    metrics: { each: (output) => output },
  });
  const x = randn(3, 2);
  await expect(trainer.step(x, x, { metrics: true })).rejects.toThrow("the metric each must be one number");
  await expect(trainer.step(x, x, { output: true } as object)).rejects.toThrow("step has no option output");
  const bare = await compileTraining(net, { ...common, loss: new nn.MSELoss() });
  await expect(bare.step(x, x, { metrics: true })).rejects.toThrow("compileTraining was given none");
});
