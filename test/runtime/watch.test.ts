/** `watch: "nan"`: the first NaN is an error that says where it was stored, and nothing is changed by the run that made it. */

import { compile, compileTraining, KilnError, nn, noGrad, optim, type Tensor, tensor, where } from "kiln-js";
import { describe, expect, test, vi } from "vitest";

/** The message of the error that `work` ends in. */
async function messageOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KilnError);
  return (error as KilnError).message;
}

class Logarithm extends nn.Module {
  fc = new nn.Linear(2, 3);

  override forward(x: Tensor): Tensor {
    const sum = x.sum();
    const hidden = this.fc.forward(x).mul(0).sub(sum);
    return hidden.log().add(1);
  }
}

const rows = (first: number) =>
  tensor([
    [first, 1],
    [0, 1],
  ]);

// gpujs:cpu stands for GPUs: it keeps new states apart until all are there, and drops what no later kernel reads.
describe.each(["wasm", "js", "interpret", "gpujs:cpu"] as const)("on %s", (backend) => {
  test("a forward pass names run, kernel, element, line and what was read", async () => {
    const program = await compile(new Logarithm(), { inputs: [[2, 2]], backend, watch: "nan" });
    await program.run(rows(-9));
    const message = await messageOf(program.run(rows(3)));
    expect(message).toMatch(
      /^run 2 makes NaN: kernel \w+ \(2 of 2, which computes .*log, add\) stores the first/,
    );
    expect(message).toMatch(/at \[0,0\] of %\w+ = add: f32\[2,3\]; it reads %x f32\[2,2\] \(from 0 to 3\)/);
    // The stored value's own line comes first, then those that were fused into its kernel.
    expect(message).toMatch(/\(test\/runtime\/watch\.test\.ts:22, test\/runtime\/watch\.test\.ts:21 fc.*\)$/);
    // The program is as usable as before.
    expect((await program.run(rows(-9))).shape).toEqual([2, 3]);
  });

  test("a NaN that it is fed is told from one that it makes", async () => {
    const program = await compile(new Logarithm(), { inputs: [[2, 2]], backend, watch: "nan" });
    expect(await messageOf(program.run(rows(Number.NaN)))).toMatch(
      /it reads %x f32\[2,2\] \(from 0 to 1, NaN at \[0,0\]\); %x is fed with NaN: look at where the data comes from/,
    );
  });

  test("a finite loss with gradients that are NaN: nothing is updated, and later steps go on", async () => {
    const make = async () => {
      const model = new RootOfZero();
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const options = { inputs: [[2, 2]], targets: [[2, 3]], loss: new nn.MSELoss(), optimizer, backend };
      return { model, trainer: await compileTraining(model, { ...options, watch: "nan" as const }) };
    };
    const [usual, failing] = [await make(), await make()];
    await usual.trainer.step(rows(2), TARGET);
    await failing.trainer.step(rows(2), TARGET);
    const message = await messageOf(failing.trainer.step(ZEROS, TARGET));
    expect(message).toMatch(/^step 2 makes NaN: kernel /);
    expect(message).toContain("the model's state is as it was before");
    expect(failing.trainer.stepCount).toBe(1);
    expect(await messageOf(failing.trainer.gradients(ZEROS, TARGET))).toMatch(
      /^gradients\(\) after step 1 makes NaN/,
    );
    // What the failed step left behind would show in the momentum and the running statistics.
    expect(await failing.trainer.step(rows(3), TARGET)).toBe(await usual.trainer.step(rows(3), TARGET));
    await failing.trainer.step(rows(1), TARGET);
    await usual.trainer.step(rows(1), TARGET);
    expect(await numbersOf(failing.model)).toEqual(await numbersOf(usual.model));
  });

  test("a NaN that only the update makes: parameters and momentum are put back", async () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const trainer = await compileTraining(model, {
      inputs: [[2, 2]],
      targets: [[2, 2]],
      loss: new nn.MSELoss(),
      optimizer,
      backend,
      watch: "nan",
    });
    await trainer.step(rows(2), rows(1));
    const before = await numbersOf(model);
    const mend = breakScalars(optimizer);
    expect(await messageOf(trainer.step(rows(2), rows(1)))).toMatch(/^step 2 makes NaN: kernel update/);
    expect(await numbersOf(model)).toEqual(before);
    mend();
    expect(await trainer.step(rows(2), rows(1))).toBeGreaterThan(0);
    expect(trainer.stepCount).toBe(2);
  });
});

/** The gradient of a root at 0 is infinite, and 0 times that is NaN; the root itself is 0. */
class RootOfZero extends nn.Module {
  fc = new nn.Linear(2, 3, { bias: false });
  norm = new nn.BatchNorm1d(3);

  constructor() {
    super();
    noGrad(() => this.fc.weight.fill_(0.5));
  }

  override forward(x: Tensor): Tensor {
    const root = this.fc.forward(x).square().sqrt();
    return this.norm.forward(x.sum().add(root));
  }
}

const ZEROS = tensor([
  [0, 0],
  [0, 0],
]);
const TARGET = tensor([
  [0, 1, 1],
  [1, 1, 0],
]);

/** Has the optimizer give NaN for its learning rate, which it would refuse from a user; gives what ends that. */
function breakScalars(optimizer: optim.Optimizer): () => void {
  const [group] = optimizer.paramGroups;
  const names = Object.keys(group.scalarValues(0));
  const spy = vi.spyOn(group, "scalarValues");
  spy.mockImplementation(() => Object.fromEntries(names.map((name) => [name, Number.NaN])));
  return () => spy.mockRestore();
}

/** All parameters and buffers, as plain numbers. */
const numbersOf = async (model: nn.Module): Promise<Record<string, readonly number[]>> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(model.stateDict()).map(async ([name, t]) => [name, [...(await t.data())]] as const),
    ),
  );

class Overflow extends nn.Module {
  override forward(x: Tensor): Tensor {
    const large = x.mul(100).exp();
    const both = large.matmul(x);
    return both.sub(large);
  }
}

test("a NaN that only a state gets belongs to the run that stores it, and that run has not been", async () => {
  const model = new nn.BatchNorm1d(3);
  noGrad(() => model.runningMean!.fill_(Number.NaN));
  const program = await compile(model, { inputs: [[2, 3]], mode: "train", backend: "js", watch: "nan" });
  for (let k = 0; k < 2; k++) {
    expect(await messageOf(program.run(TARGET))).toMatch(
      /^run 1 makes NaN: .* stores the first one, .* @running_mean/,
    );
  }
});

test("infinities are legitimate, but the first one is named when it led to the NaN", async () => {
  const program = await compile(new Overflow(), { inputs: [[2, 2]], backend: "js", watch: "nan" });
  expect(await messageOf(program.run(rows(3)))).toMatch(
    /; the first infinity is stored by kernel mul_exp, at \[0,0\] of %\w+ \(.*watch\.test\.ts:\d+\); infinities cancel to NaN/,
  );
});

test("values that a choice discards are not stored and do not count; nor do infinities", async () => {
  class Masked extends nn.Module {
    override forward(x: Tensor): Tensor {
      return where(x.gt(0), x.log(), x.mul(Number.POSITIVE_INFINITY)).clamp(-1, 1);
    }
  }
  const program = await compile(new Masked(), { inputs: [[2, 2]], backend: "js", watch: "nan" });
  const x = tensor([
    [-1, 1],
    [10, -2],
  ]);
  expect(await (await program.run(x)).array()).toEqual([
    [-1, 0],
    [1, -1],
  ]);
});

test("the element is named in the tensor's own shape, whatever its layout in memory", async () => {
  const model = new nn.Sequential(new nn.Conv2d(3, 4, 3));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const trainer = await compileTraining(model, {
    inputs: [[1, 3, 4, 4]],
    targets: [[1, 4, 2, 2]],
    loss: new nn.MSELoss(),
    optimizer,
    watch: "nan",
  });
  const x = new Float32Array(48).fill(1);
  const target = new Float32Array(16).fill(1);
  target[11] = Number.NaN; // [0,2,1,1]
  const message = await messageOf(
    trainer.step(tensor(x, { shape: [1, 3, 4, 4] }), tensor(target, { shape: [1, 4, 2, 2] })),
  );
  expect(message).toMatch(/%target f32\[1,4,2,2\] \(1, NaN at \[0,2,1,1\]\)/);
});

test("accumulated gradients: a batch that fails is not added to the sums", async () => {
  const make = async () => {
    const model = new RootOfZero();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const trainer = await compileTraining(model, {
      inputs: [[2, 2]],
      targets: [[2, 3]],
      loss: new nn.MSELoss(),
      optimizer,
      accumulate: 2,
      watch: "nan",
    });
    return { model, trainer, optimizer };
  };
  const [usual, failing] = [await make(), await make()];
  for (const { trainer } of [usual, failing]) await trainer.step(rows(2), TARGET);
  expect(await messageOf(failing.trainer.step(ZEROS, TARGET))).toMatch(/^step 1 makes NaN/);
  const mend = breakScalars(failing.optimizer);
  expect(await messageOf(failing.trainer.step(rows(1), TARGET))).toMatch(
    /^the update from summed gradients makes NaN/,
  );
  mend();
  await failing.trainer.flush();
  await usual.trainer.step(rows(1), TARGET);
  expect(failing.trainer.stepCount).toBe(1);
  expect(await numbersOf(failing.model)).toEqual(await numbersOf(usual.model));
});

test("what cannot be watched is refused, with what can", async () => {
  const options = { inputs: [[2, 2]], watch: "inf" as "nan" };
  expect(await messageOf(compile(new Logarithm(), options))).toBe(
    'watch is "inf", but what can be watched is "nan"',
  );
});
