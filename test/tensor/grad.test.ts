/** autograd.grad and backward with options: gradients of gradients, outside of traces and in compiled programs. */

import {
  autograd,
  compile,
  compileTraining,
  KilnError,
  nn,
  noGrad,
  ones,
  optim,
  scan,
  type Tensor,
  tensor,
} from "kiln-js";
import { describe, expect, it, test } from "vitest";

const { grad } = autograd;
const numbers = async (t: Tensor | null): Promise<number[]> => Array.from(await t!.data());
const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });

describe("grad", () => {
  it("gives gradients as results and leaves grad alone", async () => {
    const [x, w] = [leaf(1, 2), leaf(3, 4)];
    const [dx, dw] = grad(x.mul(w).sum(), [x, w]);
    expect([await numbers(dx), await numbers(dw)]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    expect([x.grad, w.grad, dx.requiresGrad]).toEqual([null, null, false]);
  });

  it("goes on to second and third derivatives with createGraph", async () => {
    const x = leaf(1, 2, 3);
    const [first] = grad(x.mul(x).mul(x).mul(x).sum(), x, { createGraph: true });
    const [second] = grad(first.sum(), x, { createGraph: true });
    const [third] = grad(second.sum(), x);
    expect(await numbers(first)).toEqual([4, 32, 108]);
    expect(await numbers(second)).toEqual([12, 48, 108]);
    expect(await numbers(third)).toEqual([24, 48, 72]);
  });

  it("takes what arrives at each output, which has a gradient itself", async () => {
    const x = leaf(1, 2);
    const v = leaf(1, 1);
    const [g] = grad([x.mul(x), x.sum()], x, { gradOutputs: [v, null], createGraph: true });
    expect(await numbers(g)).toEqual([3, 5]);
    expect(await numbers(grad(g, v, { gradOutputs: tensor([1, 10]) })[0])).toEqual([2, 40]);
  });

  it("tells apart tensors that were computed alike, also in gradients of gradients", async () => {
    const x = leaf(1, 2);
    const [a, b] = [x.mul(2), x.mul(2)];
    const [da] = grad(a.mul(b).sum(), a, { createGraph: true });
    expect(await numbers(da)).toEqual([2, 4]);
    const [daa, dab] = grad(da.sum(), [a, b], { allowUnused: true, retainGraph: true });
    expect(daa).toBeNull();
    expect(await numbers(dab)).toEqual([1, 1]);
    expect(await numbers(grad(da.sum(), x)[0])).toEqual([2, 2]);
  });

  it("gives the gradients of tensors on the way, and of what lies behind them", async () => {
    const x = leaf(1, 2);
    const h = x.mul(3);
    const [dh, dx] = grad(h.mul(h).sum(), [h, x]);
    expect([await numbers(dh), await numbers(dx)]).toEqual([
      [6, 12],
      [18, 36],
    ]);
  });

  it("refuses what it cannot give, and says what to do", () => {
    const [x, other] = [leaf(1, 2), leaf(1)];
    const y = x.sum();
    expect(() => grad(y, other)).toThrow(
      "do not depend on input 0, a tensor of shape [1]: { allowUnused: true }",
    );
    expect(() => grad(x.mul(2), x)).toThrow("grad of a tensor of shape [2] needs the gradient that arrives");
    expect(() => grad(y, tensor([1]))).toThrow("requires none: call requiresGrad_() on it before");
    expect(() => grad(tensor([1]), x)).toThrow("no gradient is remembered for");
    expect(() => grad(y, [])).toThrow("grad is given no inputs");
    expect(() => grad(y, x, { gradOutputs: [null, null] })).toThrow("1 outputs and 2 gradOutputs");
    expect(() => grad(y, x, { create: true } as never)).toThrow("grad has no option create");
  });

  it("gives null or zeros for what is not used, as it is told", async () => {
    const [x, other] = [leaf(1, 2), leaf(1)];
    expect(grad(x.sum(), [other], { allowUnused: true })).toEqual([null]);
    const [zero] = grad(x.sum(), other, { materializeGrads: true });
    expect(await numbers(zero)).toEqual([0]);
  });

  it("frees what it went through, and nothing else", async () => {
    const [x, w] = [leaf(1, 2), leaf(3, 4)];
    const y = x.exp().mul(w.exp()).sum();
    grad(y, x, { retainGraph: true });
    grad(y, w);
    expect(() => grad(y, x)).toThrow("a second time");
    const z = x.exp().add(w.exp());
    const [a, b] = [z.sum(), w.exp().sum()];
    grad(a, x);
    expect(await numbers(grad(b, w)[0])).toHaveLength(2);
  });
});

describe("backward", () => {
  it("with createGraph leaves gradients that have gradients", async () => {
    const x = leaf(1, 2);
    x.mul(x).mul(x).sum().backward({ createGraph: true });
    const penalty = x.grad!.mul(x.grad!).sum();
    x.grad = null;
    penalty.backward();
    // d/dx (3x²)² = 36x³
    expect(await numbers(x.grad)).toEqual([36, 288]);
  });

  it("adds to the inputs it is told, and no others", async () => {
    const [x, w] = [leaf(1, 2), leaf(3, 4)];
    x.mul(w).sum().backward({ inputs: x });
    expect([await numbers(x.grad), w.grad]).toEqual([[3, 4], null]);
  });
});

/** u″ + u of a net of the input, as a physics-informed net has it. */
class Physics extends nn.Module {
  readonly hidden = new nn.Linear(1, 5);
  readonly out = new nn.Linear(5, 1);

  forward(x: Tensor): Tensor {
    x.requiresGrad_();
    const u = this.out.forward(this.hidden.forward(x).tanh());
    const [slope] = grad(u.sum(), x, { createGraph: true });
    const [bend] = grad(slope.sum(), x, { createGraph: true });
    return bend.add(u);
  }
}

const BACKENDS = ["interpret", "js", "wasm"] as const;
const points = (): Tensor => tensor([[-0.5], [0.25], [1]]);
/** Interactive mode rounds to float32 where wasm does; others round elsewhere, a few dozen times. */
const TOLERANCE = 1e-5;

const expectClose = (actual: ArrayLike<number>, expected: ArrayLike<number>): void => {
  expect(actual).toHaveLength(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i] - expected[i])).toBeLessThan(TOLERANCE * (1 + Math.abs(expected[i])));
};

describe.each(BACKENDS)("compiled for %s", (backend) => {
  test("derivatives for an input inside forward train and run as outside", async () => {
    const net = new Physics();
    const target = tensor([[1], [0], [2]]);
    const output = net.forward(points());
    const loss = new nn.MSELoss().forward(output, target);
    loss.backward();
    const program = await compile(net, { inputs: [[3, 1]], backend });
    expectClose(await (await program.run(points())).data(), await output.data());
    const trainer = await compileTraining(net, {
      inputs: [[3, 1]],
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
      backend,
    });
    const { loss: value, gradients } = await trainer.gradients(points(), target);
    expectClose([value], [await loss.item()]);
    // The last bias has a gradient in both, through u alone.
    for (const [name, parameter] of net.namedParameters())
      expectClose(await gradients[name].data(), await numbers(parameter.grad));
    await program.dispose();
    await trainer.dispose();
  });

  test("derivatives through a scan, and in its body", async () => {
    class Loop extends nn.Module {
      readonly w = new nn.Parameter(tensor([0.5, -0.25]));
      forward(x: Tensor): Tensor {
        x.requiresGrad_();
        const step = (h: Tensor, e: Tensor): readonly [Tensor, Tensor] => {
          const y = h.mul(this.w).add(e).tanh();
          const [slope] = grad(y.mul(y).sum(), h, { createGraph: true });
          return [y, slope];
        };
        const [last, slopes] = scan(step, this.w.mul(2), x);
        const [g] = grad(last.sum().add(slopes.sum()), x, { createGraph: true });
        return g.mul(g);
      }
    }
    const net = new Loop();
    const x = (): Tensor =>
      tensor([
        [0.1, 0.2],
        [0.3, -0.4],
        [0.5, 0.6],
      ]);
    const target = tensor([
      [0, 1],
      [1, 0],
      [0, 0],
    ]);
    const loss = new nn.MSELoss().forward(net.forward(x()), target);
    loss.backward();
    const trainer = await compileTraining(net, {
      inputs: [[3, 2]],
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
      backend,
    });
    const { loss: value, gradients } = await trainer.gradients(x(), target);
    expectClose([value], [await loss.item()]);
    expectClose(await gradients.w.data(), await numbers(net.w.grad));
    await trainer.dispose();
  });
});

describe("inside forward", () => {
  const compiled = (forward: (x: Tensor, w: nn.Parameter) => Tensor) => {
    class Net extends nn.Module {
      readonly w = new nn.Parameter(tensor([2, 3]));
      forward(x: Tensor): Tensor {
        return forward(x, this.w);
      }
    }
    const net = new Net();
    const loss = { targets: [[]], loss: new Sum(), optimizer: new optim.SGD(net.parameters(), { lr: 1 }) };
    return { net, trainer: () => compileTraining(net, { inputs: [[2]], backend: "js", ...loss }) };
  };
  class Sum extends nn.Module {
    forward(output: Tensor, _target: Tensor): Tensor {
      return output.sum();
    }
  }

  test("without createGraph a gradient is a constant to the parameters", async () => {
    const { trainer } = compiled((x, w) => {
      x.requiresGrad_();
      const [g] = grad(x.mul(w).sum(), x);
      return g.mul(w);
    });
    const { gradients } = await (await trainer()).gradients(ones(2), tensor(0));
    expect(await numbers(gradients.w)).toEqual([2, 3]);
  });

  test("backward adds to tensors of forward's own, once and again", async () => {
    const { trainer } = compiled((x, w) => {
      x.requiresGrad_();
      for (let k = 0; k < 2; k++) x.mul(x).mul(w).sum().backward({ inputs: x, createGraph: true });
      return x.grad!.mul(w);
    });
    const { gradients } = await (await trainer()).gradients(tensor([1, 2]), tensor(0));
    // Σ 4·x·w², so 8·x·w
    expect(await numbers(gradients.w)).toEqual([16, 48]);
  });

  test("a tensor that forward makes is a leaf, for grad and for backward, in a scan's body too", async () => {
    const { net, trainer } = compiled((x, w) => {
      const own = ones(2).requiresGrad_();
      const [g] = grad(own.mul(own).mul(w).mul(x).sum(), own, { createGraph: true });
      const other = tensor([1, 3]).requiresGrad_();
      other.mul(other).mul(w).sum().backward({ inputs: other, createGraph: true });
      const [, slopes] = scan(
        (h: Tensor, e: Tensor): readonly [Tensor, Tensor] => {
          const at = ones([]).requiresGrad_();
          return [h, grad(at.mul(at).mul(w).sum().mul(e.sum()), at, { createGraph: true })[0]];
        },
        x,
        x,
      );
      return g.add(other.grad!).add(slopes);
    });
    // 2·w·x, then 2·other·w, then 2·(w0 + w1)·x
    const { loss, gradients } = await (await trainer()).gradients(tensor([1, 2]), tensor(0));
    expect(loss).toBe(4 + 12 + 4 + 18 + 10 + 20);
    expect(await numbers(gradients.w)).toEqual([2 + 2 + 6, 4 + 6 + 6]);
    const program = await compile(net, { inputs: [[2]], backend: "js" });
    expect(await numbers(await program.run(tensor([1, 2])))).toEqual([4 + 4 + 10, 12 + 18 + 20]);
    expect(await numbers(net.forward(tensor([1, 2])))).toEqual([4 + 4 + 10, 12 + 18 + 20]);
  });

  test("gradients for parameters, in training and in evaluation", async () => {
    const { net, trainer } = compiled((x, w) => {
      const [g] = grad(x.mul(w).mul(w).sum(), w, { createGraph: true });
      return g;
    });
    const { gradients } = await (await trainer()).gradients(tensor([1, 2]), tensor(0));
    expect(await numbers(gradients.w)).toEqual([2, 4]);
    const program = await compile(net, { inputs: [[2]], backend: "js" });
    expect(await numbers(await program.run(tensor([1, 2])))).toEqual([4, 12]);
  });

  test("backward that reaches a parameter is an error with its line", async () => {
    const { trainer } = compiled((x, w) => {
      const y = x.mul(w).sum();
      y.backward();
      return y;
    });
    const error = await trainer().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(KilnError);
    expect(String(error)).toContain(
      "backward() is called inside forward, and reaches a parameter float32[2]",
    );
    expect((error as KilnError).origins[0].file).toContain("grad.test.ts");
  });

  test("what noGrad has computed has no gradient", async () => {
    const { trainer } = compiled((x, w) => {
      x.requiresGrad_();
      return grad(
        noGrad(() => x.mul(w).sum()),
        x,
      )[0];
    });
    await expect(trainer()).rejects.toThrow("no gradient is remembered for");
  });
});

/** A sigmoid with a rule of its own, which reads its output. */
class Sigmoid extends autograd.Function {
  static forward(context: autograd.FunctionContext, x: Tensor): Tensor {
    const y = x.sigmoid();
    context.saveForBackward(y);
    return y;
  }
  static backward(context: autograd.FunctionContext, gradient: Tensor): Tensor {
    const [y] = context.savedTensors;
    return gradient.mul(y).mul(y.neg().add(1));
  }
}

test("a user's rule is differentiated itself", async () => {
  const x = leaf(0.3, -1);
  const derivatives = async (f: (x: Tensor) => Tensor): Promise<number[][]> => {
    const [first] = grad(f(x).sum(), x, { createGraph: true });
    const [second] = grad(first.sum(), x, { createGraph: true });
    const [third] = grad(second.sum(), x);
    return Promise.all([first, second, third].map(numbers));
  };
  const [own, right] = [await derivatives((t) => Sigmoid.apply(t)), await derivatives((t) => t.sigmoid())];
  for (const [k, values] of own.entries()) expectClose(values, right[k]);
});
