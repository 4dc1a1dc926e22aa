/** Gradients of gradients against PyTorch: functions, autograd.functional, WGAN-GP's penalty, a physics-informed net. */

import { readFileSync } from "node:fs";
import { autograd, compileTraining, F, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { isHere } from "../backends/c/toolchain.ts";
import { generate, labels } from "../support/fixtures.ts";

const { grad, functional } = autograd;

interface Steps {
  readonly losses: readonly number[];
  readonly parameters: Readonly<Record<string, readonly number[]>>;
}

interface Fixture {
  readonly functions: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly derivatives: readonly number[][] }>
  >;
  readonly functional: Readonly<Record<"jvp" | "vjp" | "hvp" | "vhp", readonly number[][]>> &
    Readonly<Record<"jacobian" | "hessian", readonly number[][][]>>;
  readonly penalty: Steps;
  readonly physics: Steps;
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL("../fixtures/second_derivatives.json", import.meta.url), "utf8"),
);

const made = (name: string, shape: readonly number[], scale = 1): Tensor =>
  tensor(
    generate(
      `second/${name}`,
      shape.reduce((a, n) => a * n, 1),
      scale,
    ),
    { shape: [...shape] },
  );

const W = made("weight", [4, 4]);
const B = made("bias", [4]);
const K = made("kernel", [3, 2, 3, 3], 0.5);
const FUNCTIONS: Record<string, (x: Tensor) => Tensor> = {
  polynomial: (x) => x.pow(4).sub(x.pow(3).mul(2)),
  "tanh and sigmoid": (x) => x.tanh().mul(x.sigmoid()),
  "exp and log": (x) => x.mul(x).add(1).log().add(x.mul(0.5).exp()),
  "sqrt and div": (x) => x.add(2).sqrt().div(x.add(3)),
  "erf and expm1": (x) => x.erf().add(x.expm1().mul(x.log1p())),
  pow: (x) => x.add(2).pow(x.add(1)),
  norm: (x) => x.norm(2, 1),
  softmax: (x) => F.softmax(x, 1),
  log_softmax: (x) => F.logSoftmax(x, 0),
  gelu: (x) => F.gelu(x),
  silu: (x) => F.silu(x),
  softplus: (x) => F.softplus(x),
  linear: (x) => F.linear(x, W, B).tanh(),
  matmul: (x) => x.matmul(x.t()),
  layer_norm: (x) => F.layerNorm(x, [4], B, B),
  batch_norm: (x) => F.batchNorm(x, undefined, undefined, B, B, true),
  group_norm: (x) => F.groupNorm(x, 2),
  conv2d: (x) => F.conv2d(x, K, undefined, 1, 1).tanh(),
  "conv of conv": (x) => {
    const [first] = F.conv2d(x, K).split(1, 0);
    return F.conv2d(x, first.split(2, 1)[0].expand([3, 2, 3, 3]));
  },
  max_pool2d: (x) => F.maxPool2d(x, 2, 1).pow(3),
  avg_pool2d: (x) => F.avgPool2d(x, 2).pow(3),
  cumsum: (x) => x.cumsum(1).pow(3),
  cross_entropy: (x) => F.crossEntropy(x, tensor(labels("second/target", 3, 4))),
  mse_loss: (x) => F.mseLoss(x.exp(), B.expand([3, 4])),
  bce_with_logits: (x) => F.binaryCrossEntropyWithLogits(x, B.sigmoid().expand([3, 4])),
  smooth_l1: (x) => F.smoothL1Loss(x.mul(x), B.expand([3, 4])),
  std: (x) => x.std(1),
};

/**
 * Largest difference over largest value. PyTorch computed in double, Kiln in float32 (6e-8), a few hundred operations long
 * by the third derivative, some of which cancel: those of norms over rows lose two digits.
 */
const TOLERANCE = 3e-5;

function expectClose(actual: ArrayLike<number>, expected: readonly number[], what = ""): void {
  expect(actual.length, what).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i] - expected[i]) / scale, `${what}[${i}]`).toBeLessThan(TOLERANCE);
}

describe("three derivatives", () => {
  test.each(Object.keys(FUNCTIONS))("%s", async (name) => {
    const { shape, derivatives } = fixture.functions[name];
    const x = made(`x/${name}`, shape).requiresGrad_();
    let value = FUNCTIONS[name](x);
    for (const [order, expected] of derivatives.entries()) {
      const weight = made(`w${order}/${name}`, value.shape);
      [value] = grad(value.mul(weight).sum(), x, { createGraph: true });
      expectClose(await value.data(), expected, `derivative ${order + 1}`);
    }
  });
});

describe("autograd.functional", () => {
  const pair = (...[x, y]: Tensor[]): Tensor[] => [x.mul(y).exp(), x.exp().mul(y).sum()];
  const scalar = (...[x, y]: Tensor[]): Tensor => x.mul(x).mul(y).sum().add(x.exp().mul(y).mul(y).sum());
  const [x, y] = [made("fx", [3]), made("fy", [3])];
  const v = [made("vx", [3]), made("vy", [3])];
  const w = [made("wa", [3]), made("wb", [])];
  const all = async (parts: readonly Tensor[], expected: readonly number[][]): Promise<void> => {
    expect(parts).toHaveLength(expected.length);
    for (const [k, part] of parts.entries()) expectClose(await part.data(), expected[k]);
  };

  test("jvp and vjp", async () => {
    await all(functional.jvp(pair, [x, y], v)[1], fixture.functional.jvp);
    await all(functional.vjp(pair, [x, y], w)[1], fixture.functional.vjp);
  });

  test("hvp and vhp", async () => {
    await all(functional.hvp(scalar, [x, y], v)[1], fixture.functional.hvp);
    await all(functional.vhp(scalar, [x, y], v)[1], fixture.functional.vhp);
  });

  test("jacobian and hessian", async () => {
    const rows = functional.jacobian(pair, [x, y]);
    for (const [k, row] of rows.entries()) await all(row, fixture.functional.jacobian[k]);
    expect(rows[0][1].shape).toEqual([3, 3]);
    expect(rows[1][0].shape).toEqual([3]);
    const hessian = functional.hessian(scalar, [x, y]);
    for (const [k, row] of hessian.entries()) await all(row, fixture.functional.hessian[k]);
  });

  test("of one tensor, with gradients of its own, and what it refuses", async () => {
    const p = made("fx", [3]).requiresGrad_();
    const [value, product] = functional.vjp((t: Tensor) => t.mul(t).sum(), p, undefined, {
      createGraph: true,
    });
    expect([value.requiresGrad, p.grad]).toEqual([true, null]);
    expectClose(await grad(product.sum(), p)[0].data(), [2, 2, 2]);
    const square = functional.jacobian((t: Tensor) => t.mul(t), p);
    expect(square.shape).toEqual([3, 3]);
    expect(square.requiresGrad).toBe(false);
    expect(() => functional.hessian((t: Tensor) => t.mul(2), p)).toThrow(
      "hessian needs a function of one single number",
    );
    expect(() => functional.jvp((t: Tensor) => t.mul(2), p)).toThrow("jvp needs a vector v");
    expect(() => functional.vjp((t: Tensor) => t.mul(2), p, p.sum())).toThrow(
      "vjp needs v of shapes [3], and is given []",
    );
    expectClose(await functional.jacobian(() => p.detach(), p).data(), new Array(9).fill(0));
  });
});

const fill = (net: nn.Module, name: string): void => {
  for (const [key, parameter] of net.namedParameters()) {
    const numbers = made(`${name}/${key}`, parameter.shape, 0.5);
    autograd.noGrad(() => parameter.copy_(numbers));
  }
};

/** A critic and its penalty in one module: `forward` gives the loss (Gulrajani et al., 2017). */
class Penalty extends nn.Module {
  readonly net = new nn.Sequential(
    new nn.Linear(4, 6),
    new nn.LeakyReLU(0.2),
    new nn.Linear(6, 5),
    new nn.Tanh(),
    new nn.Linear(5, 1),
  );
  forward(real: Tensor, fake: Tensor, share: Tensor): Tensor {
    const between = share.mul(real).add(share.neg().add(1).mul(fake)).detach().requiresGrad_();
    const scores = this.net.forward(between);
    const gradOutputs = scores.detach().mul(0).add(1);
    const [slope] = grad(scores, between, { gradOutputs, createGraph: true, retainGraph: true });
    const penalty = slope.norm(2, 1).sub(1).pow(2).mean();
    return this.net.forward(fake).mean().sub(this.net.forward(real).mean()).add(penalty.mul(10));
  }
}

class Physics extends nn.Module {
  readonly net = new nn.Sequential(
    new nn.Linear(1, 6),
    new nn.Tanh(),
    new nn.Linear(6, 6),
    new nn.Tanh(),
    new nn.Linear(6, 1),
  );
  forward(x: Tensor): Tensor {
    x.requiresGrad_();
    const u = this.net.forward(x);
    const [first] = grad(u.sum(), x, { createGraph: true });
    const [second] = grad(first.sum(), x, { createGraph: true });
    return second.add(u).pow(2).mean();
  }
}

/** The model gives its loss itself. */
class Itself extends nn.Module {
  forward(output: Tensor, _target: Tensor): Tensor {
    return output;
  }
}

const NETS = {
  penalty: {
    model: () => new Penalty(),
    prefix: "critic",
    optimizer: (net: nn.Module) => new optim.SGD(net.parameters(), { lr: 0.05 }),
    inputs: [
      [5, 4],
      [5, 4],
      [5, 1],
    ],
    batch: (step: number) => [
      made(`real${step}`, [5, 4]),
      made(`fake${step}`, [5, 4]),
      made(`share${step}`, [5, 1]).mul(0.5).add(0.5),
    ],
  },
  physics: {
    model: () => new Physics(),
    prefix: "physics",
    optimizer: (net: nn.Module) => new optim.Adam(net.parameters(), { lr: 0.01 }),
    inputs: [[7, 1]],
    batch: (step: number) => [made(`points${step}`, [7, 1])],
  },
};

describe.each(["penalty", "physics"] as const)("three steps of %s", (name) => {
  const { model, prefix, optimizer, inputs, batch } = NETS[name];
  const expected = fixture[name];
  const started = () => {
    const net = model();
    fill(net.net, prefix);
    return { net, optimizer: optimizer(net) };
  };
  const check = async (net: { readonly net: nn.Module }, losses: readonly number[]): Promise<void> => {
    expectClose(losses, expected.losses, "loss");
    for (const [key, parameter] of net.net.namedParameters())
      expectClose(await parameter.data(), expected.parameters[key], key);
  };

  test("interactive", async () => {
    const { net, optimizer } = started();
    const losses: number[] = [];
    for (const step of [0, 1, 2]) {
      optimizer.zeroGrad();
      const loss = (net.forward as (...inputs: Tensor[]) => Tensor)(...batch(step));
      loss.backward();
      optimizer.step();
      losses.push(await loss.item());
    }
    await check(net, losses);
  });

  test.each(["interpret", "js", "wasm", ...(isHere ? (["c"] as const) : [])] as const)(
    "compiled for %s",
    async (backend) => {
      const { net, optimizer } = started();
      const trainer = await compileTraining(net, {
        inputs,
        targets: [[]],
        loss: new Itself(),
        optimizer,
        backend,
      });
      const losses: number[] = [];
      for (const step of [0, 1, 2]) losses.push(await trainer.step(...batch(step), tensor(0)));
      await check(net, losses);
      await trainer.dispose();
    },
  );
});
