/** Mistakes in what is given to compile, compileTraining, compareBackends, profile and run: one clear error each. */

import {
  compareBackends,
  compile,
  compileTraining,
  F,
  KilnError,
  nn,
  optim,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "kiln-js";
import { describe, expect, test } from "vitest";

const net = new nn.Linear(3, 2);
const training = {
  inputs: [[4, 3]],
  loss: new nn.CrossEntropyLoss(),
  optimizer: new optim.SGD(net.parameters()),
};

class Plain extends nn.Module {
  forward(output: Tensor, target: Tensor): Tensor {
    return output.sub(target).square().mean();
  }
}

/** Expects one {@link KilnError}, as callers without types get it. */
async function refused(call: () => Promise<unknown>, message: string | RegExp): Promise<void> {
  const error: unknown = await call().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KilnError);
  expect((error as KilnError).message).toMatch(message);
}

const wrong = (changes: object): typeof training => ({ ...training, ...changes });

describe("compileTraining", () => {
  const cases: readonly (readonly [string, object, string | RegExp])[] = [
    [
      "a function as loss",
      { loss: F.crossEntropy },
      /loss: new nn\.CrossEntropyLoss\(\), but loss is the function crossEntropy/,
    ],
    ["a class as loss", { loss: nn.MSELoss }, "but loss is the class MSELoss"],
    [
      "no loss",
      { loss: undefined },
      "needs a loss that is a module, such as loss: new nn.CrossEntropyLoss(), but none",
    ],
    [
      "a loss that asks for no target",
      { loss: new Plain() },
      /^Plain does not say what targets .*targets: \[\[64, 10\]\]/,
    ],
    [
      "no optimizer",
      { optimizer: undefined },
      "needs an optimizer, such as optimizer: new optim.SGD(net.parameters()",
    ],
    ["a class as optimizer", { optimizer: optim.SGD }, "but optimizer is the class SGD"],
    ["one shape for a list", { inputs: [4, 3] }, "write inputs: [[4, 3]]"],
    [
      "a tensor for a list",
      { inputs: randn(4, 3) },
      "must be a list of shapes, such as [[64, 1, 32, 32]], not an object",
    ],
    ["no inputs", { inputs: undefined }, "inputs must be a list of shapes"],
    ["null for a shape", { inputs: [null] }, "not null"],
    ["an empty batch", { inputs: [[0, 3]] }, "positive whole numbers, such as [64, 1, 32, 32], not [0,3]"],
    [
      "an unknown dtype",
      { inputs: [{ shape: [4, 3], dtype: "float64" }] },
      "bool, int32, float32, not float64",
    ],
    [
      "a mistyped name",
      { bakend: "js" },
      "compileTraining has no option bakend (did you mean backend?); its options are inputs, dynamicShapes",
    ],
    [
      "a mistyped name in clipGradNorm",
      { clipGradNorm: { maxNorm: 1, norm: 1 } },
      "clipGradNorm has no option norm; its options are maxNorm, normType",
    ],
    [
      "a mistyped name in tune",
      { tune: { miliseconds: 1 } },
      "tune has no option miliseconds (did you mean milliseconds?)",
    ],
    ["an option of another function", { mode: "train" }, "compileTraining has no option mode"],
  ];
  test.each(cases)("is given %s", async (_, changes, message) => {
    await refused(() => compileTraining(net, wrong(changes)), messageOf(message));
  });

  test("is given a model's class, or no options", async () => {
    await refused(
      () => compileTraining(Plain as never, training),
      /not the class Plain: make one with new Plain\(\)/,
    );
    await refused(
      () => compileTraining(net, undefined as never),
      "takes its options as an object, not undefined",
    );
  });

  test("takes a loss without targetType where targets are given, by its types too", async () => {
    const trainer = await compileTraining(net, { ...training, loss: new Plain(), targets: [[4, 2]] });
    expect(await trainer.step(zeros(4, 3), zeros(4, 2))).toBeGreaterThanOrEqual(0);
  });
});

/** Text is looked for as it stands. */
const messageOf = (message: string | RegExp): RegExp =>
  typeof message === "string" ? new RegExp(message.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : message;

describe("compile", () => {
  test("refuses names and modes that it does not know", async () => {
    await refused(
      () => compile(net, { inputs: [[4, 3]], thread: 1 } as never),
      messageOf("no option thread (did you mean threads?)"),
    );
    await refused(
      () => compile(net, { inputs: [[4, 3]], mode: "training" as never }),
      'mode must be eval or train, not "training"',
    );
    await refused(
      () => compile(undefined as never, { inputs: [[4, 3]] }),
      "takes a model first, an instance of nn.Module, not undefined",
    );
  });

  test("takes a tensor for its shape and dtype", async () => {
    const program = await compile(net, { inputs: [randn(4, 3)] });
    expect((await program.run(randn(4, 3))).shape).toEqual([4, 2]);
  });

  test("gives several results a type of several", async () => {
    class Two extends nn.Module {
      forward(x: Tensor): [Tensor, Tensor] {
        return [x.add(1), x.sum()];
      }
    }
    const program = await compile(new Two(), { inputs: [[2]] });
    const [more, sum] = await program.run(tensor([1, 2]));
    expect([await more.array(), await sum.item()]).toEqual([[2, 3], 3]);
    const single = await compile(net as nn.Module, { inputs: [[4, 3]] });
    expect((await single.run(zeros(4, 3))).shape).toEqual([4, 2]);
  });
});

describe("run, step and gradients", () => {
  const x = randn(4, 3);
  const target = tensor(Int32Array.of(0, 1, 1, 0));

  test.each<readonly [string, unknown, string]>([
    ["an array", [[1, 2, 3]], "input 0 is an array, not a tensor: tensor([...]) makes one"],
    [
      "a typed array",
      new Float32Array(12),
      "input 0 is a Float32Array, not a tensor: tensor([...]) makes one",
    ],
    ["a number", 3, "input 0 is the number 3, not a tensor: tensor([...]) makes one"],
    ["a batch as one", [x, target], "its tensors are arguments of their own, as in run(...batch)"],
    ["null", null, "input 0 is null, not a tensor"],
    ["a promise", Promise.resolve(x), "input 0 is a promise, which must be awaited, not a tensor"],
    [
      "an empty batch",
      zeros(0, 3),
      "input 0 is empty: it is float32[0,3], and a run needs at least one sample",
    ],
  ])("are given %s", async (_, input, message) => {
    const program = await compile(net, { inputs: [[4, 3]] });
    await refused(() => program.run(input as never), messageOf(message));
    const trainer = await compileTraining(net, training);
    await refused(() => trainer.step(input as never, target), messageOf(message));
    await refused(() => trainer.gradients(input as never, target), messageOf(message));
  });

  test("a dtype that does not fit is named, with the cast", async () => {
    const trainer = await compileTraining(net, training);
    await refused(
      () => trainer.step(x, tensor([0, 1, 1, 0])),
      messageOf("the target was compiled for int32[4] but is float32[4]: make it int32 with .int()"),
    );
    expect(await trainer.step(x, tensor([0, 1, 1, 0]).int())).toBeGreaterThan(0);
  });

  test("profile refuses names that it does not know, and batches of no tensors", async () => {
    const program = await compile(net, { inputs: [[4, 3]] });
    await refused(
      () => program.profile({ milisecond: 1 } as never),
      messageOf("profile has no option milisecond (did you mean milliseconds?)"),
    );
    await refused(() => program.profile({ batch: [3 as never] }), "input 0 is the number 3");
  });
});

describe("compareBackends", () => {
  const asked = { inputs: [[4, 3]], backends: ["js" as const], milliseconds: 1, verify: false };

  test("wants a function that makes the optimizer", async () => {
    const { loss, optimizer } = training;
    const message = messageOf("such as (parameters) => new optim.SGD(parameters, { lr: 0.1 }), not");
    await refused(() => compareBackends(net, { ...asked, loss, optimizer: optimizer as never }), message);
    await refused(() => compareBackends(net, { ...asked, loss, optimizer: optim.SGD as never }), message);
  });

  test("refuses what it does not know", async () => {
    await refused(
      () => compareBackends(net, { ...asked, backend: "js" } as never),
      messageOf("has no option backend (did you mean backends?)"),
    );
    await refused(
      () => compareBackends(net, { ...asked, loss: F.crossEntropy as never }),
      "loss is the function crossEntropy",
    );
    await refused(
      () => compareBackends(net, { ...asked, inputs: [4, 3] as never }),
      messageOf("write inputs: [[4, 3]]"),
    );
  });
});
