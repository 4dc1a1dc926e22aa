/** What programs prepare from states once is made again whenever such a state has changed, whoever changes it. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  compile,
  compileStep,
  compileTraining,
  F,
  KilnError,
  load,
  manualSeed,
  nn,
  noGrad,
  optim,
  type Program,
  rand,
  randn,
  save,
  type Tensor,
  tensor,
} from "kiln-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Backend, Executable, StateMemory } from "../../backends/backend.ts";
import { type BackendName, backendNamed } from "../../backends/registry.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import { Instrument } from "../../src/runtime/inspection/instrument.ts";
import * as toolchain from "../backends/c/toolchain.ts";

const BATCH = 4;
const SHAPE = [BATCH, 3, 12, 12];
const BACKENDS: readonly BackendName[] = [
  "interpret",
  "js",
  "wasm",
  "gpujs:cpu",
  ...(toolchain.isHere ? (["c"] as const) : []),
];

/** Its products read softmax of a parameter, a buffer times a parameter, and a convolution's weight as lanes want it. */
class Net extends nn.Module {
  conv = new nn.Conv2d(3, 16, 3, { padding: 1 });
  readonly mixing = new nn.Parameter(randn(16, 8));
  declare readonly scale: Tensor;
  readonly fc = new nn.Parameter(randn(8, 5));

  constructor() {
    super();
    this.registerBuffer("scale", rand(8, 1));
  }

  override forward(x: Tensor): Tensor {
    const features = this.conv.forward(x).relu().mean([2, 3]);
    const mixed = features.matmul(this.mixing.softmax(1));
    return mixed.matmul(this.fc.mul(this.scale).softmax(0));
  }
}

/** Another program of its states, which changes the buffer. */
class Rescaling extends nn.Module {
  readonly net: Net;

  constructor(net: Net) {
    super();
    this.net = net;
  }

  override forward(x: Tensor): Tensor {
    this.net.scale.copy_(this.net.scale.mul(1.5).add(x.mean()));
    return this.net.scale.sum();
  }
}

/** The kernels that runs of a backend's programs begin and end with. */
type Ranges = (readonly [from: number, to: number])[];

/** A backend whose programs note how they are run. */
function noting(backend: Backend, ranges: Ranges): Backend {
  return {
    ...backend,
    capabilities: backend.capabilities,
    configured: (options) => noting(backend.configured(options), ranges),
    compile: async (plan: ProgramPlan, states: StateMemory) =>
      new Noting(plan, await backend.compile(plan, states), ranges),
  };
}

class Noting extends Instrument {
  private readonly ranges: Ranges;

  constructor(plan: ProgramPlan, executable: Executable, ranges: Ranges) {
    super(plan, executable);
    this.ranges = ranges;
  }

  override async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    this.ranges.push([from, to]);
    await this.executable.run(from, to, scalars);
  }
}

const x = rand(...SHAPE);
const labels = tensor(Int32Array.from({ length: BATCH }, (_, k) => k));

const resultOf = async (program: Program, input = x): Promise<Tensor> => program.run(input);
const numbersOf = async (program: Program): Promise<readonly number[]> => [
  ...(await (await resultOf(program)).data()),
];

/** What a program of the same states gives that was compiled just now, and has prepared nothing before. */
async function fresh(net: nn.Module, backend: BackendName): Promise<readonly number[]> {
  const program = await compile(net, { inputs: [SHAPE], backend });
  const numbers = await numbersOf(program);
  await program.dispose();
  return numbers;
}

const trainerFor = (
  net: nn.Module,
  backend: BackendName,
  optimizer = new optim.SGD(net.parameters(), { lr: 0.1 }),
) => compileTraining(net, { inputs: [SHAPE], loss: new nn.CrossEntropyLoss(), optimizer, backend });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kiln-prepared-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));
beforeEach(() => manualSeed(1));

/** Whoever can write states: each changes some that programs prepare from. */
const WRITERS: Readonly<Record<string, (net: Net, backend: BackendName) => Promise<void>>> = {
  "a training step": async (net, backend) => {
    const trainer = await trainerFor(net, backend);
    await trainer.step(x, labels);
    await trainer.dispose();
  },
  "a training step on another backend": async (net, backend) => {
    const trainer = await trainerFor(net, backend === "js" ? "wasm" : "js");
    await trainer.step(x, labels);
  },
  "a step of its user's": async (net, backend) => {
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.1 });
    const step = (input: Tensor, target: Tensor): Tensor => {
      const loss = F.crossEntropy(net.forward(input), target);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    };
    const inputs = [SHAPE, { shape: [BATCH], dtype: "int32" }] as const;
    const compiled = await compileStep(step, { inputs, modules: { net }, backend });
    await compiled.run(x, labels);
  },
  "an interactive step": async (net) => {
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    F.crossEntropy(net.forward(x), labels).backward();
    optimizer.step();
  },
  loadStateDict: async (net) => {
    await net.loadStateDict(new Net().stateDict());
  },
  "a checkpoint": async (net) => {
    const path = join(directory, "net.safetensors");
    await save(new Net().stateDict(), path);
    await net.loadStateDict((await load(path)) as Record<string, Tensor>);
  },
  "an operation in place": async (net) => {
    noGrad(() => net.mixing.mul_(2).add_(randn(16, 8)));
  },
  "copy_ of one row": async (net) => {
    noGrad(() => net.mixing.select(0, 3).copy_(randn(8)));
  },
  "an operation in place on a buffer": async (net) => {
    net.scale.fill_(3);
  },
  "a program that changes a buffer": async (net, backend) => {
    const program = await compile(new Rescaling(net), { inputs: [SHAPE], backend });
    await program.run(x);
  },
  "a layer in place of another": async (net) => {
    net.conv = new nn.Conv2d(3, 16, 3, { padding: 1 });
  },
};

/** Those of which every backend has code of its own; the others go through the store alone. */
const IN_MEMORY = ["a training step", "an operation in place", "a program that changes a buffer"];

describe.each(BACKENDS)("on %s", (backend) => {
  test.each(backend === "js" ? Object.keys(WRITERS) : IN_MEMORY)(
    "a program sees what was written by %s",
    async (writer) => {
      const net = new Net();
      const program = await compile(net, { inputs: [SHAPE], backend });
      const before = await numbersOf(program);
      expect(await numbersOf(program)).toEqual(before);
      await WRITERS[writer](net, backend);
      const after = await numbersOf(program);
      expect(after).not.toEqual(before);
      expect(after).toEqual(await fresh(net, backend));
      expect(await numbersOf(program)).toEqual(after);
    },
  );

  test("kernels that prepare run once, and again when a state that they read has been written", async () => {
    const ranges: Ranges = [];
    const net = new Net();
    const program = await compile(net, {
      inputs: [SHAPE],
      backend: noting(await backendNamed(backend), ranges),
    });
    const { preparedTo = 0, kernels } = program.compilation.plan;
    expect(preparedTo).toBeGreaterThan(0);
    const from = async (): Promise<number> => {
      ranges.length = 0;
      await program.run(x);
      expect(ranges).toHaveLength(1);
      expect(ranges[0][1]).toBe(kernels.length);
      return ranges[0][0];
    };
    expect([await from(), await from(), await from()]).toEqual([0, preparedTo, preparedTo]);
    noGrad(() => net.mixing.add_(1));
    expect([await from(), await from()]).toEqual([0, preparedTo]);
  });

  // The interpreter has states in double, and what measuring puts back is rounded.
  test.skipIf(backend === "interpret")(
    "measuring and looking leave what is prepared as it should be",
    async () => {
      const net = new Net();
      const [program, watched, trainer] = [
        await compile(net, { inputs: [SHAPE], backend }),
        await compile(net, { inputs: [SHAPE], backend, watch: "nan" }),
        await trainerFor(net, backend),
      ];
      for (let step = 0; step < 2; step++) {
        const expected = await fresh(net, backend);
        expect(await numbersOf(watched)).toEqual(expected);
        await program.runByKernel(x);
        await trainer.profile({ milliseconds: 1 });
        expect(await numbersOf(program)).toEqual(expected);
        await program.profile({ milliseconds: 1 });
        await trainer.gradients(x, labels);
        expect(await numbersOf(program)).toEqual(expected);
        await trainer.step(x, labels);
      }
    },
  );

  test("what is prepared of NaN is found each time, and is made again when the NaN is gone", async () => {
    const net = new Net();
    const program = await compile(net, { inputs: [SHAPE], backend, watch: "nan" });
    const expected = await numbersOf(program);
    const kept = await net.mixing.clone().data();
    noGrad(() => net.mixing.fill_(Number.NaN));
    for (let run = 0; run < 2; run++) await expect(program.run(x)).rejects.toThrow(KilnError);
    noGrad(() => net.mixing.copy_(tensor(kept).view(16, 8)));
    expect(await numbersOf(program)).toEqual(expected);
  });
});
