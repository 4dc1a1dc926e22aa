/** Branches on a tensor's value are found however they are written; branches on what a trace knows are not. */

import { describe, expect, it } from "vitest";
import { forward, foundIn, messagesOf } from "./checked.ts";

const ERROR = ["5 branch-on-value error"];

describe("a branch on a traced value", () => {
  it.each([
    ["a comparison method", "if (x.sum().gt(0)) return x.neg();\nreturn x;"],
    ["the tensor itself", "if (x) return x.neg();\nreturn x;"],
    ["its negation", "if (!x.any()) return x;\nreturn x.neg();"],
    ["a number that was awaited", "if ((await x.sum().item()) > 0) return x;\nreturn x.neg();"],
    ["a number that was not", "if (Number(x.sum().item()) > 0) return x;\nreturn x.neg();"],
    ["a comparison of JavaScript's", "if (x > 0) return x;\nreturn x.neg();"],
    ["an element", "return (x as any)[0] ? x : x.neg();"],
    ["a conditional expression", "return x.mean().lt(1) ? x : x.neg();"],
    ["and", "return (x.gt(0).all() && x) as Tensor;"],
    ["or", "return ((x as any) || ones(1)) as Tensor;"],
    ["an assignment with or", "x ||= ones(1);\nreturn x;"],
    ["switch", "switch (x.argmax()) { default: return x; }"],
    ["a case", "switch (true as any) { case x.sum().gt(0): return x; default: return x.neg(); }"],
    ["one side of a condition", "if (this.training && F.relu(x).sum().gt(0)) return x;\nreturn x.neg();"],
    ["a function of the library", "if (cat([x, x]).sum().gt(0)) return x;\nreturn x.neg();"],
    ["two tensors compared", "if (x === x.neg()) return x;\nreturn x.neg();"],
    ["a template", `if (\`\${x}\` === "") return x;\nreturn x;`],
    ["inside of a function", "return [x].map((y) => (y.sum().gt(0) ? y : y.neg()))[0];"],
    ["a sum of conversions", "if (Math.max(Number(x.max()), 0) > 1) return x;\nreturn x.neg();"],
    ["a binary module's result", "if (this.fc.forward(x).sum().gt(0)) return x;\nreturn x.neg();"],
  ])("%s", (_, body) => {
    expect(foundIn(`${forward(body)}\n  fc = new nn.Identity();`).filter((f) => /branch/.test(f))).toEqual(
      ERROR,
    );
  });

  it.each([
    ["a variable", "const y = F.relu(x);\nconst s = y.sum();\nif (s.gt(0)) return y;\nreturn x;", "7"],
    ["a variable of another", "let h = x.neg();\nh = h.exp();\nif (h.any()) return h;\nreturn x;", "7"],
    ["part of a pattern", "const [a, b] = x.chunk(2);\nif (a.sum().gt(0)) return a;\nreturn b;", "6"],
    ["a flag", "const positive = x.sum().gt(0);\nreturn positive ? x : x.neg();", "6"],
    ["an assigned pattern", "let a: Tensor, b: Tensor;\n[a, b] = x.chunk(2);\nreturn a.any() ? a : b;", "7"],
    ["a turn of a loop", "for (const part of x.chunk(2)) {\nif (part.any()) x = part;\n}\nreturn x;", "6"],
    ["what a fold carries", "return [1, 2].reduce((h, k) =>\nh.sum().gt(k) ? h : h.neg(), x);", "6"],
    ["a pushed tensor", "const all = [];\nall.push(x);\nreturn all[0].any() ? x : x.neg();", "7"],
    ["a local function", "const f = (t: Tensor) =>\nt.any() ? t : t.neg();\nreturn f(x);", "6"],
  ])("through %s", (_, body, line) => {
    expect(foundIn(forward(body))).toEqual([`${line} branch-on-value error`]);
  });

  it("in a helper of the class, with the helper's name", () => {
    const members = `${forward("return this.gate(x);")}\n  gate(t: Tensor): Tensor {\n    return t.any() ? t : t.neg();\n  }`;
    expect(foundIn(members)).toEqual(["8 branch-on-value error"]);
    expect(messagesOf(members)[0]).toMatch(/^Net\.gate branches on t\.any\(\), /);
  });

  it("on what a helper gives back", () => {
    const members = `${forward("if (this.score(x)) return x;\nreturn x.neg();")}\n  score(t: Tensor) {\n    return t.sum().gt(0);\n  }`;
    expect(foundIn(members)).toEqual(ERROR);
  });

  it("in a function beside the class, and in an inherited one", () => {
    const gate = "function gate(t: Tensor): Tensor { return t.any() ? t : t.neg(); }";
    expect(foundIn(forward("return gate(x);"), gate)).toEqual(["2 branch-on-value error"]);
    const base =
      "abstract class Base extends nn.Module { gate(t: Tensor): Tensor { return t.any() ? t : t; } }";
    const source = modelBelow(base);
    expect(source).toEqual(["2 branch-on-value error"]);
  });

  it("on a parameter of the model", () => {
    const members = `  scale = new nn.Parameter(ones(1));\n${forward("return this.scale.any() ? x : x.neg();")}`;
    expect(foundIn(members)).toEqual(["6 branch-on-value error"]);
  });

  it("in JavaScript, where nothing is annotated", () => {
    expect(foundIn("  forward(x) {\n    if (x.sum() > 0) return x;\n    return x.neg();\n  }")).toEqual(
      ERROR,
    );
  });

  it("says where, on what, and what to write instead", () => {
    expect(messagesOf(forward("return x.gt(0).all() ? x : x.neg();"))).toEqual([
      "Net.forward branches on x.gt(0).all(), whose value is not known while the model is traced: " +
        "compute both sides and choose with where(condition, a, b)",
    ]);
  });
});

/** What is found where the class extends a class of the user's. */
const modelBelow = (base: string): string[] =>
  foundIn(
    `${forward("return this.inner.forward(x);")}\n  inner = new Sub();`,
    `${base} class Sub extends Base { forward(x: Tensor): Tensor { return this.gate(x); } }`,
  );

describe("a branch that a trace can take", () => {
  it.each([
    ["a shape", "if (x.shape[0] === 1) return x.neg();\nreturn x;"],
    ["a size", "return x.size(0) > 1 ? x : x.neg();"],
    [
      "sizes of both kinds",
      "if (x.size().length === 2 && x.numel() > 4 && x.ndim === 2) return x;\nreturn x.neg();",
    ],
    ["a dtype", 'if (x.dtype === "float32") return x;\nreturn x.neg();'],
    ["the mode", "return this.training ? x : x.neg();"],
    ["a setting", "return this.deep ? x : x.neg();"],
    ["a variable of shapes", "const [n, c] = x.shape;\nif (n * c > 8) return x;\nreturn x.neg();"],
    ["a part of a pattern", "const { shape } = x;\nif (shape.length > 2) return x;\nreturn x.neg();"],
    ["presence", "if ((x as Tensor | undefined) === undefined) return ones(1);\nreturn x;"],
    ["a kind", "if (Array.isArray(x) || x instanceof Object) return x;\nreturn x.neg();"],
    ["a type", 'return typeof x === "object" ? x : ones(1);'],
    ["a length", "const parts = x.chunk(2);\nreturn parts.length === 2 ? parts[0] : x;"],
    ["where", "return where(x.gt(0), x, x.neg());"],
    ["a default", "return (x as Tensor | undefined) ?? ones(1);"],
    ["something nobody can tell", "return helper(x) ? x : x.neg();"],
    ["products of shapes", "return x.size().slice(1).reduce((a, b) => a * b, 1) > 4 ? x : x.neg();"],
    ["the index of a fold", "return [1, 2].reduce((h, k) => (k > 1 ? h.neg() : h), x);"],
    ["a shadowed name", "const even = (x: number) => (x > 1 ? 2 : 3);\nreturn x.mul(even(2));"],
  ])("%s", (_, body) => {
    const members = `${forward(body)}\n  deep = true;`;
    expect(foundIn(members, 'import { helper } from "elsewhere";')).toEqual([]);
  });

  it.each([
    ["x: Tensor, mask?: Tensor", "if (mask) x = x.mul(mask);\nreturn x;"],
    ["x: Tensor, mask: Tensor | null = null", "return mask && this.training ? x.mul(mask) : x;"],
    ["x: Tensor, scale = 1", "return scale > 1 ? x.mul(scale) : x;"],
    ["x: Tensor, mode: string", 'return mode === "a" ? x : x.neg();'],
    ["...xs: Tensor[]", "return xs.length > 1 ? xs[0] : xs[0].neg();"],
  ])("with the parameters (%s)", (parameters, body) => {
    expect(foundIn(forward(body, parameters))).toEqual([]);
  });

  it("on a variable that may still be empty", () => {
    const body = "let h: Tensor | undefined;\nfor (let k = 0; k < 2; k++) h = h ? h.add(x) : x;\nreturn h!;";
    expect(foundIn(forward(body))).toEqual([]);
  });

  it("on a bias that may be missing", () => {
    const members = `  bias: nn.Parameter | null = null;\n${forward("return this.bias ? x.add(this.bias) : x;")}`;
    expect(foundIn(members)).toEqual([]);
  });

  it("on what a helper says of shapes", () => {
    const helper =
      "  small(t: Tensor): boolean {\n    return t.numel() < 9;\n  }\n  flat(t: Tensor) {\n    return t.numel();\n  }";
    expect(
      foundIn(`${forward("return this.small(x) && this.flat(x) > 2 ? x : x.neg();")}\n${helper}`),
    ).toEqual([]);
  });

  it("outside of forward", () => {
    const members = `${forward("return x;")}\n  async check(x: Tensor) {\n    return (await x.item()) > 0 ? 1 : 2;\n  }`;
    expect(foundIn(members)).toEqual([]);
  });

  it("in a class that is no module", () => {
    expect(
      foundIn(forward("return x;"), "class Plain { forward(x: Tensor) { return x.any() ? x : x; } }"),
    ).toEqual([]);
  });
});
