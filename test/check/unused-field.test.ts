/** Layers that nothing reads are found, and no layer is that may be reached in another way. */

import { describe, expect, it } from "vitest";
import { checkFiles, forward, foundIn, messagesOf, modelWith } from "./checked.ts";

const LAYER = "  fc = new nn.Linear(8, 8);";
const PLAIN = forward("return x;");

describe("a layer that is never used", () => {
  it.each([
    ["a property", `${LAYER}\n${PLAIN}`, "", 4],
    [
      "one that the constructor assigns",
      `  declare fc: nn.Linear;\n  constructor() {\n    super();\n    this.fc = new nn.Linear(8, 8);\n  }\n${PLAIN}`,
      "",
      7,
    ],
    ["a container", `  all = new nn.Sequential(new nn.ReLU());\n${PLAIN}`, "", 4],
    [
      "a module of the user's",
      `  block = new Block();\n${PLAIN}`,
      "class Block extends nn.Module { forward(x: Tensor) { return x; } }",
      4,
    ],
    [
      "one whose name another class uses",
      `${LAYER}\n${PLAIN}`,
      "class Other extends nn.Module { fc = new nn.ReLU(); forward(x: Tensor) { return this.fc.forward(x); } }",
      4,
    ],
    ["one that is assigned twice", `${LAYER}\n  reset() { this.fc = new nn.Linear(8, 8); }\n${PLAIN}`, "", 4],
    ["one of several", `${LAYER}\n  act = new nn.ReLU();\n${forward("return this.fc.forward(x);")}`, "", 5],
  ])("%s", (_, members, before, line) => {
    expect(foundIn(members, before)).toEqual([`${line} unused-field warning`]);
  });

  it("is named", () => {
    expect(messagesOf(`${LAYER}\n${PLAIN}`)).toEqual([
      "Net's field fc, a nn.Linear, is never used: call this.fc.forward(…) in forward, or remove it",
    ]);
  });
});

describe("a layer that may be used", () => {
  it.each([
    ["in forward", forward("return this.fc.forward(x);")],
    ["in a helper", `${forward("return this.head(x);")}\n  head(x: Tensor) { return this.fc.forward(x); }`],
    [
      "through children()",
      forward("for (const child of this.children()) x = child.forward(x as any) as Tensor;\nreturn x;"),
    ],
    ["by a computed name", forward('return (this as any)["f" + "c"].forward(x);')],
    ["by a quoted name", forward('return this["fc"].forward(x);')],
    ["by taking the module apart", forward("const { fc } = this;\nreturn fc.forward(x);")],
    ["by somebody it is given to", forward("return run(this, x);")],
    ["from outside", `${PLAIN}\n  static of(net: Net) { return net.fc.weight; }`],
    ["through another name for this", forward("const self = this;\nreturn self.fc.forward(x);")],
  ])("%s", (_, members) => {
    expect(foundIn(`${LAYER}\n${members}`, "declare const run: any;")).toEqual([]);
  });

  it("by a subclass in another file, or by the class below", () => {
    const base = `import { nn, type Tensor } from "kiln-js";\nexport class Base extends nn.Module {\n${LAYER}\n${PLAIN}\n}`;
    const below = modelWith(
      forward("return this.fc.forward(x);"),
      'import { Base } from "./base.ts";',
    ).replace("extends nn.Module", "extends Base");
    expect(checkFiles({ "net.ts": below, "base.ts": base }).findings).toEqual([]);
  });

  it("by whoever extends an abstract class or one without forward", () => {
    expect(
      foundIn(
        PLAIN,
        `abstract class Base extends nn.Module { fc = new nn.Linear(8, 8); forward(x: Tensor) { return x; } }`,
      ),
    ).toEqual([]);
    expect(foundIn(PLAIN, `class Base extends nn.Module { fc = new nn.Linear(8, 8); }`)).toEqual([]);
  });

  it("by the container that the class extends", () => {
    expect(foundIn(PLAIN, "class Stack extends nn.Sequential { fc = new nn.Linear(8, 8); }")).toEqual([]);
  });

  it("and fields that are no layers are not looked at", () => {
    expect(foundIn(`  width = 3;\n  scale = ones(1);\n  names = new Map();\n${PLAIN}`)).toEqual([]);
  });
});
