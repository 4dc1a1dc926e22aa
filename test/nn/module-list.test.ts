/** ModuleList, and what Sequential shares with it: access by position and changes after construction. */

import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";
import { zeros } from "../../src/tensor/creation.ts";

const names = (module: nn.Module): string[] => module.namedChildren().map(([name]) => name);

describe.each([
  ["ModuleList", (...layers: nn.Module[]) => new nn.ModuleList(layers)],
  ["Sequential", (...layers: nn.Module[]) => new nn.Sequential(...layers)],
] as const)("%s", (name, make) => {
  const [a, b, c] = [new nn.Linear(2, 3), new nn.ReLU(), new nn.Tanh()];

  it("is read by position and in order", () => {
    const list = make(a, b);
    expect([list.length, list[0], list[1], list[2], list.at(-1)]).toEqual([2, a, b, undefined, b]);
    expect([...list]).toEqual([a, b]);
    expect([...list.slice(1)]).toEqual([b]);
    expect(list.slice(0, -1)).toBeInstanceOf(list.constructor);
    expect(() => list.at(2)).toThrow(`index 2 is out of range for a ${name} of 2 layers`);
    expect(() => list.at(-3)).toThrow("index -3 is out of range");
  });

  it("grows at its end and in between", () => {
    const list = make(a);
    expect(list.append(c)).toBe(list);
    expect([...list.insert(1, b)]).toEqual([a, b, c]);
    expect([...list.extend([b, a]).insert(-1, c).insert(6, b)]).toEqual([a, b, c, b, c, a, b]);
    expect(list[6]).toBe(b);
    expect(names(make(c).insert(0, a))).toEqual(["0", "1"]);
    expect(() => list.insert(8, a)).toThrow("index 8 is out of range");
  });

  it("is extended by itself once", () => {
    const list = make(a, b);
    expect([...list.extend(list)]).toEqual([a, b, a, b]);
  });

  it("shrinks from its end and in between", () => {
    const list = make(a, b, c);
    expect(list.pop(0)).toBe(a);
    expect([...list, list[0], list[2]]).toEqual([b, c, b, undefined]);
    expect(names(list)).toEqual(["0", "1"]);
    expect(list.pop()).toBe(c);
    expect(() => make().pop()).toThrow(`index -1 is out of range for a ${name} of 0 layers`);
  });

  it("lets a layer be replaced by position", () => {
    const list = make(a, b);
    list[1] = c;
    expect([...list]).toEqual([a, c]);
    expect(names(list)).toEqual(["0", "1"]);
    expect(() => {
      list[0] = {} as nn.Module;
    }).toThrow(`${name}'s layer 0 is not a module`);
  });

  it("says that a layer behind the end is appended", () => {
    const list = make(a);
    list[1] = b;
    expect(() => list.parameters()).toThrow(`${name} of 1 modules is assigned one at 1: add it with append`);
  });

  it("is where parameters are found, and modes are set", () => {
    const list = make(a, c).append(new nn.Linear(3, 1));
    expect(Object.keys(list.stateDict())).toEqual(["0.weight", "0.bias", "2.weight", "2.bias"]);
    expect(list.eval()[2].training).toBe(false);
  });

  it("refuses what is no module, and changes nothing", () => {
    const list = make(a);
    expect(() => list.append(zeros(1) as never)).toThrow(`${name}'s layer 1 is not a module`);
    expect(() => list.extend([b, 5 as never])).toThrow(`${name}'s layer 2 is not a module`);
    expect(() => list.insert(0, undefined as never)).toThrow(`${name}'s layer 0 is not a module`);
    expect([...list]).toEqual([a]);
  });
});

describe("ModuleList alone", () => {
  it("takes one list", () => {
    expect([...new nn.ModuleList(new Set([new nn.ReLU()]))]).toHaveLength(1);
    expect(() => new nn.ModuleList(new nn.ReLU() as never)).toThrow(
      "ModuleList takes one list of modules: new nn.ModuleList([a, b])",
    );
  });

  it("keeps the type of its layers", () => {
    const list = new nn.ModuleList([new nn.Linear(2, 3), new nn.Linear(3, 4)]);
    const widths: number[] = [...list].map((layer) => layer.outFeatures);
    expect(widths).toEqual([3, 4]);
    expect(list[1].inFeatures).toBe(3);
  });

  it("has no forward", () => {
    expect(() => new nn.ModuleList().forward()).toThrow(
      "ModuleList has no forward: call its modules one by one",
    );
  });
});

describe("Sequential with names", () => {
  it("numbers what is appended, and keeps names of its own in place", () => {
    const chain = new nn.Sequential({ first: new nn.ReLU() }).append(new nn.Tanh());
    expect(names(chain)).toEqual(["first", "1"]);
    expect(names(chain.slice(1))).toEqual(["1"]);
    expect(chain.pop(0)).toBeInstanceOf(nn.ReLU);
    expect(names(chain)).toEqual(["1"]);
    expect(() => chain.append(new nn.ReLU())).toThrow("Sequential is given two layers named 1");
    expect(() => chain.insert(0, new nn.ReLU())).toThrow(
      "Sequential cannot insert a module among named ones: only numbered ones can move",
    );
  });
});
