/** Dropout: which numbers it leaves out, by what it scales the rest, and that seed and step alone decide. */

import {
  compile,
  compileTraining,
  F,
  manualSeed,
  nn,
  ones,
  optim,
  rand,
  type Tensor,
  tensor,
  zeros,
} from "kiln-js";
import { describe, expect, it } from "vitest";
import { js } from "../../backends/js/backend.ts";
import type { BackendName } from "../../backends/registry.ts";
import { PassManager } from "../../passes/manager.ts";
import { runPipeline } from "../../passes/pipeline.ts";
import type { LazyEvaluator } from "../../src/runtime/programs/lazy-evaluator.ts";
import { currentEvaluator } from "../../src/tensor/context.ts";
import { traceModel } from "../../src/trace/trace.ts";

/** A function of tensors as a model. */
class Lambda extends nn.Module {
  readonly #call: (x: Tensor) => Tensor;

  constructor(call: (x: Tensor) => Tensor) {
    super();
    this.#call = call;
  }

  forward(x: Tensor): Tensor {
    return this.#call(x);
  }
}

const train = (model: nn.Module, shape: number[], backend: BackendName = "js") =>
  compile(model, { inputs: [shape], mode: "train", backend });

const dropsOf = (data: ArrayLike<number>): number => Array.from(data).filter((v) => v === 0).length;

describe("the numbers that are left out", () => {
  it.each([0.1, 0.5, 0.9])("are a part of %s, within five standard deviations", async (p) => {
    manualSeed(1);
    const n = 40_000;
    const program = await train(new nn.Dropout(p), [n]);
    for (let run = 0; run < 5; run++) {
      const data = await (await program.run(ones(n))).data();
      // A binomial count has variance n·p·(1-p).
      expect(Math.abs(dropsOf(data) - n * p)).toBeLessThan(5 * Math.sqrt(n * p * (1 - p)));
      expect(new Set(data)).toEqual(new Set([0, Math.fround(1 / (1 - p))]));
    }
  });

  it("do not hang together: neighbours are dropped together as often as by chance", async () => {
    manualSeed(2);
    const n = 40_000;
    const data = await (await (await train(new nn.Dropout(0.5), [n])).run(ones(n))).data();
    for (const distance of [1, 2, 3, 4, 64]) {
      const pairs = n - distance;
      const both = Array.from({ length: pairs }).filter((_, i) => data[i] === 0 && data[i + distance] === 0);
      // Pairs that overlap are pairwise independent, so the count's variance is at most that of a binomial with p = 1/4, doubled.
      expect(Math.abs(both.length - pairs / 4)).toBeLessThan(5 * Math.sqrt((pairs * 3) / 8));
    }
  });

  it("are whole channels for dropout2d and dropout1d", async () => {
    manualSeed(3);
    const images = await (
      await (await train(new nn.Dropout2d(), [20, 30, 3, 3])).run(ones(20, 30, 3, 3))
    ).data();
    const sequences = await (
      await (await train(new nn.Dropout1d(), [20, 30, 9])).run(ones(20, 30, 9))
    ).data();
    for (const data of [images, sequences]) {
      const channels = Array.from({ length: 600 }, (_, c) => data.slice(9 * c, 9 * c + 9));
      for (const channel of channels) expect(new Set(channel).size).toBe(1);
      const dropped = channels.filter(([first]) => first === 0).length;
      expect(Math.abs(dropped - 300)).toBeLessThan(5 * Math.sqrt(600 / 4));
    }
  });

  it("are none for p = 0 and all for p = 1, exactly", async () => {
    const x = tensor([1.5, -2, 3]);
    const keep = await train(new nn.Dropout(0), [3]);
    const drop = await train(new nn.Dropout(1), [3]);
    expect(await (await keep.run(x)).array()).toEqual([1.5, -2, 3]);
    expect(Array.from(await (await drop.run(x)).data(), Math.abs)).toEqual([0, 0, 0]);
  });
});

describe("seed and step", () => {
  const net = (): nn.Module => new Lambda((x) => F.dropout2d(F.dropout(x, 0.5), 0.25));
  const three = async (backend: BackendName): Promise<number[][]> => {
    manualSeed(7);
    const program = await train(net(), [3, 5, 3, 3], backend);
    const x = rand(3, 5, 3, 3);
    const runs = [await program.run(x), await program.run(x), await program.run(x)];
    return Promise.all(runs.map(async (y) => Array.from(await y.data(), Math.fround)));
  };

  it("give the same bits again, and on both backends the same zeros and, but for rounding, numbers", async () => {
    const [first, again, oracle] = [await three("js"), await three("js"), await three("interpret")];
    expect(again).toEqual(first);
    // The interpreter rounds what it stores alone, js the scale and both products: three roundings of 6e-8.
    const apart = (a: number, b: number): boolean => !(Math.abs(a - b) <= 2e-7 * Math.abs(b));
    expect(first.flatMap((run, k) => run.filter((v, i) => apart(v, oracle[k][i])))).toEqual([]);
    expect(oracle).toHaveLength(first.length);
  });

  it("tell apart runs, seeds and layers", async () => {
    const [first, second, third] = await three("js");
    expect(second).not.toEqual(first);
    expect(third).not.toEqual(second);
    const masks = async (seed: number): Promise<number[][]> => {
      manualSeed(seed);
      const both = new Lambda((x) => F.dropout(x).sub(F.dropout(x)));
      const difference = await (await train(both, [64])).run(ones(64));
      const single = await (await train(new nn.Dropout(), [64])).run(ones(64));
      return [Array.from(await difference.data()), Array.from(await single.data())];
    };
    const [difference, single] = await masks(1);
    expect(difference.some((v) => v !== 0)).toBe(true);
    expect((await masks(2))[1]).not.toEqual(single);
    expect((await masks(-1))[1]).not.toEqual((await masks(2 ** 32 - 1))[1]);
  });

  it("stand in the graph: two dropouts of one input and rate stay two through every pass", () => {
    const model = new Lambda((x) => F.dropout(x).add(F.dropout(x)));
    const { graph } = traceModel(model, [{ dtype: "float32", shape: [8] }]);
    const manager = new PassManager();
    const plan = runPipeline(manager, graph, { capabilities: js.capabilities });
    expect(plan.kernels.filter(({ name }) => name.startsWith("bernoulli"))).toHaveLength(2);
    expect(plan.scalars).toEqual(["seed", "step"]);
  });
});

describe("in training", () => {
  class Mean extends nn.Module {
    targetType = (output: { dtype: "float32"; shape: readonly number[] }) => output;
    forward(output: Tensor, target: Tensor): Tensor {
      return output.mul(target).sum();
    }
  }

  class Net extends nn.Module {
    readonly weight = new nn.Parameter(ones(32));
    readonly dropout = new nn.Dropout(0.5);
    forward(x: Tensor): Tensor {
      return this.dropout.forward(this.weight.mul(x));
    }
  }

  const trainerOf = async (net: nn.Module, backend: BackendName = "js", accumulate = 1) =>
    compileTraining(net, {
      inputs: [[32]],
      loss: new Mean() as never,
      optimizer: new optim.SGD(net.parameters(), { lr: 1 }),
      backend,
      ...(accumulate > 1 && { accumulate }),
    });

  it.each(["js", "interpret"] as const)(
    "the gradient goes through the mask of the forward pass, on %s",
    async (backend) => {
      manualSeed(4);
      const net = new Net();
      const trainer = await trainerOf(net, backend);
      const { loss, gradients } = await trainer.gradients(ones(32), ones(32));
      const mask = Array.from(await gradients.weight.data(), Math.fround);
      expect(new Set(mask)).toEqual(new Set([0, 2]));
      expect(loss).toBeCloseTo(
        mask.reduce((sum, v) => sum + v, 0),
        4,
      );
      // The step that follows draws what `gradients` saw, and the next one something else.
      expect(await trainer.step(ones(32), ones(32))).toBeCloseTo(loss, 4);
      const after = Array.from(await net.weight.data(), Math.fround);
      expect(after).toEqual(mask.map((m) => Math.fround(1 - m)));
      const next = await trainer.gradients(ones(32), ones(32));
      expect(Array.from(await next.gradients.weight.data(), Math.fround)).not.toEqual(mask);
    },
  );

  it("a run that is resumed at a step draws what it would have drawn", async () => {
    const run = async (from: number, to: number, state?: { sgd: never; net: Record<string, Tensor> }) => {
      manualSeed(9);
      const net = new Net();
      const optimizer = new optim.SGD(net.parameters(), { lr: 1e-3 });
      if (state !== undefined) {
        await net.loadStateDict(state.net);
        await optimizer.loadStateDict(state.sgd);
      }
      const options = { inputs: [[32]], loss: new Mean() as never, optimizer };
      const trainer = await compileTraining(net, options);
      expect(trainer.batchNumber).toBe(from);
      for (let step = from; step < to; step++) await trainer.step(ones(32), ones(32));
      return { net: net.stateDict(), sgd: optimizer.stateDict() as never };
    };
    const whole = await run(0, 6);
    const resumed = await run(3, 6, await run(0, 3));
    expect(await resumed.net.weight.data()).toEqual(await whole.net.weight.data());
  });

  it("the search for a number that is not finite sees the masks of the step that failed", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 12; seed++) {
      manualSeed(seed);
      // The logarithm is that of a negative number if the one element is kept, else of 1.
      const net = new nn.Sequential(
        new nn.Dropout(),
        new Lambda((x) => x.neg().add(1).log()),
        new nn.Linear(1, 1),
      );
      const optimizer = new optim.SGD(net.parameters(), { lr: 0 });
      const trainer = await compileTraining(net, { inputs: [[1, 1]], loss: new nn.MSELoss(), optimizer });
      const outcome = trainer.step(ones(1, 1), ones(1, 1)).then(
        () => "finite",
        (error: Error) => error.message.replace(/ at .*/, ""),
      );
      outcomes.add(await outcome);
    }
    expect([...outcomes].sort()).toEqual([
      "finite",
      "the loss of step 1 is NaN: it appears first in kernel cast_mul_neg_add_log",
    ]);
  });

  it("batches of one update have masks of their own", async () => {
    manualSeed(5);
    const trainer = await trainerOf(new Net(), "js", 3);
    const masks = new Set<string>();
    for (let batch = 0; batch < 6; batch++) {
      expect(trainer.batchNumber).toBe(batch);
      const { gradients } = await trainer.gradients(ones(32), ones(32));
      masks.add(String(await gradients.weight.data()));
      await trainer.step(ones(32), ones(32));
    }
    expect(masks.size).toBe(6);
  });
});

describe("outside of training", () => {
  it("is the identity and leaves no node", async () => {
    const net = new nn.Sequential(new nn.Dropout(), new nn.Dropout2d(), new nn.Tanh()).eval();
    const program = await compile(net, { inputs: [[1, 2, 3, 3]] });
    expect(program.kernels.map(({ name }) => name)).toEqual(["tanh"]);
    const x = ones(3);
    expect(F.dropout(x, 0.5, false)).toBe(x);
    expect(F.dropout(x, { training: false })).toBe(x);
  });

  it("lazy tensors draw anew at each call, from the seed, without compiling again", async () => {
    const counts = (): number => (currentEvaluator() as LazyEvaluator).counts.compiled;
    const draws = async (): Promise<number[][]> => {
      manualSeed(3);
      const results: number[][] = [];
      for (let turn = 0; turn < 3; turn++) results.push([...(await F.dropout(ones(50), 0.25).data())]);
      return results;
    };
    const first = await draws();
    const before = counts();
    expect(await draws()).toEqual(first);
    expect(counts()).toBe(before);
    expect(first[1]).not.toEqual(first[0]);
  });

  it("the interactive gradient uses the same mask", async () => {
    manualSeed(3);
    const x = ones(64);
    x.requiresGrad = true;
    const y = F.dropout(x, 0.25);
    y.sum().backward();
    expect(await x.grad!.data()).toEqual(await y.data());
  });
});

it("prints as PyTorch does and refuses what makes no sense", () => {
  expect(String(new nn.Dropout())).toBe("Dropout(p=0.5, inplace=False)");
  expect(String(new nn.Dropout2d({ p: 0.2, inplace: true }))).toBe("Dropout2d(p=0.2, inplace=True)");
  expect(String(new nn.Dropout1d(0.1))).toBe("Dropout1d(p=0.1, inplace=False)");
  const wrong = "dropout probability has to be between 0 and 1, but got";
  expect(() => new nn.Dropout(1.5)).toThrow(`Dropout: ${wrong} 1.5`);
  expect(() => F.dropout(zeros(2), -0.1)).toThrow(`dropout: ${wrong} -0.1`);
  expect(() => new nn.Dropout2d(Number.NaN)).toThrow("Dropout2d's p must be a finite number");
  expect(() => F.dropout2d(zeros(2, 2))).toThrow("dropout2d expects images [N,C,H,W] but got shape [2,2]");
});
