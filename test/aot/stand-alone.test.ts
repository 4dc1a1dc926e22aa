/** Stand-alone modules give the very bits of the program that they were made from. */

import { transform } from "esbuild";
import { compile, compileTraining, F, manualSeed, nn, type Tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { defaultsOf, OPTIMIZER_NAMES, OPTIMIZERS } from "../../src/cli/train/optimizers.ts";
import { importOnnx } from "../../src/onnx/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/runtime/files/safetensors.ts";
import { type GraphInit, modelBytes, node, port } from "../onnx/models.ts";
import { LeNet, TinyNet } from "../support/nets.ts";
import {
  buildAlone,
  floats,
  integers,
  labels,
  likeBuilt,
  modelFile,
  runForbidden,
  settingsFor,
  textOf,
  wave,
} from "./stand-alone.ts";

const TARGETS = ["js", "wasm"] as const;
const BATCH = 4;
const IMAGES = [BATCH, 1, 32, 32];
const PIXELS = BATCH * 32 * 32;

/** What a script does to have a model in Node. */
const opened = (target: string): string => `
import { readFileSync } from "node:fs";
import { create } from "./model.js";
const file = (name) => readFileSync(new URL(name, import.meta.url));
try { new Function("return 1"); throw new Error("code from strings runs"); } catch (error) {
  if (!(error instanceof EvalError)) throw error;
}
const model = await create(file("weights.safetensors")${target === "wasm" ? ', file("model.wasm")' : ""});
const wave = (length, run = 0) => Float32Array.from({ length }, (_, k) => ((37 * k + 11 * run) % 64) / 32 - 1);
const labels = (length, classes, run = 0) => Int32Array.from({ length }, (_, k) => (k * 7 + run) % classes);
const show = (value) => console.log(JSON.stringify(value));
`;

describe.each(TARGETS)("%s", (target) => {
  test("LeNet's forward pass, where code from strings is forbidden", async () => {
    manualSeed(1);
    const net = new LeNet();
    const built = await buildAlone(modelFile(net, [IMAGES]), { target });
    const program = await compile(net, { inputs: [IMAGES], ...likeBuilt(target) });
    const wanted = await (await program.run(floats(wave(PIXELS), IMAGES))).data();
    const script = `${opened(target)}
      const first = model.run(wave(${PIXELS}));
      model.run(wave(${PIXELS}, 1));
      show([...first]); show([...model.run(wave(${PIXELS}))]);`;
    const [first, again] = runForbidden(built.folder, script).trim().split("\n");
    expect(JSON.parse(first)).toEqual([...wanted]);
    expect(again).toBe(first);
  });

  test("an ONNX model whose numbers of 64 bits leave int32 says so", async () => {
    const graph: GraphInit = {
      input: [port("a", [2], "int64")],
      output: [port("y", [2], "int64")],
      node: [node("Mul", ["a", "a"], ["y"], {}, "/square")],
    };
    const net = await importOnnx(modelBytes(graph));
    const built = await buildAlone(modelFile(net, [{ shape: [2], dtype: "int32" }]), { target });
    const script = `${opened(target)}
      show([...model.run(Int32Array.of(3, -46340))]);
      try { model.run(Int32Array.of(3, 46341)); } catch (error) { show(error.message); }`;
    const [numbers, message] = runForbidden(built.folder, script).trim().split("\n");
    expect(JSON.parse(numbers)).toEqual([9, 2147395600]);
    expect(message).toMatch(/the node \/square \(Mul\) gives numbers of int64 that int32 cannot hold/);
  });

  test("LeNet's training step, where code from strings is forbidden", async () => {
    manualSeed(1);
    const net = new LeNet();
    const file = modelFile(net, [IMAGES]);
    const built = await buildAlone(file, { target, mode: "training" });
    const optimizer = OPTIMIZERS.sgd.make(net.parameters(), settingsFor({}).settings);
    const trainer = await compileTraining(net, {
      inputs: [IMAGES],
      loss: file.loss,
      optimizer,
      ...likeBuilt(target),
    });
    const losses: number[] = [];
    for (let run = 0; run < 3; run++) {
      optimizer.lr = 0.05 / (run + 1);
      const batch = [floats(wave(PIXELS, run), IMAGES), integers(labels(BATCH, 10, run), [BATCH])];
      losses.push(await trainer.step(...batch));
    }
    const script = `${opened(target)}
      const losses = [0, 1, 2].map((run) => {
        model.lr = 0.05 / (run + 1);
        return model.step(wave(${PIXELS}, run), labels(${BATCH}, 10, run));
      });
      show(losses);
      show(Object.fromEntries(Object.entries(model.parameters).map(([name, data]) => [name, [...data]])));`;
    const [got, parameters] = runForbidden(built.folder, script).trim().split("\n");
    expect(JSON.parse(got)).toEqual(losses);
    const wanted = await Promise.all(
      [...net.namedParameters()].map(async ([name, p]) => [name, [...(await p.data())]]),
    );
    expect(JSON.parse(parameters)).toEqual(Object.fromEntries(wanted));
  });

  test.each(OPTIMIZER_NAMES)(
    "learning with %s, batch norm and dropout; saved and taken up again",
    async (name) => {
      manualSeed(2);
      const net = new Mixed();
      const file = modelFile(net, [[6, 5]]);
      const settings = { ...defaultsOf(name), weightDecay: 0.01 };
      const built = await buildAlone(file, { target, mode: "training", optimizer: name, settings });
      const optimizer = OPTIMIZERS[name].make(net.parameters(), settings);
      const trainer = await compileTraining(net, {
        inputs: [[6, 5]],
        loss: file.loss,
        optimizer,
        ...likeBuilt(target),
      });
      const alone = await built.create();
      const resumed = await built.create();
      for (let run = 0; run < 4; run++) {
        const [x, y] = [wave(30, run), labels(6, 3, run)];
        const loss = await trainer.step(floats(x, [6, 5]), integers(y, [6]));
        expect(alone.step(x, y)).toBe(loss);
        if (run === 1) resumed.load(alone.save());
        if (run > 1) expect(resumed.step(x, y)).toBe(loss);
      }
      expect([alone.stepCount, resumed.stepCount]).toEqual([4, 4]);
      const saved = decodeSafetensors(alone.save(), "saved").tensors;
      for (const [key, parameter] of Object.entries(net.stateDict())) {
        if (saved.has(key)) expect([...saved.get(key)!.data], key).toEqual([...(await parameter.data())]);
      }
      expect(saved.has("norm.running_mean")).toBe(true);
      expect(resumed.save()).toEqual(alone.save());
    },
  );

  test("integer inputs, several results and constants", async () => {
    manualSeed(3);
    const net = new Words();
    const { inputs, words } = Words;
    const built = await buildAlone(modelFile(net, inputs), { target });
    const program = await compile(net, { inputs, ...likeBuilt(target) });
    const scale = wave(24);
    const results = await program.run<Tensor[]>(integers(words, [2, 3]), floats(scale, [2, 3, 4]));
    const alone = await built.create();
    const wanted = await Promise.all(results.map(async (result) => [...(await result.data())]));
    expect([...alone.run(words, scale)].map((data) => [...(data as unknown as Float32Array)])).toEqual(
      wanted,
    );
    expect(() => alone.run(Int32Array.of(0, 1, 7, 0, 0, 0), scale)).toThrow(
      "x0 holds 7, which is not one of 0..6",
    );
  });

  test("what one module has learned another one runs", async () => {
    manualSeed(4);
    const file = modelFile(new Words(), Words.inputs);
    const other = await (await buildAlone(file, { target })).create();
    const before = [...other.run(Words.words, wave(24))];
    const learning = await buildAlone(
      { ...file, loss: new Sum(), targets: [{ shape: [2, 4], dtype: "float32" }] },
      { target, mode: "training" },
    );
    const model = await learning.create();
    model.step(Words.words, wave(24), wave(8));
    other.load(model.save());
    expect(other.parameters).toEqual(model.parameters);
    const after = [...other.run(Words.words, wave(24))];
    expect(after).not.toEqual(before);
    // A state dict as PyTorch has it: constants of the model are not in it, and stay.
    const data = other.parameters["table.weight"];
    other.load(encodeSafetensors([["table.weight", { dtype: "float32", shape: [7, 4], data }]]));
    expect([...other.run(Words.words, wave(24))]).toEqual(after);
  });

  test("a loss that is not finite changes nothing", async () => {
    const built = await buildAlone(modelFile(new TinyNet(), [[2, 1, 8, 8]]), { target, mode: "training" });
    const alone = await built.create();
    alone.step(wave(128), labels(2, 4));
    const before = alone.save();
    const bad = wave(128).fill(Number.NaN);
    expect(() => alone.step(bad, labels(2, 4))).toThrow(
      "the loss of step 2 is NaN; the parameters are those after step 1",
    );
    expect(alone.save()).toEqual(before);
    expect(alone.step(wave(128), labels(2, 4))).toBeGreaterThan(0);
  });
});

class Mixed extends nn.Module {
  first = new nn.Linear(5, 8);
  norm = new nn.BatchNorm1d(8);
  drop = new nn.Dropout(0.4);
  second = new nn.Linear(8, 3);

  forward(x: Tensor): Tensor {
    return this.second.forward(this.drop.forward(F.relu(this.norm.forward(this.first.forward(x)))));
  }
}

class Words extends nn.Module {
  static readonly inputs = [
    { shape: [2, 3], dtype: "int32" as const },
    { shape: [2, 3, 4], dtype: "float32" as const },
  ];
  static readonly words = Int32Array.of(0, 6, 2, 3, 1, 5);
  table = new nn.Embedding(7, 4);

  forward(words: Tensor, scale: Tensor): Tensor[] {
    const found = this.table.forward(words).mul(scale);
    return [found.sum(1), found.mul(floats(wave(4), [4]))];
  }
}

/** The mean distance of the first result from a target. */
class Sum extends nn.Module {
  targetType(output: { readonly shape: readonly number[] }) {
    return { shape: output.shape, dtype: "float32" as const };
  }

  forward(...values: Tensor[]): Tensor {
    return values[0].sub(values.at(-1)!).abs().mean();
  }
}

test("LeNet's inference module has less than 20 KB of JavaScript", async () => {
  const built = await buildAlone(modelFile(new LeNet(), [[64, 1, 32, 32]]), { target: "js" });
  const { code } = await transform(textOf(built, "model.js"), { minify: true, format: "esm" });
  expect(code.length).toBeLessThan(20_000);
});
