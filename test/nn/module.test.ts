/** Modules: how members are found, modes, names that cannot be, and the module path of recorded operations. */

import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { arange, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { record } from "./recording.ts";

abstract class Passing extends nn.Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

class Small extends nn.Module {
  first = new nn.Linear(2, 3);
  readonly sizes = [2, 3];
  second = new nn.Sequential(new nn.Linear(3, 1), new nn.ReLU());

  forward(x: Tensor): Tensor {
    return this.second.forward(this.first.forward(x)).neg();
  }
}

/** The very same objects, not just equal ones. */
function expectSame(actual: readonly unknown[], expected: readonly unknown[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of actual.entries()) expect(value).toBe(expected[i]);
}

const lineOf = (module: nn.Module): number | undefined => module.constructedAt?.line;

describe("members", () => {
  it("are the fields, in order", () => {
    const net = new Small();
    expectSame(net.parameters(), [
      net.first.weight,
      net.first.bias,
      net.stateDict()["second.0.weight"],
      net.stateDict()["second.0.bias"],
    ]);
    expectSame(net.children(), [net.first, net.second]);
    expectSame(net.modules(), [net, net.first, net.second, net.second.at(0), net.second.at(1)]);
  });

  it("are looked up anew each time, so that a field may be replaced", () => {
    const net = new Small();
    net.first = new nn.Linear(4, 3);
    expect(net.stateDict()["first.weight"].shape).toEqual([3, 4]);
  });

  it("are frozen together, and visited children first", () => {
    const net = new Small();
    net.second.requiresGrad_(false);
    expect(net.parameters().map(({ requiresGrad }) => requiresGrad)).toEqual([true, true, false, false]);
    net.requiresGrad_();
    expect(net.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
    const visited: nn.Module[] = [];
    expect(net.apply((module) => void visited.push(module))).toBe(net);
    expectSame(visited, [net.first, net.second.at(0), net.second.at(1), net.second, net]);
  });

  it("count a shared parameter once, under its first name", () => {
    class Shared extends Passing {
      encoder = new nn.Linear(3, 3);
      decoder = new nn.Linear(3, 3);
      tied = this.encoder.weight;
    }
    expect(new Shared().namedParameters().map(([name]) => name)).toEqual([
      "tied",
      "encoder.bias",
      "decoder.weight",
      "decoder.bias",
    ]);
    expect(Object.keys(new Shared().stateDict())).toContain("encoder.weight");
  });

  it("are told by their mark, so that another copy of the library does", () => {
    const foreign = { [Symbol.for("kiln.Module")]: true };
    expect([nn.isModule(new Small()), nn.isModule(foreign), nn.isModule({}), nn.isModule(null)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([nn.isParameter(new nn.Parameter(ones(1))), nn.isParameter(ones(1))]).toEqual([true, false]);
  });

  it("leave out plain tensors, unless they are registered as buffers", () => {
    class Buffered extends Passing {
      plain = ones(1);
      declare running: Tensor;

      constructor() {
        super();
        this.registerBuffer("running", zeros(2));
      }
    }
    const module = new Buffered();
    expect(Object.keys(module.stateDict())).toEqual(["running"]);
    module.running = ones(2);
    expectSame(module.buffers(), [module.running]);
  });

  it("cannot have names that break a dotted path or hide a method", () => {
    class Dotted extends Passing {
      "a.b" = new nn.ReLU();
    }
    class Empty extends Passing {
      "" = new nn.Parameter(ones(1));
    }
    class Reserved extends Passing {
      constructor() {
        super();
        Object.assign(this, { children: new nn.ReLU() });
      }
    }
    expect(() => new Dotted().children()).toThrow('module name can\'t contain ".", got: a.b');
    expect(() => new Empty().parameters()).toThrow('parameter name can\'t be empty string ""');
    expect(() => new Reserved().parameters()).toThrow(
      "Reserved's field children hides nn.Module's own children",
    );
    expect(() => new Small().registerBuffer("a.b", ones(1))).toThrow('buffer name can\'t contain "."');
    expect(() => new Small().registerBuffer("first", ones(1))).toThrow("Small already has a first");
    expect(() => new Small().registerBuffer("train", ones(1))).toThrow("Small already has a train");
  });

  it("cannot contain the module itself", () => {
    class Child extends Passing {
      parent: nn.Module | undefined;
    }
    class Parent extends Passing {
      child = new Child();

      constructor() {
        super();
        this.child.parent = this;
      }
    }
    expect(() => new Parent().parameters()).toThrow("child.parent leads from Parent back to itself");
  });
});

describe("modes", () => {
  it("reach every module below", () => {
    const net = new Small();
    expect(net.training).toBe(true);
    expect(net.eval()).toBe(net);
    expect(net.modules().map(({ training }) => training)).toEqual([false, false, false, false, false]);
    net.second.train();
    expect([net.training, net.first.training, net.second.at(0).training]).toEqual([false, false, true]);
    expect(net.train(false).second.training).toBe(false);
  });
});

describe("forward", () => {
  it("tells what it records which modules are running", () => {
    const net = new Small();
    const { ops } = record(() => net.forward(zeros(1, 2)));
    expect(ops.map(({ op }) => op)).toEqual(["linear", "linear", "relu", "neg"]);
    expectSame(
      ops.flatMap(({ modules }) => modules),
      [
        [net, net.first],
        [net, net.second, net.second.at(0)],
        [net, net.second, net.second.at(1)],
        [net],
      ].flat(),
    );
  });

  it("leaves no module running after an error", () => {
    const net = new Small();
    expect(() => record(() => net.forward(zeros(1, 5)))).toThrow("linear expects 2 input features");
    expect(record(() => arange(2).neg()).ops[0].modules).toEqual([]);
  });

  it("is no member and may be inherited", () => {
    class Twice extends Small {
      override forward(x: Tensor): Tensor {
        return super.forward(x).neg();
      }
    }
    const net = new Twice();
    expect(Object.keys(net)).not.toContain("forward");
    expect(record(() => net.forward(zeros(1, 2))).ops.at(-1)?.modules).toEqual([net]);
  });

  it("is missed with a clear error", () => {
    const Bare = nn.Module as unknown as new () => nn.Module;
    expect(() => new Bare().forward(ones(1))).toThrow("Module has no forward method");
  });
});

describe("constructedAt", () => {
  it("is the user's line", () => {
    const here = new nn.ReLU();
    const below = new nn.ReLU();
    expect(here.constructedAt?.file).toBe("test/nn/module.test.ts");
    expect(lineOf(below)).toBe((lineOf(here) ?? 0) + 1);
    expect(Object.keys(here)).toEqual(["training"]);
  });
});

describe("Parameter", () => {
  it("shares the numbers of its tensor and wants gradients", async () => {
    const data = ones(2);
    const parameter = new nn.Parameter(data);
    expect([parameter.requiresGrad, data.requiresGrad]).toEqual([true, false]);
    expect(parameter.version).toBe(data.version);
    expect(new nn.Parameter(data, false).requiresGrad).toBe(false);
  });

  it("needs a tensor", () => {
    expect(() => new nn.Parameter([1, 2] as never)).toThrow(
      "such as new nn.Parameter(tensor([1, 2])), not from an array",
    );
    expect(() => new nn.Parameter(undefined as never)).toThrow("not from undefined");
  });

  it("needs float32 numbers", () => {
    expect(() => new nn.Parameter(tensor(Int32Array.of(1)))).toThrow("must be float32, not int32");
  });
});
