/** A loss that is not finite stops training before the update and says where it came from. */

import { compileTraining, nn, optim, type Tensor, tensor } from "kiln-js";
import { expect, test } from "vitest";

class Logarithm extends nn.Module {
  fc = new nn.Linear(2, 3);

  forward(x: Tensor): Tensor {
    const hidden = this.fc.forward(x);
    return hidden.mul(0).sub(x.sum()).log();
  }
}

const batch = (first: number) =>
  [
    tensor([
      [first, 1],
      [0, 1],
    ]),
    tensor(Int32Array.of(0, 2)),
  ] as const;

test("the error names the step, the kernel and the line; parameters stay, training can go on", async () => {
  const net = new Logarithm();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  const trainer = await compileTraining(net, {
    inputs: [[2, 2]],
    loss: new nn.CrossEntropyLoss(),
    optimizer,
  });
  await trainer.step(...batch(-9));
  const before = await net.fc.weight.data();
  await expect(trainer.step(...batch(3))).rejects.toThrow(
    /^the loss of step 2 is NaN: it appears first in kernel \w+ at .*nonfinite\.test\.ts:1[12].*; the parameters are those after step 1$/,
  );
  expect(await net.fc.weight.data()).toEqual(before);
  expect(trainer.stepCount).toBe(1);
  expect(await trainer.step(...batch(-9))).toBeGreaterThan(0);
});

test("a NaN in the input is blamed on the input", async () => {
  const net = new Logarithm();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const trainer = await compileTraining(net, {
    inputs: [[2, 2]],
    loss: new nn.CrossEntropyLoss(),
    optimizer,
  });
  await expect(trainer.step(...batch(Number.NaN))).rejects.toThrow(
    /the loss of step 1 is NaN: the input x holds NaN or infinity/,
  );
});

test("a parameter that is NaN already is blamed on the parameter", async () => {
  const net = new Logarithm();
  await net.loadStateDict({
    "fc.weight": tensor([
      [1, 1],
      [1, Number.NaN],
      [1, 1],
    ]),
    "fc.bias": tensor([0, 0, 0]),
  });
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
  const trainer = await compileTraining(net, {
    inputs: [[2, 2]],
    loss: new nn.CrossEntropyLoss(),
    optimizer,
  });
  await expect(trainer.step(...batch(-9))).rejects.toThrow(
    /the state fc\.weight holds NaN or infinity already/,
  );
});

/** Its loss does not depend on `w`, whose gradient is 0 times infinity all the same. */
class NanGradient extends nn.Module {
  w = new nn.Parameter(tensor([0]));

  forward(x: Tensor): Tensor {
    return x.add(this.w.sqrt().mul(0));
  }
}

test("a NaN that an earlier step's gradients made is said to be one, and watching names its kernel", async () => {
  const make = (watch?: "nan") => {
    const net = new NanGradient();
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    const loss = new nn.MSELoss();
    return compileTraining(net, { inputs: [[2]], loss, optimizer, ...(watch && { watch }) });
  };
  const [x, target] = [tensor([1, 2]), tensor([0, 0])];
  const trainer = await make();
  await trainer.step(x, target);
  await expect(trainer.step(x, target)).rejects.toThrow(
    /the state w holds NaN or infinity already: .* an earlier step.* watch: "nan", that step stops and names the kernel/,
  );
  const watched = await make("nan");
  await expect(watched.step(x, target)).rejects.toThrow(/step 1.*kernel|kernel.*step 1/);
});
