/** Programs that are fed other shapes than they were compiled for: what may differ, how many programs are kept. */

import { compile, compileTraining, KilnError, nn, optim, randn, type Tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";

type CompileOptions = Parameters<typeof compile>[1];

/** Takes sequences of any length. */
class Mixer extends nn.Module {
  embed = new nn.Linear(3, 4);
  out = new nn.Linear(4, 2);

  override forward(x: Tensor, weight: Tensor): Tensor {
    const hidden = this.embed.forward(x).mul(weight.unsqueeze(-1)).tanh();
    return this.out.forward(hidden.mean(1));
  }
}

const feed = (batch: number, length: number): [Tensor, Tensor] => [
  randn(batch, length, 3),
  randn(batch, length),
];

const compiled = (options: Omit<CompileOptions, "inputs"> = {}) => {
  const net = new Mixer();
  return compile(net, {
    inputs: [
      [2, 5, 3],
      [2, 5],
    ],
    backend: "js",
    ...options,
  }).then((program) => ({ net, program }));
};

async function expectInteractive(net: Mixer, actual: Tensor, batch: readonly [Tensor, Tensor]) {
  const expected = await net.forward(...batch).data();
  // Sums of up to seven terms in another order: a few roundings of numbers around 1.
  [...(await actual.data())].forEach((value, k) => {
    expect(Math.abs(value - expected[k])).toBeLessThan(2e-6);
  });
}

describe("by default", () => {
  test.each([
    [2, 5],
    [2, 7],
    [1, 1],
    [3, 2],
  ])("a batch of %i sequences of length %i gives what interactive mode gives", async (batch, length) => {
    const { net, program } = await compiled();
    const given = feed(batch, length);
    await expectInteractive(net, await program.run(...given), given);
  });

  test("shapes that do not fit together are the model's error, and the program goes on", async () => {
    const { net, program } = await compiled();
    await expect(program.run(randn(2, 6, 3), randn(2, 5))).rejects.toThrow(/\[2,6,4\].*\[2,5,1\]/);
    const given = feed(2, 6);
    await expectInteractive(net, await program.run(...given), given);
  });

  test("another number of dimensions is an error", async () => {
    const { program } = await compiled();
    await expect(program.run(randn(5, 3), randn(2, 5))).rejects.toThrow(
      "input 0 was compiled for float32[2,5,3] but is float32[5,3]; it must have 3 dimensions",
    );
  });

  test("steps train on every shape, and the update is one for all of them", async () => {
    const make = async (backend: BackendName) => {
      const net = new Mixer();
      const optimizer = new optim.Adam(net.parameters(), { lr: 0.01 });
      const inputs = [
        [2, 5, 3],
        [2, 5],
      ];
      const trainer = await compileTraining(net, { inputs, loss: new nn.MSELoss(), optimizer, backend });
      return { net, trainer };
    };
    const [fast, slow] = [await make("wasm"), await make("interpret")];
    await slow.net.loadStateDict(fast.net.stateDict());
    for (const length of [5, 3, 8, 5, 3]) {
      const batch = [...feed(2, length), randn(2, 2)];
      const [actual, expected] = [await fast.trainer.step(...batch), await slow.trainer.step(...batch)];
      // float32 against double, over five steps of Adam whose first ones are ±lr whatever the gradient.
      expect(Math.abs(actual - expected)).toBeLessThan(1e-5 * Math.max(1, expected));
    }
    expect(fast.trainer.stepCount).toBe(5);
  });

  test("a target that the loss does not want is told with what it wants", async () => {
    const net = new Mixer();
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    const inputs = [
      [2, 5, 3],
      [2, 5],
    ];
    const trainer = await compileTraining(net, { inputs, loss: new nn.MSELoss(), optimizer, backend: "js" });
    await expect(trainer.step(...feed(3, 5), randn(3, 4))).rejects.toThrow(
      "the target is [3,4], but with [3,5,3] it must be [3,2]",
    );
    expect(trainer.stepCount).toBe(0);
  });
});

describe("where a user limits it", () => {
  test("batch: only dimension 0 may differ, and all inputs agree on it", async () => {
    const { net, program } = await compiled({ dynamicShapes: "batch" });
    const given = feed(4, 5);
    await expectInteractive(net, await program.run(...given), given);
    await expect(program.run(...feed(2, 6))).rejects.toThrow(
      'input 0 was compiled for float32[2,5,3] but is float32[2,6,3]; only the batch (dimension 0) may differ, since dynamicShapes is "batch"',
    );
    await expect(program.run(randn(4, 5, 3), randn(3, 5))).rejects.toThrow(
      "the inputs have different batch sizes: [4,5,3] and [3,5]",
    );
  });

  test("none: no shape may differ", async () => {
    const { program } = await compiled({ dynamicShapes: "none" });
    await expect(program.run(...feed(3, 5))).rejects.toThrow(
      'input 0 was compiled for float32[2,5,3] but is float32[3,5,3]; no shape may differ, since dynamicShapes is "none"',
    );
  });

  test.each([
    [{ dynamicShapes: "all" }, 'dynamicShapes must be any, batch or none, not "all"'],
    [{ maxPrograms: 0 }, "maxPrograms must be a whole number of at least 1, not 0"],
  ])("%o is one clear error", async (options, message) => {
    const given = options as Omit<CompileOptions, "inputs">;
    await expect(compiled(given)).rejects.toThrow(new KilnError(message));
  });
});
