/** Buffers that forward writes to: the new value counts from there on, and is kept after the run. */

import { compile, compileTraining, nn, noGrad, ones, optim, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import { printGraph } from "../../src/ir/print.ts";
import { traceModel } from "../../src/trace/trace.ts";

/** A model with two buffers of different shapes, whose forward is given. */
class Stateful extends nn.Module {
  declare readonly total: Tensor;
  declare readonly count: Tensor;
  readonly weight = new nn.Parameter(ones(2));
  readonly #call: (self: Stateful, x: Tensor) => Tensor;

  constructor(call: (self: Stateful, x: Tensor) => Tensor) {
    super();
    this.#call = call;
    this.registerBuffer("total", zeros(2));
    this.registerBuffer("count", tensor(0));
  }

  forward(x: Tensor): Tensor {
    return this.#call(this, x);
  }
}

const X = tensor([3, 5]);

async function run(model: Stateful, backend: BackendName, runs: number): Promise<number[][]> {
  const program = await compile(model, { inputs: [[2]], backend });
  const outputs: number[][] = [];
  for (let k = 0; k < runs; k++) outputs.push(Array.from(await (await program.run(X)).data()));
  return outputs;
}

describe.each(["js", "interpret"] as const)("on %s", (backend) => {
  it("a value read before the assignment is the old one, after it the new one", async () => {
    const model = new Stateful((self, x) => {
      const before = self.total.mul(100);
      self.total.copy_(self.total.add(x));
      return before.add(self.total);
    });
    expect(await run(model, backend, 3)).toEqual([
      [3, 5],
      [306, 510],
      [609, 1015],
    ]);
    expect(await model.total.array()).toEqual([9, 15]);
  });

  it("the last of several assignments is kept", async () => {
    const model = new Stateful((self, x) => {
      self.total.copy_(x);
      self.total.add_(1).mul_(2);
      return x;
    });
    await run(model, backend, 1);
    expect(await model.total.array()).toEqual([8, 12]);
  });

  it("an update that reads another buffer sees it as it was read, whatever is stored first", async () => {
    const old = new Stateful((self, x) => {
      self.total.copy_(self.total.add(self.count));
      self.count.add_(1);
      return x;
    });
    const fresh = new Stateful((self, x) => {
      self.count.add_(1);
      self.total.copy_(self.total.add(self.count));
      return x;
    });
    await run(old, backend, 3);
    await run(fresh, backend, 3);
    expect([await old.total.array(), await old.count.item()]).toEqual([[3, 3], 3]);
    expect([await fresh.total.array(), await fresh.count.item()]).toEqual([[6, 6], 3]);
  });

  it("a buffer may take over an input, a view or a constant as it is", async () => {
    const model = new Stateful((self, x) => {
      self.total.copy_(x.reshape(2, 1).reshape(2));
      self.count.fill_(7);
      return x.mul(2);
    });
    expect(await run(model, backend, 1)).toEqual([[6, 10]]);
    expect(await model.total.array()).toEqual([3, 5]);
    expect(await model.count.item()).toBe(7);
  });

  it("a result that is kept too is both", async () => {
    const model = new Stateful((self, x) => {
      const sum = self.total.add(x);
      self.total.copy_(sum);
      return sum;
    });
    expect(await run(model, backend, 2)).toEqual([
      [3, 5],
      [6, 10],
    ]);
    expect(await model.total.array()).toEqual([6, 10]);
  });
});

it("the graph shows an update of each buffer that was assigned, and no other", () => {
  const model = new Stateful((self, x) => {
    self.total.add_(x);
    return x;
  });
  const { graph } = traceModel(model, [{ dtype: "float32", shape: [2] }]);
  expect(graph.updates.map(({ target }) => target.name)).toEqual(["total"]);
  expect(printGraph(graph)).toContain("update @total = %1");
});

/** What is learned is followed by what is frozen, a quarter of the way in each step. */
class Following extends nn.Module {
  readonly learned = new nn.Linear(2, 2);
  readonly frozen = new nn.Linear(2, 2);

  constructor() {
    super();
    for (const parameter of this.frozen.parameters()) parameter.requiresGrad_(false);
  }

  forward(x: Tensor): [Tensor, Tensor] {
    noGrad(() => {
      this.frozen.weight.lerp_(this.learned.weight, 0.25);
      this.frozen.bias!.lerp_(this.learned.bias!, 0.25);
    });
    return [this.learned.forward(x), this.frozen.forward(x)];
  }
}

it.each(["js", "wasm"] as const)(
  "a frozen parameter is what forward makes of it, compiled as outside, on %s",
  async (backend) => {
    const [compiled, outside] = [new Following(), new Following()];
    await outside.loadStateDict(compiled.stateDict());
    const optimizer = (net: Following) => new optim.SGD(net.parameters(), { lr: 0.01 });
    const [loss, stepping] = [new nn.MSELoss(), optimizer(outside)];
    const trainer = await compileTraining(compiled, {
      inputs: [[1, 2]],
      targets: [],
      loss,
      optimizer: optimizer(compiled),
      backend,
    });
    const seen = compiled.frozen.weight.detach();
    for (let step = 0; step < 3; step++) {
      await trainer.step(tensor([[3, 5]]));
      stepping.zeroGrad();
      loss.forward(...outside.forward(tensor([[3, 5]]))).backward();
      stepping.step();
    }
    const expected = outside.stateDict();
    for (const [key, actual] of Object.entries(compiled.stateDict())) {
      const difference = await actual.sub(expected[key]).abs().max().item();
      // Both round to float32, with sums in other orders.
      expect(difference, key).toBeLessThan(1e-6);
    }
    expect(await seen.array()).toEqual(await compiled.frozen.weight.array());
    compiled.frozen.weight.requiresGrad_();
    await expect(trainer.step(tensor([[3, 5]]))).rejects.toThrow(
      "forward assigns to the parameter frozen.weight",
    );
  },
);

it("a parameter is not assigned to in forward", async () => {
  const model = new Stateful((self, x) => {
    self.weight.mul_(0.5);
    return x;
  });
  await expect(compile(model, { inputs: [[2]] })).rejects.toThrow(
    "forward assigns to the parameter weight: in a compiled model only buffers change",
  );
});
