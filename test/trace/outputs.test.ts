/** What a forward returns, and a compiled model after it: tensors in lists, tuples and records. */

import { compile, compileTraining, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";

class Cell extends nn.Module {
  linear = new nn.Linear(3, 2);

  forward(
    x: Tensor,
  ): [Tensor, { readonly state: readonly [Tensor, Tensor]; readonly weights: Tensor | null }] {
    const h = this.linear.forward(x);
    return [h.sum(0), { state: [h, h.mul(2)], weights: null }];
  }
}

/** Nothing but a part of what its layer returns. */
class Net extends nn.Module {
  cell = new Cell();

  forward(x: Tensor): Tensor {
    const [, { state }] = this.cell.forward(x);
    return state[1];
  }
}

/** Of the model's two results the second is a record. */
class SumOfBoth extends nn.Module {
  forward(
    sum: Tensor,
    { state: [h] }: { readonly state: readonly [Tensor, Tensor] },
    target: Tensor,
  ): Tensor {
    return sum.mul(0).sum().add(h.sub(target).pow(2).mean());
  }
}

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

describe("lists and records", () => {
  test.each(["wasm", "js"] as const)(
    "come out of a program as they come out of forward, on %s",
    async (backend) => {
      const cell = new Cell();
      const [sum, { state, weights }] = cell.forward(x);
      const program = await compile(cell, { inputs: [[2, 3]], backend });
      const [compiledSum, compiled] = await program.run(x);
      expect(Object.keys(compiled)).toEqual(["state", "weights"]);
      expect(compiled.state.length).toBe(2);
      // Interactive programs may fuse otherwise; these numbers are sums of three products.
      const pairs = [[compiledSum, sum] as const, ...state.map((h, k) => [compiled.state[k], h] as const)];
      for (const [got, wanted] of pairs) {
        const [own, expected] = [await got.data(), await wanted.data()];
        for (const [i, value] of expected.entries()) expect(own[i]).toBeCloseTo(value, 5);
      }
      expect([compiled.weights, weights]).toEqual([null, null]);
    },
  );

  test("are taken apart by a model around it, and by the loss", async () => {
    const net = new Net();
    const expected = await net.forward(x).data();
    const actual = await (await compile(net, { inputs: [[2, 3]] })).run(x);
    for (const [i, value] of (await actual.data()).entries()) expect(value).toBeCloseTo(expected[i], 5);

    const cell = new Cell();
    const trainer = await compileTraining(cell, {
      inputs: [[2, 3]],
      targets: [[2, 2]],
      loss: new SumOfBoth(),
      optimizer: new optim.SGD(cell.parameters(), { lr: 0.01 }),
    });
    const target = tensor([
      [1, 0],
      [0, 1],
    ]);
    const first = await trainer.step(x, target);
    expect(await trainer.step(x, target)).toBeLessThan(first);
  });

  test("a list of one comes as that one, a record of one as a record", async () => {
    class List extends nn.Module {
      forward(x: Tensor): readonly [Tensor] {
        return [x.mul(2)];
      }
    }
    class Record extends nn.Module {
      forward(x: Tensor): { double: Tensor } {
        return { double: x.mul(2) };
      }
    }
    const list = await (await compile(new List(), { inputs: [[1]] })).run(tensor([3]));
    const { double } = await (await compile(new Record(), { inputs: [[1]] })).run(tensor([3]));
    expect([await list.array(), await double.array()]).toEqual([[6], [6]]);
  });

  test("what is none is named with its place", async () => {
    class Wrong extends nn.Module {
      forward(x: Tensor): [Tensor, { count: Tensor }] {
        return [x, { count: 3 as unknown as Tensor }];
      }
    }
    await expect(compile(new Wrong(), { inputs: [[1]] })).rejects.toThrow(
      "forward of Wrong must return a tensor, or lists or records of tensors, not a list with something else in it, or " +
        "nothing: forward's result[1].count is a number",
    );
    class Nothing extends nn.Module {
      forward(): null[] {
        return [null];
      }
    }
    await expect(compile(new Nothing(), { inputs: [] })).rejects.toThrow("must return a tensor");
  });

  test("a model that is traced anew may return another form of the same", async () => {
    class Formed extends nn.Module {
      asRecord = false;
      forward(x: Tensor): readonly [Tensor, Tensor] | { a: Tensor; b: Tensor } {
        const [a, b] = [x.mul(2), x.mul(3)];
        return this.asRecord ? { a, b } : [a, b];
      }
    }
    const net = new Formed();
    const program = await compile(net, { inputs: [[1]] });
    expect(Array.isArray(await program.run(tensor([1])))).toBe(true);
    net.asRecord = true;
    expect(Object.keys((await program.run(tensor([1]))) as object)).toEqual(["a", "b"]);
  });
});
