/** Models that draw random tensors in their forward: each run and step draws anew, and the seed alone decides what. */

import {
  compareBackends,
  compile,
  compileTraining,
  generatorState,
  manualSeed,
  nn,
  ones,
  optim,
  rand,
  randint,
  randn,
  type Tensor,
  tensor,
} from "kiln-js";
import { describe, expect, it } from "vitest";
import { traceModel } from "../../src/trace/trace.ts";
import { FunctionModule } from "../support/function-module.ts";

/** An autoencoder that draws its code from a normal distribution (Kingma and Welling, 2013). */
class Autoencoder extends nn.Module {
  readonly mean = new nn.Linear(12, 3);
  readonly logVariance = new nn.Linear(12, 3);
  readonly decoder = new nn.Linear(3, 12);

  forward(x: Tensor): Tensor {
    const deviation = this.logVariance.forward(x).mul(0.5).exp();
    return this.decoder.forward(this.mean.forward(x).add(deviation.mul(randn(deviation.shape))));
  }
}

class Noise extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.add(randn(x.shape));
  }
}

const BACKENDS = [
  { backend: "js" },
  { backend: "wasm", threads: 1 },
  { backend: "wasm", threads: 2 },
  { backend: "gpujs:cpu" },
  { backend: "interpret" },
] as const;

async function trainerOf(options: object, lr = 0) {
  manualSeed(11);
  const model = new Autoencoder();
  const optimizer = new optim.SGD(model.parameters(), { lr });
  const trainer = await compileTraining(model, {
    inputs: [[8, 12]],
    loss: new nn.MSELoss(),
    optimizer,
    ...options,
  });
  return { model, trainer };
}

async function losses(options: object, steps = 4, lr = 0): Promise<number[]> {
  const { trainer } = await trainerOf(options, lr);
  const x = ones(8, 12);
  const found: number[] = [];
  for (let step = 0; step < steps; step++) found.push(await trainer.step(x, x));
  return found;
}

const correlation = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0) / a.length;

describe("a training step", () => {
  it.each(BACKENDS)("draws anew, and the same again from the same seed, on %o", async (options) => {
    const first = await losses(options);
    expect(new Set(first).size).toBe(4);
    expect(await losses(options)).toEqual(first);
    // Against double precision: a mean of 96 squares of sums of 12, rounded in float32.
    const expected = await losses({ backend: "interpret" });
    for (const [k, loss] of first.entries()) expect(Math.abs(loss / expected[k] - 1)).toBeLessThan(1e-6);
  });

  it("learns all the same on every backend", async () => {
    const expected = await losses({ backend: "interpret" }, 20, 0.1);
    for (const options of BACKENDS) {
      const found = await losses(options, 20, 0.1);
      // Rounding of one step goes into all that follow.
      for (const [k, loss] of found.entries()) expect(Math.abs(loss / expected[k] - 1)).toBeLessThan(1e-5);
    }
  });

  it("goes on with the noise of its step after a checkpoint", async () => {
    const whole = await losses({}, 6, 0.1);
    manualSeed(11);
    const model = new Autoencoder();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const options = { inputs: [[8, 12]], loss: new nn.MSELoss(), optimizer };
    const before = await compileTraining(model, options);
    for (let step = 0; step < 3; step++) await before.step(ones(8, 12), ones(8, 12));
    const [net, sgd] = [model.stateDict(), optimizer.stateDict()];
    manualSeed(11);
    const copy = new Autoencoder();
    await copy.loadStateDict(net);
    const other = new optim.SGD(copy.parameters(), { lr: 0.1 });
    await other.loadStateDict(sgd);
    const after = await compileTraining(copy, { ...options, optimizer: other });
    expect(await after.step(ones(8, 12), ones(8, 12))).toBe(whole[3]);
  });

  it.each(BACKENDS)(
    "takes what is drawn as a constant, the same in both directions, on %o",
    async (options) => {
      manualSeed(3);
      class Scaled extends nn.Module {
        readonly weight = new nn.Parameter(ones(64));
        forward(x: Tensor): Tensor {
          const noise = randn(64)
            .mul(rand(64))
            .add(randint(1, 9, [64]).float());
          return this.weight.mul(noise).mul(x);
        }
      }
      class Sum extends nn.Module {
        targetType = (output: { dtype: "float32"; shape: readonly number[] }) => output;
        forward(output: Tensor, target: Tensor): Tensor {
          return output.mul(target).sum();
        }
      }
      const model = new Scaled();
      const optimizer = new optim.SGD(model.parameters(), { lr: 0 });
      const loss = new Sum() as never;
      const trainer = await compileTraining(model, { inputs: [[64]], loss, optimizer, ...options });
      const { loss: found, gradients } = await trainer.gradients(ones(64), ones(64));
      const noise = Array.from(await gradients.weight.data());
      const sum = noise.reduce((total, v) => total + v, 0);
      // All weights are 1, so the loss is the sum of the noise: 64 roundings of a sum of about 300.
      expect(Math.abs(found - sum)).toBeLessThan(64 * 300 * 2 ** -24);
      expect(new Set(noise).size).toBe(64);
    },
  );
});

describe("a run", () => {
  it.each(["train", "eval"] as const)("draws anew in mode %s, whatever the batch size", async (mode) => {
    const texts = new Set<string>();
    for (const backend of ["js", "wasm"] as const) {
      manualSeed(1);
      const program = await compile(new Noise(), { inputs: [[4, 3]], mode, backend });
      const runs = [];
      for (const size of [4, 4, 7, 1, 4])
        runs.push(await (await program.run(tensor(new Float32Array(size * 3), { shape: [size, 3] }))).data());
      expect(runs.map(({ length }) => length)).toEqual([12, 12, 21, 3, 12]);
      expect(new Set(runs.flatMap((data) => [...data])).size).toBe(60);
      texts.add(runs.map((data) => Array.from(data, (v) => v.toFixed(4))).join());
    }
    expect(texts.size).toBe(1);
  });

  it("has independent numbers for each call, module and use of a module", async () => {
    const noise = new Noise();
    const layers = [noise, noise, new Noise(), new FunctionModule((x) => x.add(randn(x.shape)))];
    class Four extends nn.Module {
      readonly layers = new nn.ModuleList(layers.slice(1));
      forward(x: Tensor): Tensor[] {
        return [...layers.map((layer) => layer.forward(x) as Tensor), randn(x.shape), randn(x.shape)];
      }
    }
    manualSeed(2);
    const n = 40_000;
    const program = await compile(new Four(), { inputs: [[n]] });
    const zeros = tensor(new Float32Array(n));
    const draws: Float32Array[] = [];
    for (let run = 0; run < 2; run++)
      for (const output of await program.run<Tensor[]>(zeros))
        draws.push((await output.data()) as Float32Array);
    expect(draws).toHaveLength(12);
    for (const [i, a] of draws.entries()) {
      // The product of independent normal numbers has variance 1.
      for (const b of draws.slice(i + 1))
        expect(Math.abs(correlation(a, b))).toBeLessThan(4.5 / Math.sqrt(n));
    }
  });

  it("leaves no constant in the graph and the generator outside where it stood", async () => {
    manualSeed(4);
    const model = new FunctionModule((x) =>
      x.add(rand(x.shape)).add(randn(x.shape)).add(randint(9, x.shape).float()),
    );
    const { graph, states } = traceModel(model, [{ dtype: "float32", shape: [5] }]);
    expect([...states.keys()]).toEqual([]);
    expect(graph.inputs.filter(({ role }) => role === "scalar").map(({ name }) => name)).toEqual([
      "seed",
      "step",
    ]);
    await (await compile(model, { inputs: [[5]] })).run(ones(5));
    expect(generatorState().blocksDrawn).toBe(0);
  });

  it("lies within rounding of the interpreter's wherever backends are compared", async () => {
    manualSeed(5);
    const backends = ["js", "wasm", "gpujs:cpu"] as const;
    const options = { inputs: [[8, 12]], loss: new nn.MSELoss(), milliseconds: 10, backends };
    const { results } = await compareBackends(new Autoencoder(), options);
    for (const { difference } of results) expect(difference).toMatchObject({ checked: true, first: null });
  });
});
