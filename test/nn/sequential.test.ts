/** Sequential: its forms, names and access to layers. */

import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { zeros } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { record } from "./recording.ts";

const names = (module: nn.Module): string[] => module.namedChildren().map(([name]) => name);

describe("Sequential", () => {
  const [a, b] = [new nn.Linear(2, 3), new nn.ReLU()];

  it("numbers or names its layers", () => {
    expect(names(new nn.Sequential(a, b))).toEqual(["0", "1"]);
    expect(names(new nn.Sequential({ conv1: a, relu1: b }))).toEqual(["conv1", "relu1"]);
    expect(
      names(
        new nn.Sequential([
          ["10", a],
          ["2", b],
        ]),
      ),
    ).toEqual(["10", "2"]);
    expect(names(new nn.Sequential(new Map([["only", a]])))).toEqual(["only"]);
  });

  it("takes any name that fits into a path, those of its methods included", () => {
    const layers = new nn.Sequential({ forward: a, length: b, toString: new nn.ReLU() });
    expect(Object.keys(layers.stateDict())).toEqual(["forward.weight", "forward.bias"]);
    expect([layers.length, layers.at(1)]).toEqual([3, b]);
    expect(String(new nn.Sequential({ at: b }))).toBe("Sequential(\n  (at): ReLU()\n)");
  });

  it("gives its layers by position and in order", () => {
    const layers = new nn.Sequential(a, b);
    expect([layers.length, layers.at(0), layers.at(-1), [...layers]]).toEqual([2, a, b, [a, b]]);
    expect(() => layers.at(2)).toThrow("index 2 is out of range for a Sequential of 2 layers");
    expect(() => layers.at(0.5)).toThrow("index 0.5 is out of range");
  });

  it("feeds each layer's output into the next", () => {
    const { ops, result } = record(() => new nn.Sequential(a, b).forward(zeros(1, 2)));
    expect(ops.map(({ op }) => op)).toEqual(["linear", "relu"]);
    expect(result.shape).toEqual([1, 3]);
    const x = zeros(1);
    expect(new nn.Sequential().forward(x)).toBe(x);
  });

  it("may be extended by fields", () => {
    class Headed extends nn.Sequential {
      head = new nn.Linear(3, 1);
    }
    expect(names(new Headed(a, b))).toEqual(["0", "1", "head"]);
  });

  it("refuses names that cannot be, and what is no layer", () => {
    expect(() => new nn.Sequential({ "a.b": a })).toThrow('module name can\'t contain ".", got: a.b');
    expect(() => new nn.Sequential({ "": a })).toThrow('module name can\'t be empty string ""');
    expect(() => new nn.Sequential([["x", a] as const, ["x", b] as const])).toThrow("two layers named x");
    expect(() => new nn.Sequential(a, {} as nn.Module)).toThrow("Sequential's layer 1 is not a module");
    expect(() => new nn.Sequential({ first: 5 } as never)).toThrow(
      "Sequential's layer first is not a module",
    );
  });

  it("says which layer gives more than one tensor", () => {
    class Split extends nn.Module {
      forward(x: Tensor): Tensor[] {
        return [x, x];
      }
    }
    expect(() => new nn.Sequential({ split: new Split() }).forward(zeros(1))).toThrow(
      "Sequential's layer split (Split) returns several tensors, not one",
    );
  });
});

describe("what Sequential is given in place of layers", () => {
  const a = new nn.Linear(2, 2);

  it("is named", () => {
    const list = [a, new nn.Sequential(a)];
    expect(() => new nn.Sequential(list as never)).toThrow(
      "Sequential takes its layers one by one: new nn.Sequential(a, b), or new nn.Sequential(...layers)",
    );
    expect(() => new nn.Sequential(null as never)).toThrow("Sequential takes modules, not null");
    expect(() => new nn.Sequential(nn.ReLU as never)).toThrow("Sequential takes modules, not the class ReLU");
  });
});
