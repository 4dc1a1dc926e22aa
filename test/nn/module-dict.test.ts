/** ModuleDict: access by name, changes after construction and what it refuses. */

import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";

describe("ModuleDict", () => {
  const [a, b] = [new nn.Linear(2, 3), new nn.ReLU()];

  it("is made of an object, of pairs or of nothing", () => {
    expect([...new nn.ModuleDict({ a, b })]).toEqual(["a", "b"]);
    expect([...new nn.ModuleDict<nn.Module>([["10", a] as const, ["2", b] as const]).keys()]).toEqual([
      "10",
      "2",
    ]);
    expect(new nn.ModuleDict().length).toBe(0);
    expect([
      ...new nn.ModuleDict<nn.Module>(new nn.ModuleDict<nn.Module>({ a, b }).items()).values(),
    ]).toEqual([a, b]);
  });

  it("is read by name", () => {
    const dict = new nn.ModuleDict<nn.Module>({ a, b });
    expect([dict.length, dict.get("a"), dict.has("b"), dict.has("c")]).toEqual([2, a, true, false]);
    expect([...dict.items()]).toEqual([
      ["a", a],
      ["b", b],
    ]);
    expect(() => dict.get("c")).toThrow("ModuleDict has no module c: it has a, b");
    expect(() => new nn.ModuleDict().get("a")).toThrow("ModuleDict has no module a: it has none");
  });

  it("changes by name, a replaced module staying in its place", () => {
    const dict = new nn.ModuleDict<nn.Module>({ a, b });
    const c = new nn.Tanh();
    expect([...dict.set("a", c).update({ d: a }).items()]).toEqual([
      ["a", c],
      ["b", b],
      ["d", a],
    ]);
    expect(dict.pop("a")).toBe(c);
    expect([...dict.keys()]).toEqual(["b", "d"]);
    expect(() => dict.pop("a")).toThrow("ModuleDict has no module a");
    dict.clear();
    expect(dict.length).toBe(0);
  });

  it("is where parameters are found, whatever the names", () => {
    const dict = new nn.ModuleDict({ keys: a, forward: new nn.Linear(1, 1, false) });
    expect(Object.keys(dict.stateDict())).toEqual(["keys.weight", "keys.bias", "forward.weight"]);
    expect(dict.get("keys").outFeatures).toBe(3);
  });

  it("refuses what cannot be", () => {
    expect(() => new nn.ModuleDict({ "a.b": a })).toThrow('module name can\'t contain ".", got: a.b');
    expect(() => new nn.ModuleDict({ "": a })).toThrow('module name can\'t be empty string ""');
    expect(() => new nn.ModuleDict({ a: 1 as never })).toThrow("ModuleDict's a is not a module");
    expect(() => new nn.ModuleDict().forward()).toThrow(
      "ModuleDict has no forward: call its modules by name",
    );
  });
});
