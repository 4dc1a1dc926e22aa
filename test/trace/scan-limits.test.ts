/** What is random in the body of a `scan`, and what it refuses. */

import { compile, compileTraining, manualSeed, nn, ones, optim, scan, type Tensor, zeros } from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";

describe("what is random in a body", () => {
  /** Which of 32 elements dropout keeps in each of 4 iterations, of loops in each of 2. */
  class Dropping extends nn.Module {
    dropout = new nn.Dropout(0.5);
    weight = new nn.Parameter(ones(32));
    forward(x: Tensor): Tensor {
      const [, all] = scan(
        (_: null[], rows: Tensor) =>
          scan((_: null[], row: Tensor) => [[], this.dropout.forward(row.mul(this.weight))], [], rows),
        [],
        x,
      );
      return all;
    }
  }

  const rowsOf = async (t: Tensor): Promise<string[]> => {
    const data = [...(await t.data())];
    return Array.from({ length: 8 }, (_, k) => data.slice(32 * k, 32 * k + 32).join());
  };

  test("is another draw in each iteration, interactively", async () => {
    manualSeed(7);
    const model = new Dropping();
    const drawn = [
      ...(await rowsOf(model.forward(ones(2, 4, 32)))),
      ...(await rowsOf(model.forward(ones(2, 4, 32)))),
    ];
    expect(new Set(drawn).size).toBe(16);
  });

  /** The rows of two runs. */
  async function compiled(backend: BackendName): Promise<string[]> {
    manualSeed(7);
    const program = await compile(new Dropping(), { inputs: [[2, 4, 32]], backend, mode: "train" });
    const runs = [await program.run(ones(2, 4, 32)), await program.run(ones(2, 4, 32))];
    await program.dispose();
    return (await Promise.all(runs.map(rowsOf))).flat();
  }

  test.each(["js", "wasm", "gpujs:cpu"] as const)(
    "and compiled on %s, in each run, to the bit",
    async (backend) => {
      const drawn = await compiled(backend);
      expect(new Set(drawn).size).toBe(16);
      expect(drawn).toEqual(await compiled("interpret"));
    },
  );

  test("is the same in a gradient as it was in the value", async () => {
    manualSeed(7);
    const model = new Dropping();
    const output = model.forward(ones(2, 4, 32));
    output.sum().backward();
    expect(await model.weight.grad!.array()).toEqual(await output.sum([0, 1]).array());
    const trainer = await compileTraining(model, {
      inputs: [[2, 4, 32]],
      targets: [[2, 4, 32]],
      loss: new nn.MSELoss({ reduction: "sum" }),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      backend: "js",
    });
    // Each element kept is 2, and has 2·2·2 as the gradient of its square.
    const { loss, gradients } = await trainer.gradients(ones(2, 4, 32), zeros(2, 4, 32));
    expect(await gradients.weight.sum().item()).toBe(2 * loss);
    await trainer.dispose();
  });
});

describe("scan refuses", () => {
  const x = ones(5, 2);
  const h = ones(2);
  const keep = (h: Tensor): [Tensor, null] => [h, null];
  // biome-ignore lint/suspicious/noExplicitAny: what types refuse already, JavaScript does not.
  const any = (value: unknown): any => value;

  test.each<[string, () => unknown, string]>([
    [
      "a carry of another shape",
      () => scan((h: Tensor) => [h.unsqueeze(0), null], h, x),
      "carried comes in as float32[2] and the body returns float32[1,2]",
    ],
    [
      "a carry of another dtype",
      () => scan(({ n }) => [{ n: n.float() }, null], { n: h.int() }, x),
      "carried.n comes in as int32[2] and the body returns float32[2]",
    ],
    [
      "a carry that is missing",
      () =>
        scan(
          any(() => [{}, null]),
          { h },
          x,
        ),
      "carried.h is carried in, and the body does not return it",
    ],
    [
      "a carry nobody brought",
      () =>
        scan(
          any(() => [{ h, c: h }, null]),
          { h },
          x,
        ),
      "its body returns carried.c, and no such tensor is carried in",
    ],
    [
      "inputs of several lengths",
      () => scan(keep, h, { x, mask: ones(4) }),
      "which differ: inputs.x is float32[5,2], and inputs.mask is float32[4]",
    ],
    [
      "a length that is another",
      () => scan(keep, h, x, { length: 4 }),
      "given a length of 4, and inputs is float32[5,2]",
    ],
    [
      "an input without an axis",
      () => scan(keep, h, ones([])),
      "inputs is float32[], a single number without an axis",
    ],
    [
      "no inputs and no length",
      () => scan(keep, h, null),
      "{ length: … } says how many iterations there are",
    ],
    [
      "a length that is none",
      () => scan(keep, h, null, { length: 1.5 }),
      "a whole number from 0 on, not the number 1.5",
    ],
    [
      "a body that returns one tensor",
      () =>
        scan(
          any((h: Tensor) => h),
          h,
          x,
        ),
      "must return [carry, y], two tensors or lists or records of them, not an object of the class Tensor",
    ],
    [
      "a body that awaits",
      () =>
        scan(
          any(async (h: Tensor) => [h, null]),
          h,
          x,
        ),
      "not a promise",
    ],
    [
      "a body that gives nothing",
      () => scan(() => [[], null], [], x),
      "carries nothing on, and gives nothing",
    ],
    [
      "numbers among tensors",
      () =>
        scan(
          any((h: Tensor) => [h, [1]]),
          h,
          x,
        ),
      "y[0] is the number 1, and must be a tensor",
    ],
    ["no body", () => scan(any(3), h, x), "given the number 3 as its body"],
    [
      "an option that there is not",
      () => scan(keep, h, x, any({ revers: true })),
      "scan has no option revers",
    ],
    [
      "a body that changes what is outside",
      () => scan((h: Tensor) => [x.add_(1).sum(0), h], h, x),
      "changes a tensor float32[5,2] from outside of it in place",
    ],
    [
      "numbers where there are none yet",
      () => scan((h: Tensor) => [h.mul(Number(h)), null], h, x),
      "cannot be read",
    ],
  ])("%s", (_, run, message) => {
    expect(run).toThrow(message);
  });

  test("batch norm's statistics, and says where", async () => {
    class Normed extends nn.Module {
      norm = new nn.BatchNorm1d(2);
      forward(x: Tensor): Tensor {
        const [, all] = scan((h: Tensor, x: Tensor) => [h, this.norm.forward(x)], zeros(1), x);
        return all;
      }
    }
    const model = new Normed();
    const inputs = [[3, 4, 2]];
    await expect(compile(model, { inputs, mode: "train" })).rejects.toThrow(/scan-limits\.test\.ts:\d+ norm/);
    await expect(compile(model, { inputs })).resolves.toBeDefined();
  });

  test("and names the line of the model", async () => {
    class Growing extends nn.Module {
      forward(x: Tensor): Tensor {
        return scan((h: Tensor, x: Tensor) => [h.add(x).unsqueeze(0), null], zeros(2), x)[0];
      }
    }
    await expect(compile(new Growing(), { inputs: [[3, 2]] })).rejects.toThrow(
      /what is carried keeps its shape.*scan-limits\.test\.ts:\d+/,
    );
  });

  test("a tensor of its body outside of it", async () => {
    let leaked: Tensor | undefined;
    const [result] = scan(
      (h: Tensor, x: Tensor) => {
        leaked = h.add(x);
        return [leaked, null];
      },
      h,
      x,
    );
    expect(() => leaked!.add(1)).toThrow("a tensor from the body of a scan, outside of it");
    expect(() => scan((h: Tensor) => [h.add(leaked!), null], h, x)).toThrow("outside of it");
    expect(await result.array()).toEqual([6, 6]);
  });

  test("a parameter that is not part of the model", async () => {
    const stray = new nn.Linear(2, 2);
    class Straying extends nn.Module {
      own = new nn.Linear(2, 2);
      forward(x: Tensor): Tensor {
        return scan(
          (h: Tensor, x: Tensor) => [stray.forward(this.own.forward(h)).add(x), null],
          zeros(2),
          x,
        )[0];
      }
    }
    const model = new Straying();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const options = { inputs: [[3, 2]], loss: new nn.MSELoss(), optimizer };
    await expect(compileTraining(model, options)).rejects.toThrow(
      "a parameter float32[2,2] that is not part of the model",
    );
  });
});
