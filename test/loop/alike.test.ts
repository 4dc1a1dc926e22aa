/** Kernels that are alike: what is found so, and that it is nothing else. */

import { describe, expect, it } from "vitest";
import { Families, likenessOf, mapBodies } from "../../src/loop/alike.ts";
import { add, float, load, mul, variable } from "../../src/loop/build.ts";
import { printKernel } from "../../src/loop/print.ts";
import type { Expr, Kernel } from "../../src/loop/types.ts";
import { isProved } from "../../src/loop/verify.ts";

/** `to[i] = f(from[i])` over eight elements. */
function kernel(name: string, from: string, to: string, f: (x: Expr) => Expr, length = 8): Kernel {
  const i = variable("i");
  return {
    name,
    ops: ["f"],
    buffers: [
      { name: from, dtype: "float32", length, access: "read" },
      { name: to, dtype: "float32", length, access: "write" },
    ],
    scalars: [],
    body: [
      {
        kind: "for",
        name: "i",
        extent: 8,
        loop: "grid",
        body: [{ kind: "store", buffer: to, index: i, value: f(load(from, "float32", i)) }],
      },
    ],
    origins: [],
    nominalFlops: 8,
  };
}

const doubled = (x: Expr): Expr => mul(x, float(2));

describe("Families", () => {
  it("finds a kernel that calls its buffers otherwise, and remembers it", () => {
    const families = new Families();
    const [first, second] = [kernel("a", "x", "y", doubled), kernel("b", "u", "x", doubled)];
    expect(families.find(first)).toBeUndefined();
    const likeness = families.find(second);
    expect(likeness?.of).toBe(first);
    expect(Object.fromEntries(likeness!.names)).toEqual({ x: "u", y: "x" });
    expect(likenessOf(second)).toBe(likeness);
  });

  it.each([
    ["another constant", kernel("b", "u", "v", (x) => mul(x, float(3)))],
    ["a zero of the other sign", kernel("b", "u", "v", (x) => add(x, float(-0)))],
    ["another operator", kernel("b", "u", "v", (x) => add(x, float(2)))],
    ["another length", kernel("b", "u", "v", doubled, 9)],
    [
      "a store to what it reads",
      { ...kernel("b", "u", "v", doubled), body: kernel("b", "u", "u", doubled).body },
    ],
  ])("tells kernels apart by %s", (_, other) => {
    const families = new Families();
    families.find(kernel("a", "x", "y", doubled));
    families.find(kernel("c", "x", "y", (x) => add(x, float(0))));
    expect(families.find(other)).toBeUndefined();
  });

  it("keeps buffers apart that may not stand for each other", () => {
    const families = new Families((a, b) => (a === "x") === (b === "x"));
    families.find(kernel("a", "x", "y", doubled));
    expect(families.find(kernel("b", "u", "v", doubled))).toBeUndefined();
  });
});

describe("mapBodies", () => {
  it("rewrites one of those that are alike and renames the others' buffers, loads and stores", () => {
    const kernels = [kernel("a", "x", "y", doubled), kernel("b", "u", "x", doubled)];
    let count = 0;
    const [, made] = mapBodies(kernels, ({ body }) => {
      count++;
      return [{ kind: "section", name: "part", body }];
    });
    expect(count).toBe(1);
    const [text] = mapBodies([kernels[1]], ({ body }) => [{ kind: "section", name: "part", body }]);
    expect(printKernel(made)).toBe(printKernel(text));
    expect(isProved(made)).toBe(true);
  });
});
