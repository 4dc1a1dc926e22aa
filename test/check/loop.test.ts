/** Loops whose number of turns depends on a tensor's value are found; loops over layers, shapes and parts are not. */

import { describe, expect, it } from "vitest";
import { forward, foundIn, messagesOf } from "./checked.ts";

describe("a loop on a traced value", () => {
  it.each([
    ["while", "while (x.sum().gt(1)) x = x.mul(0.5);\nreturn x;"],
    ["while on the tensor", "while (x) x = x.neg();\nreturn x;"],
    ["while on an item", "while ((await x.sum().item()) > 1) x = x.mul(0.5);\nreturn x;"],
    ["do", "do x = x.mul(0.5); while (x.any());\nreturn x;"],
    ["for", "for (let k = 0; x.amax().gt(k); k++) x = x.mul(0.5);\nreturn x;"],
    ["one side of a condition", "for (let k = 0; k < 9 && x.any(); k++) x = x.mul(0.5);\nreturn x;"],
    ["over the rows of a tensor", "for (const row of x as any) x = x.add(row);\nreturn x;"],
    ["over the rows of a result", "for (const row of F.relu(x) as any) x = x.add(row);\nreturn x;"],
  ])("%s", (_, body) => {
    expect(foundIn(forward(body))).toEqual(["5 loop-on-value error"]);
  });

  it("with the branch that leaves an endless one", () => {
    const body = "while (true) {\n  x = x.mul(0.5);\n  if (x.any()) break;\n}\nreturn x;";
    expect(foundIn(forward(body))).toEqual(["7 branch-on-value error"]);
  });

  it("says what to write instead", () => {
    expect(messagesOf(forward("while (x.any()) x = x.mul(0.5);\nreturn x;"))).toEqual([
      "Net.forward loops on x.any(), whose value is not known while the model is traced: " +
        "loop a fixed number of times, and keep finished values with where(condition, next, x)",
    ]);
    expect(messagesOf(forward("for (const row of x as any) void row;\nreturn x;"))).toEqual([
      "Net.forward loops over the tensor x, which is not a list: " +
        "split it with split(1), or use select(0, k) for every k below its size(0)",
    ]);
  });
});

describe("a loop that a trace can unroll", () => {
  it.each([
    ["over layers", "for (const layer of this.layers) x = layer.forward(x);\nreturn x;"],
    ["a fixed number of times", "for (let k = 0; k < 3; k++) x = x.neg();\nreturn x;"],
    ["as often as a shape says", "for (let k = 0; k < x.shape[0]; k++) x = x.neg();\nreturn x;"],
    ["over parts", "for (const part of x.split(2)) x = x.add(part.sum());\nreturn x;"],
    ["over the library's parts", "for (const part of split(x, 2)) x = x.add(part.sum());\nreturn x;"],
    ["over a list", "for (const part of [x, x.neg()]) x = x.add(part);\nreturn x;"],
    ["over a shape", "for (const extent of x.shape) x = x.mul(extent);\nreturn x;"],
    [
      "over what a layer gives",
      "for (const part of this.many.forward(x) as any) x = x.add(part);\nreturn x;",
    ],
    ["while sizes remain", "while (x.size(0) > 1) x = x.slice(0, 1);\nreturn x;"],
    ["with keys", "for (const k in [1, 2]) x = x.mul(Number(k));\nreturn x;"],
    ["over pairs", "for (const [k, part] of x.chunk(2).entries()) x = x.add(part.mul(k));\nreturn x;"],
  ])("%s", (_, body) => {
    const fields = "  layers = new nn.ModuleList([new nn.ReLU()]);\n  many = new nn.Identity();";
    expect(foundIn(`${forward(body)}\n${fields}`).filter((found) => !found.includes("unused"))).toEqual([]);
  });

  it("over several inputs", () => {
    expect(
      foundIn(
        forward("let sum = xs[0];\nfor (const x of xs) sum = sum.add(x);\nreturn sum;", "...xs: Tensor[]"),
      ),
    ).toEqual([]);
  });
});
