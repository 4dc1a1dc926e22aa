/** Hooks on modules, tensors and parameters: against PyTorch, compiled as interactively, and what goes wrong. */

import { autograd, compile, compileTraining, nn, optim, scan, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";
import { testModuleCases } from "../support/module-cases.ts";

const times =
  (factor: number) =>
  (gradient: Tensor): Tensor =>
    gradient.mul(factor);

function forwardHooks(): nn.Sequential {
  const net = new nn.Sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.Linear(4, 2));
  net[0].registerForwardHook((_module, _inputs, output) => (output as Tensor).mul(2));
  net[0].registerForwardHook((_module, [x], output) => (output as Tensor).add((x as Tensor).sum()), {
    prepend: true,
  });
  net[2].registerForwardPreHook((_module, [x]) => (x as Tensor).mul(3));
  net[2].registerForwardPreHook((_module, [x]) => [(x as Tensor).add(1)]);
  net.registerForwardHook(() => undefined);
  net[1].registerForwardHook((_module, _inputs, output) => (output as Tensor).mul(100)).remove();
  return net;
}

class Hooked extends nn.Module {
  a = new nn.Linear(3, 4);
  b = new nn.Linear(4, 2);

  constructor() {
    super();
    this.b.weight.registerHook((gradient) => gradient.clamp(-0.2, 0.2));
    this.b.weight.registerHook((gradient) => gradient.mul(this.a.bias!));
  }

  forward(x: Tensor): Tensor {
    const h = this.a.forward(x);
    h.registerHook(times(3));
    h.registerHook((gradient) => gradient.add(h.detach().mul(0.1)));
    const y = h.tanh().mul(h);
    y.registerHook(() => null);
    y.registerHook(times(100)).remove();
    return this.b.forward(y);
  }
}

function backwardHooks(): nn.Sequential {
  const net = new nn.Sequential(new nn.Linear(3, 4), new nn.Sigmoid(), new nn.Linear(4, 2));
  net[1].registerForwardHook((_module, _inputs, output) => {
    (output as Tensor).registerHook((gradient) => gradient.clamp(0));
  });
  return net;
}

testModuleCases(
  "modules_hooks",
  {
    "forward hooks": forwardHooks,
    "gradient hooks": () => new Hooked(),
    "gradient hooks of forward hooks": backwardHooks,
  },
  ["wasm"],
);

const numbers = async (t: Tensor | null | undefined): Promise<number[]> => Array.from(await t!.data());
const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });
const training = { inputs: [[2, 3]], loss: new nn.MSELoss(), backend: "js" } as const;
const x = tensor([
  [1, -2, 0.5],
  [0.25, 3, -1],
]);

describe("gradient hooks", () => {
  it("do interactively what they do compiled", async () => {
    for (const net of [new Hooked(), backwardHooks()]) {
      const target = zeros(2, 2);
      const trainer = await compileTraining(net, {
        ...training,
        optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
      });
      const { gradients } = await trainer.gradients(x, target);
      (net.forward(x) as Tensor).square().mean().backward();
      for (const [name, parameter] of net.namedParameters()) {
        const expected = await numbers(gradients[name]);
        const actual = await numbers(parameter.grad);
        // A few roundings of numbers of about 1.
        for (const [k, value] of expected.entries()) expect(Math.abs(actual[k] - value)).toBeLessThan(1e-5);
      }
    }
  });

  it("see the whole gradient, once, however late they are registered, and before it goes on", async () => {
    const a = leaf(1, 2);
    const h = a.mul(3);
    const y = h.mul(2).add(h.square());
    const seen: Promise<number[]>[] = [];
    h.registerHook((gradient) => {
      seen.push(numbers(gradient));
      return gradient.mul(10);
    });
    a.registerHook((gradient) => {
      seen.push(numbers(gradient));
      return gradient.add(1);
    });
    y.sum().backward();
    expect(await Promise.all(seen)).toEqual([
      [8, 14],
      [240, 420],
    ]);
    expect(await numbers(a.grad)).toEqual([241, 421]);
  });

  it("change what autograd.grad gives, second derivatives included, and the root's own", async () => {
    const a = leaf(2);
    const cube = a.square().mul(a);
    const handle = cube.registerHook((gradient) => gradient.mul(a));
    const [first] = autograd.grad(cube, [a], { createGraph: true });
    expect(await numbers(first)).toEqual([24]);
    const [second] = autograd.grad(first!, [a], { retainGraph: true });
    // d/da of 3a²·a
    expect(await numbers(second)).toEqual([36]);
    handle.remove();
    handle.remove();
    const [plain] = autograd.grad(cube, [a, cube]);
    expect(await numbers(plain)).toEqual([12]);
  });

  it("work where forward asks for gradients itself, and in the body of a scan", async () => {
    class Inner extends nn.Module {
      scale = new nn.Parameter(tensor([2]));

      forward(input: Tensor): Tensor {
        const own = input.clone().requiresGrad_();
        own.registerHook((gradient) => gradient.add(1));
        const h = own.mul(3);
        h.registerHook(times(5));
        const [gradient] = autograd.grad(h.square().sum(), [own], { createGraph: true });
        const [, steps] = scan(
          (carried: Tensor, item: Tensor) => {
            const next = carried.mul(this.scale).add(item);
            next.registerHook(times(0.5));
            return [next, next];
          },
          zeros(1),
          gradient!.reshape(3, 1),
        );
        return (steps as Tensor).sum();
      }
    }
    const net = new Inner();
    const program = await compile(net, { inputs: [[3]], backend: "js" });
    const input = tensor([1, 2, 3]);
    const compiled = await numbers((await program.run(input)) as Tensor);
    // 90x + 1 for each x, then a recurrence of factor 2.
    expect(compiled).toEqual([91 * 7 + 181 * 3 + 271]);
    const output = net.forward(input);
    expect(await numbers(output)).toEqual(compiled);
    output.backward();
    const loss = Object.assign(new nn.MSELoss(), { forward: (value: Tensor) => value });
    const trainer = await compileTraining(net, {
      inputs: [[3]],
      targets: [],
      loss,
      optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
      backend: "js",
    });
    const { gradients } = await trainer.gradients(input);
    expect(await numbers(gradients.scale)).toEqual(await numbers(net.scale.grad));
  });

  it("are one clear line where they cannot be", async () => {
    expect(() => zeros(2).registerHook(times(2))).toThrow("requires no gradient");
    expect(() => leaf(1).registerHook(3 as never)).toThrow("registerHook takes a function of the gradient");
    const wrong = (hook: (gradient: Tensor) => unknown): void => {
      const a = leaf(1, 2);
      a.registerHook(hook as autograd.GradientHook);
      a.sum().backward();
    };
    expect(() => wrong((gradient) => gradient.sum())).toThrow("must return nothing or a gradient float32[2]");
    expect(() => wrong(async () => undefined)).toThrow("must not be async");
    class Late extends nn.Module {
      layer = new nn.Linear(3, 2);
      forward(input: Tensor): Tensor {
        const h = this.layer.forward(input);
        const y = h.relu();
        h.registerHook(times(2));
        return y;
      }
    }
    const late = new Late();
    const optimizer = new optim.SGD(late.parameters(), { lr: 0.1 });
    await expect(compileTraining(late, { ...training, optimizer })).rejects.toThrow("comes too late here");
    const reading = new nn.Sequential(new nn.Linear(3, 2));
    reading[0].registerForwardHook((_module, _inputs, output) => {
      (output as Tensor).registerHook((gradient) => void gradient.item());
    });
    const settings = { ...training, optimizer: new optim.SGD(reading.parameters(), { lr: 0.1 }) };
    await expect(compileTraining(reading, settings)).rejects.toThrow("cannot be read inside forward");
  });
});

describe("hooks that come after compiling", () => {
  it("are noticed by programs and trainers, and so are those that go", async () => {
    const net = new nn.Sequential(new nn.Linear(3, 2, false));
    const program = await compile(net, { inputs: [[2, 3]], backend: "js" });
    const before = await numbers((await program.run(x)) as Tensor);
    const doubled = net[0].registerForwardHook((_module, _inputs, output) => (output as Tensor).mul(2));
    expect(await numbers((await program.run(x)) as Tensor)).toEqual(before.map((value) => value * 2));
    doubled.remove();
    expect(await numbers((await program.run(x)) as Tensor)).toEqual(before);

    const trainer = await compileTraining(net, {
      ...training,
      optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
    });
    const weight = net.parameters()[0];
    const start = await numbers(weight);
    const frozen = weight.registerHook(times(0));
    await trainer.step(x, zeros(2, 2));
    expect(await numbers(weight)).toEqual(start);
    frozen.remove();
    await trainer.step(x, zeros(2, 2));
    expect(await numbers(weight)).not.toEqual(start);
  });
});
