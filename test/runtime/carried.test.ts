/** State that goes from one run into the next: as detach() and a variable of the user's do it in an interactive loop. */

import { compile, compileTraining, F, nn, optim, randn, Tensor, zeros } from "kiln-js";
import { expect, test } from "vitest";

class Tagger extends nn.Module {
  lstm = new nn.LSTM(3, 4, { batchFirst: true });
  head = new nn.Linear(4, 2);

  forward(x: Tensor, state: [h: Tensor, c: Tensor]): [out: Tensor, state: [h: Tensor, c: Tensor]] {
    const [out, next] = this.lstm.forward(x, state);
    return [this.head.forward(out), next];
  }
}

const start = (): [Tensor, Tensor] => [zeros(1, 2, 4), zeros(1, 2, 4)];

async function copies(net: Tagger): Promise<Tagger> {
  const copy = new Tagger();
  await copy.loadStateDict(net.stateDict());
  return copy;
}

const close = (found: ArrayLike<number>, wanted: ArrayLike<number>, digits = 5): void => {
  expect(found.length).toBe(wanted.length);
  for (let k = 0; k < found.length; k++) expect(found[k]).toBeCloseTo(wanted[k], digits);
};

test("a step hands on its state, without history: losses, states and parameters as in an interactive loop", async () => {
  const net = new Tagger();
  const twin = await copies(net);
  const trainer = await compileTraining(net, {
    inputs: [[2, 5, 3]],
    targets: [[2, 5, 2]],
    carried: start(),
    loss: new nn.MSELoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.5 }),
  });
  const optimizer = new optim.SGD(twin.parameters(), { lr: 0.5 });
  let state = start();
  for (let step = 0; step < 4; step++) {
    if (step === 3) {
      await trainer.resetCarried();
      state = start();
    }
    const [x, y] = [randn(2, 5, 3), randn(2, 5, 2)];
    const { loss, outputs } = await trainer.step(x, y, { outputs: true });
    const [out, next] = twin.forward(x, state);
    const expected = F.mseLoss(out, y);
    optimizer.zeroGrad();
    expected.backward();
    await optimizer.step();
    state = [next[0].detach(), next[1].detach()];
    expect(loss).toBeCloseTo(await expected.item(), 5);
    close(await outputs.data(), await out.data());
    close(await trainer.carried[0].data(), await state[0].data());
    close(await trainer.carried[1].data(), await state[1].data());
  }
  for (const [k, parameter] of net.parameters().entries())
    close(await parameter.data(), await twin.parameters()[k].data());
});

test("gradients and profiles leave the state, and a step whose loss is not finite does", async () => {
  const net = new Tagger();
  const trainer = await compileTraining(net, {
    inputs: [[2, 5, 3]],
    targets: [[2, 5, 2]],
    carried: start(),
    loss: new nn.MSELoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.5 }),
    backend: "js",
  });
  await trainer.step(randn(2, 5, 3), randn(2, 5, 2));
  const before = await trainer.carried[1].data();
  expect(before.some((value) => value !== 0)).toBe(true);
  await trainer.gradients(randn(2, 5, 3), randn(2, 5, 2));
  await trainer.profile({ milliseconds: 1 });
  const infinite = randn(2, 5, 2).mul(Number.POSITIVE_INFINITY);
  await expect(trainer.step(randn(2, 5, 3), infinite)).rejects.toThrow("the loss of step 2 is");
  expect(await trainer.carried[1].data()).toEqual(before);
});

test("a program goes on where its last run ended, from a state of the user's too", async () => {
  const net = new Tagger();
  const program = await compile(net, { inputs: [[2, 1, 3]], carried: start() });
  const whole = await compile(net, { inputs: [[2, 3, 3]], carried: start() });
  const x = randn(2, 3, 3);
  const expected = await whole.run(x);
  expect(expected).toBeInstanceOf(Tensor);
  const seen: Tensor[] = [];
  for (let k = 0; k < 3; k++) seen.push(await program.run(x.slice(1, k, k + 1)));
  for (const [k, out] of seen.entries()) close(await out.data(), await expected.slice(1, k, k + 1).data());
  close(await program.carried[0].data(), await whole.carried[0].data());
  const kept = await whole.carried[0].data();
  await program.resetCarried(whole.carried);
  await whole.resetCarried();
  close(await program.carried[0].data(), kept);
  close(await (await whole.run(x)).data(), await expected.data(), 7);
});

test("swapped states are read before one is changed", async () => {
  class Swap extends nn.Module {
    forward(x: Tensor, { a, b }: { a: Tensor; b: Tensor }) {
      return [a.add(x), { a: b, b: a }] as const;
    }
  }
  const carried = { a: zeros(2).add(1), b: zeros(2).add(2) };
  const program = await compile(new Swap(), { inputs: [[2]], carried, backend: "js" });
  const found: number[] = [];
  for (let k = 0; k < 3; k++) found.push((await (await program.run(zeros(2))).data())[0]);
  expect(found).toEqual([1, 2, 1]);
});

test("says what is wrong with a state", async () => {
  const net = new Tagger();
  const options = { inputs: [[2, 1, 3]], backend: "js" as const };
  await expect(compile(net, { ...options, carried: [[1, 2, 4]] })).rejects.toThrow(
    "compile takes as carried the state before the first run: a tensor such as zeros(1, 16, 96), or tensors in lists and records; carried[0][0] is the number 1",
  );
  await expect(compile(new nn.Linear(3, 3), { inputs: [[2, 3]], carried: zeros(2) })).rejects.toThrow(
    "forward of Linear takes 1 input, and inputs lists 1, and a state is carried",
  );
  class Other extends nn.Module {
    forward(x: Tensor, h: Tensor) {
      return [x, h.sum(0)];
    }
  }
  await expect(compile(new Other(), { inputs: [[2]], carried: zeros(2) })).rejects.toThrow(
    "must return a list that ends with the next one, such as [out, state]: state is float32[2], and it returns float32[]",
  );
  const program = await compile(net, { ...options, carried: start() });
  await expect(program.resetCarried([zeros(1, 2, 4), zeros(1, 2, 5)])).rejects.toThrow(
    "resetCarried takes a state like",
  );
  const without = await compile(new nn.Linear(3, 3), { inputs: [[2, 3]], backend: "js" });
  expect(() => without.resetCarried()).toThrow("carries no state");
});
