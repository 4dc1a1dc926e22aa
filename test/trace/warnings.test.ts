/** What `compile` warns of: once for each class, with the place, and of nothing that may be meant. */

import { compile, compileStep, compileTraining, F, nn, noGrad, optim, type Tensor, zeros } from "kiln-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { conditionsIn } from "../../src/trace/warnings/conditions.ts";

const { warn } = console;
let said: string[] = [];

beforeEach(() => {
  said = [];
  console.warn = (message: string) => said.push(message);
});

afterEach(() => {
  console.warn = warn;
});

const compiled = (model: nn.Module, options: object = {}) =>
  compile(model, { inputs: [[2, 3]], backend: "js", ...options });

const trained = (model: nn.Module<Tensor>, options: object = {}) =>
  compileTraining(model, {
    inputs: [[2, 3]],
    loss: new nn.MSELoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    backend: "js",
    ...options,
  });

/** A model of one layer, with whatever a test adds. */
abstract class Base extends nn.Module<Tensor> {
  readonly fc = new nn.Linear(3, 3);
  forward(x: Tensor): Tensor {
    return this.fc.forward(x);
  }
}

describe("layers in plain lists and records", () => {
  test("are named, with the container to wrap them in, and with the line", async () => {
    class Lists extends Base {
      readonly layers = [new nn.Linear(3, 3)];
    }
    await compiled(new Lists());
    expect(said).toEqual([
      expect.stringMatching(
        /^kiln: Lists's field layers is a plain array with a layer \(Linear\) in it, which parameters\(\), state dicts and train\(\) do not find there: wrap it in new nn\.ModuleList\(…\) \(test\/trace\/warnings\.test\.ts:\d+\)$/,
      ),
    ]);
  });

  test("are found in objects, maps, sets, and lists of lists, and so are parameters and layers with a mode", async () => {
    class Many extends Base {
      readonly byName = { a: new nn.Linear(3, 3) };
      readonly map = new Map([["a", new nn.Linear(3, 3)]]);
      readonly set = new Set([new nn.Dropout()]);
      readonly nested = [[new nn.BatchNorm1d(3)]];
      readonly weights = [new nn.Parameter(zeros(3))];
    }
    await compiled(new nn.Sequential(new Many()));
    expect(said.map((line) => /field (\w+) .*new (nn\.\w+)/.exec(line)?.slice(1))).toEqual([
      ["byName", "nn.ModuleDict"],
      ["map", "nn.ModuleDict"],
      ["set", "nn.ModuleList"],
      ["nested", "nn.ModuleList"],
      ["weights", "nn.ParameterList"],
    ]);
  });

  test("are meant where they are fields as well, or hold nothing that matters", async () => {
    class Meant extends Base {
      readonly again = [this.fc, new nn.ReLU()];
      readonly sizes = [1, 2, { a: 3 }];
      readonly constants = [zeros(3)];
      readonly self: unknown[] = [];
    }
    const model = new Meant();
    model.self.push(model.self, null, undefined);
    await compiled(model);
    await trained(model);
    expect(said).toEqual([]);
  });

  test("are said once for each class, and not at all where warnings are off", async () => {
    const made = () => {
      class Net extends Base {
        readonly layers = [new nn.Linear(3, 3)];
      }
      return Net;
    };
    const Net = made();
    const Other = made();
    await compiled(new Net(), { warnings: false });
    expect(said).toHaveLength(0);
    await compiled(new nn.Sequential(new Net(), new Net()));
    await trained(new Net());
    expect(said).toHaveLength(1);
    await compiled(new Other());
    expect(said).toHaveLength(2);
  });
});

describe("a parameter from elsewhere", () => {
  test("is named by type and place where a forward pass uses it", async () => {
    const outside = new nn.Linear(3, 3);
    class Outside extends Base {
      override forward(x: Tensor): Tensor {
        return this.fc.forward(outside.forward(x));
      }
    }
    await compiled(new Outside());
    expect(said).toEqual([
      expect.stringMatching(
        /^kiln: Outside uses a parameter float32\[3,3\] that is not part of it, .* \(test\/trace\/warnings\.test\.ts:\d+\)$/,
      ),
    ]);
  });

  test("is a constant inside of noGrad", async () => {
    class Taught extends Base {
      readonly #teacher = new nn.Linear(3, 3);
      override forward(x: Tensor): Tensor {
        return this.fc.forward(x).sub(noGrad(() => this.#teacher.forward(x)));
      }
    }
    await compiled(new Taught());
    await trained(new Taught());
    expect(said).toEqual([]);
  });
});

describe("fields that are never used", () => {
  test("are named with the line where they are made, layers and parameters", async () => {
    class Forgets extends Base {
      readonly fc2 = new nn.Linear(3, 3);
      readonly scale = new nn.Parameter(zeros(3));
      readonly block = new nn.Sequential(new nn.Linear(3, 3), new nn.ReLU());
    }
    await trained(new nn.Sequential(new Forgets()));
    expect(said).toEqual([
      expect.stringMatching(
        /^kiln: Forgets's field fc2, a Linear, is never used: call this\.fc2\.forward\(…\) in forward, or remove it; requiresGrad_\(false\) .*test\.ts:\d+\)$/,
      ),
      expect.stringContaining("Forgets's field scale, a parameter, is never used: use this.scale in forward"),
      expect.stringContaining("Forgets's field block, a Sequential, is never used"),
    ]);
  });

  test("are no mistake where the model speaks of them: another mode, a method, a condition, a computed name", async () => {
    class Auxiliary extends Base {
      readonly aux = new nn.Linear(3, 3);
      readonly decoder = new nn.Linear(3, 3);
      readonly heads = new nn.ModuleDict({ a: new nn.Linear(3, 3), b: new nn.Linear(3, 3) });
      override forward(x: Tensor): Tensor {
        const y = this.heads.get("a")!.forward(super.forward(x));
        return this.training ? this.aux.forward(y) : y;
      }
      decode(z: Tensor): Tensor {
        return this.decoder.forward(z);
      }
    }
    class Computed extends Base {
      readonly extra = new nn.Linear(3, 3);
      layer(name: "fc" | "extra"): nn.Linear {
        return this[name];
      }
    }
    class Destructured extends Base {
      readonly extra = new nn.Linear(3, 3);
      override forward(x: Tensor): Tensor {
        const { fc, extra } = this;
        return x.shape[0] > 2 ? extra.forward(x) : fc.forward(x);
      }
    }
    /** Another part of the model knows of the field. */
    class Inner extends Base {
      readonly extra = new nn.Linear(3, 3);
    }
    class Outer extends nn.Module<Tensor> {
      readonly inner = new Inner();
      forward(x: Tensor): Tensor {
        return this.training ? this.inner.extra.forward(x) : this.inner.forward(x);
      }
    }
    for (const model of [new Auxiliary(), new Computed(), new Destructured(), new Outer()]) {
      await compiled(model);
      await trained(model);
    }
    expect(said).toEqual([]);
  });

  test("are meant where they are frozen, or shared with what is used", async () => {
    class Tied extends Base {
      readonly head = this.fc;
      readonly old = new nn.Linear(3, 3).requiresGrad_(false);
      readonly tied = new nn.Linear(3, 3);
      constructor() {
        super();
        this.tied.weight = this.fc.weight;
        this.tied.bias = this.fc.bias;
      }
    }
    await compiled(new Tied());
    expect(said).toEqual([]);
  });

  test("are no matter for a step, which may use one part of a model", async () => {
    class Pair extends Base {
      readonly discriminator = new nn.Linear(3, 1);
    }
    const pair = new Pair();
    const optimizer = new optim.SGD(pair.fc.parameters(), { lr: 0.1 });
    const step = (x: Tensor): Tensor => {
      optimizer.zeroGrad();
      const loss = pair.forward(x).square().mean();
      loss.backward();
      optimizer.step();
      return loss;
    };
    await compileStep(step, { modules: { pair }, inputs: [[2, 3]], backend: "js" });
    expect(said).toEqual([]);
  });
});

describe("conditions on tensors", () => {
  test("are quoted, with the method that they stand in", async () => {
    class Branches extends Base {
      override forward(x: Tensor): Tensor {
        if (x.sum().gt(0)) return this.fc.forward(x);
        return this.fc.forward(F.relu(x));
      }
    }
    await compiled(new nn.Sequential(new Branches(), new Branches()));
    expect(said).toEqual([
      expect.stringMatching(
        /^kiln: Branches\.forward branches on x\.sum\(\)\.gt\(0\), a tensor, which counts as true .* where\(condition, a, b\) \(test\/trace\/warnings\.test\.ts:\d+\)$/,
      ),
    ]);
  });

  test.each([
    ["f(x) { if (x.gt(0)) return x; }", ["x.gt(0)"]],
    ["f(x) { while (!x.lt(1).all()) x = x.mul(2); }", ["x.lt(1).all()"]],
    ["f(x) { const s = x.sum(); return s . ge ( g(0) ) ? a : b; }", ["s . ge ( g(0) )"]],
    [
      "f(x) { return this.fc.forward(x)\n  .isnan()\n  .any() && y; }",
      ["this.fc.forward(x) .isnan() .any()"],
    ],
    ["f(x) { if (this.training && (x[0].eq(1))) return y; }", ["x[0].eq(1)"]],
    ["f({ x, y }) { const z = (x.gt(y)) || y; }", ["x.gt(y)"]],
  ])("are seen in %s", (text, found) => {
    expect(conditionsIn(text)).toEqual(found);
  });

  test.each([
    "f(x) { return where(x.gt(0), x, y); }",
    "f(x) { return g(x.gt(0)) ? a : b; }",
    "f(x, mask) { if (mask) x = x.mul(mask.eq(0)); return mask ? x : y; }",
    "f(x) { if (x.size(0) > 2 && x.isFloatingPoint()) return x.gt(0); }",
    "f(x) { if (_.eq(x.shape, y) || R.any(x.shape)) return x; }",
    "f(x) { if (x.gt(0).shape.length) return x; }",
    "f(x) { const y = x.gt(0)?.float() ?? x; }",
    'f(x) { log("if (x.gt(0)) y"); /* if (x.gt(0)) */ return x; // if (x.gt(0))\n }',
    "f(x) { const m = x.gt(0); if (this.deep) return m; }",
    "f(x) { const r = /if (x.gt(0))/; return `if (x.gt(0))`; }",
  ])("are not seen in %s", (text) => {
    expect(conditionsIn(text)).toEqual([]);
  });
});
