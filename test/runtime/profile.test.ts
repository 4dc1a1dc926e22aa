/** Profiles: programs measured in turns, and what kernel-by-kernel runs leave behind. */

import { compile, compileTraining, nn, noGrad, optim, randn, tensor } from "kiln-js";
import { expect, test } from "vitest";
import { profile, profileAlone } from "../../src/runtime/inspection/profile.ts";

const info = { origins: [], source: "", prepares: false, flops: 4e6, nominalFlops: 8e6, bytes: 0 };

test("takes medians, in turns, and does not count the first round", async () => {
  let time = 0;
  const order: string[] = [];
  const fake = (name: string, milliseconds: number) => {
    let runs = 0;
    return {
      kernels: [
        { ...info, name: "first" },
        { ...info, name: "second" },
      ],
      run: async () => {
        order.push(name);
        // The engine is slow at first, and one run in five meets another process.
        time += runs++ < 3 ? 100 * milliseconds : runs % 5 === 0 ? 7 * milliseconds : milliseconds;
      },
      runByKernel: async () => {
        time += milliseconds;
        return [0.25 * milliseconds, 0.75 * milliseconds];
      },
    };
  };
  const [one, two] = await profile([fake("one", 1), fake("two", 4)], 600, () => time);
  expect(one.milliseconds).toBe(1);
  expect(two.milliseconds).toBe(4);
  expect(one.runs).toBeGreaterThan(two.runs);
  expect(two.kernels.map((k) => k.milliseconds)).toEqual([1, 3]);
  // 4e6 operations in 1 ms are 4 GFLOP/s.
  expect(two.kernels[0].gflops).toBe(4);
  expect(order.lastIndexOf("one")).toBeGreaterThan(order.indexOf("two"));
});

test("one program by itself: all whole runs come before the first by kernels", async () => {
  let time = 0;
  const order: string[] = [];
  const program = {
    kernels: [{ ...info, name: "only" }],
    run: async () => {
      order.push("whole");
      time += order.length < 3 ? 100 : 2;
    },
    runByKernel: async () => {
      order.push("kernels");
      time += 1;
      return [0.5];
    },
  };
  const { milliseconds, runs, kernels } = await profileAlone(program, 1000, () => time);
  expect(milliseconds).toBe(2);
  // The first two take 200 of 0.6 seconds; the first is not counted.
  expect(runs).toBe(201);
  expect(kernels[0].milliseconds).toBe(0.5);
  expect(order.lastIndexOf("whole")).toBeLessThan(order.indexOf("kernels"));
});

test("one program whose runs take longer than its time is run five times", async () => {
  let [time, runs] = [0, 0];
  const run = (): void => {
    runs++;
    time += 100;
  };
  const program = {
    kernels: [{ ...info, name: "only" }],
    run: async () => run(),
    runByKernel: async () => {
      run();
      return [90];
    },
  };
  const measured = await profileAlone(program, 50, () => time);
  expect(runs).toBe(5);
  expect(measured).toMatchObject({ milliseconds: 100, runs: 2, kernels: [{ milliseconds: 90 }] });
});

test("a step by kernels is a step: parameters, loss and counter as after `step`", async () => {
  const make = async () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2));
    noGrad(() => {
      for (const p of model.parameters()) p.fill_(0.3);
    });
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const loss = new nn.CrossEntropyLoss();
    return {
      model,
      trainer: await compileTraining(model, { inputs: [[2, 3]], loss, optimizer, backend: "js" }),
    };
  };
  const x = randn([2, 3]);
  const y = tensor(new Int32Array([0, 1]));
  const [whole, apart] = [await make(), await make()];
  await whole.trainer.step(x, y);
  const times = await apart.trainer.stepByKernel(x, y);
  expect(times).toHaveLength(apart.trainer.kernels.length);
  expect(apart.trainer.stepCount).toBe(1);
  expect(await apart.trainer.step(x, y)).toBe(await whole.trainer.step(x, y));
  const values = async (model: typeof whole.model) =>
    Promise.all(model.parameters().map(async (p) => [...(await p.data())]));
  expect(await values(apart.model)).toEqual(await values(whole.model));
});

test("a forward pass by kernels times each of them, and inputs say what they may hold", async () => {
  const program = await compile(new nn.Sequential(new nn.Linear(3, 4)), { inputs: [[2, 3]], backend: "js" });
  expect(program.inputs).toEqual([{ dtype: "float32", shape: [2, 3], below: undefined }]);
  const times = await program.runByKernel(randn([2, 3]));
  expect(times).toHaveLength(program.kernels.length);
  expect(program.kernels.every(({ schedule, estimate }) => schedule !== undefined && estimate! > 0)).toBe(
    true,
  );
  const embedding = await compile(new nn.Embedding(7, 2), {
    inputs: [{ shape: [3], dtype: "int32" }],
    backend: "js",
  });
  expect(embedding.inputs[0].below).toBe(7);
});
