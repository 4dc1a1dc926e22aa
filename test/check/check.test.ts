/** The check as a whole: the files it reads, what it makes of unusual sources, and that its rules are documented. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkModelFile } from "../../src/check/check.ts";
import { RULES } from "../../src/check/rules.ts";
import { KilnError } from "../../src/core/errors.ts";
import { checkFiles, forward, foundIn, modelWith } from "./checked.ts";

const BRANCH = "return x.any() ? x : x.neg();";

const gate = (name: string): string =>
  `import { nn, type Tensor } from "kiln-js";\nexport class ${name} extends nn.Module {\n${forward(BRANCH)}\n}`;

describe("the files", () => {
  it("are the model's and what it imports by path, however the path is written, each once", () => {
    const { models, findings } = checkFiles({
      "net.ts": [
        'import { A } from "./a.ts";\nimport { B } from "./b.js";\nimport { C } from "./parts/c";',
        'export * from "./d.ts";\nimport "./gone.ts";\nimport "./net.ts";\nexport default [A, B, C];',
      ].join("\n"),
      "a.ts": `import "./b.ts";\n${gate("A")}`,
      "b.ts": gate("B"),
      "parts/c.ts": `import "../net.ts";\n${gate("C")}`,
      "d.ts": gate("D"),
    });
    expect([...models].sort()).toEqual(["A", "B", "C", "D"]);
    expect(findings.map(({ model }) => model).sort()).toEqual(["A", "B", "C", "D"]);
  });

  it("follow base classes, helpers and default exports into each other", () => {
    const { findings } = checkFiles({
      "net.ts": [
        'import Base from "./base.ts";\nimport { pick } from "./pick.ts";\nimport type { Tensor } from "kiln-js";',
        "export default class Net extends Base {\nforward(x: Tensor) { return this.gate(pick(x)); }\n}",
      ].join("\n"),
      "base.ts": `import { nn, type Tensor } from "kiln-js";\nabstract class Base extends nn.Module {\ngate(x: Tensor) { ${BRANCH} }\n}\nexport default Base;`,
      "pick.ts": `import type { Tensor } from "kiln-js";\nexport const pick = (x: Tensor): Tensor =>\nx.sum().gt(0) ? x : x.neg();`,
    });
    expect(findings.map(({ file, line }) => `${file.replace(/.*\//, "")}:${line}`)).toEqual([
      "base.ts:3",
      "pick.ts:3",
    ]);
  });

  it("may be JavaScript", () => {
    const source = modelWith(`  forward(x) {\n${BRANCH}\n}`).replace("type Tensor, ", "");
    expect(checkFiles({ "net.mjs": source }).findings).toHaveLength(1);
    expect(checkFiles({ "net.js": source }).findings).toHaveLength(1);
  });

  it("that do not parse are refused with their place, and so are missing ones", () => {
    const broken = (): unknown =>
      checkFiles({ "net.ts": 'import "./b.ts";', "b.ts": "const a = ;\nlet let" });
    expect(broken).toThrow(KilnError);
    expect(broken).toThrow(/^b\.ts does not compile: Expression expected \(b\.ts:1:11\)$/);
    expect(() => checkModelFile("/gone/net.ts")).toThrow("the model file /gone/net.ts does not exist");
  });
});

describe("module classes", () => {
  it.each([
    [
      "under another name of the library",
      'import * as k from "kiln-js";\nexport class Net extends k.nn.Module {',
    ],
    [
      "under another name of nn",
      'import { nn as layers } from "kiln-js";\nexport class Net extends layers.Module {',
    ],
    [
      "taken out of nn",
      'import { nn } from "kiln-js";\nconst { Module: M } = nn;\nexport class Net extends M {',
    ],
    [
      "in a variable",
      'import { nn } from "kiln-js";\nconst Base = nn.Module;\nexport const Net = class extends Base {',
    ],
    [
      "in a function",
      'import { nn } from "kiln-js";\nexport const make = () => new (class Net extends nn.Module {',
    ],
    ["of a layer", 'import { nn } from "kiln-js";\nexport class Net extends nn.Linear {'],
  ])("are found %s", (_, head) => {
    const tail = head.includes("make") ? "})();" : "}";
    const { models, findings } = checkFiles({ "net.ts": `${head}\nforward(x) { ${BRANCH} }\n${tail}` });
    expect(models).toEqual(["Net"]);
    expect(findings).toHaveLength(1);
  });

  it.each([
    ["another library's", 'import { nn } from "other";\nclass Net extends nn.Module {'],
    ["one that extends itself", "class Net extends Net {"],
    ["names that go in circles", "const a = b;\nconst b = a;\nclass Net extends a.Module {"],
    ["what nobody declares", "class Net extends nn.Module {"],
    ["none of the library's modules", 'import { nn } from "kiln-js";\nclass Net extends nn.init.Module {'],
  ])("are not: %s", (_, head) => {
    expect(checkFiles({ "net.ts": `${head}\nforward(x) { ${BRANCH} }\n}` }).models).toEqual([]);
  });
});

describe("unusual sources", () => {
  it.each([
    [
      "helpers that call each other",
      "return this.a(x);\n}\na(x: Tensor): Tensor {\nreturn this.b(x);\n}\nb(x: Tensor): Tensor {\nreturn this.a(x);",
    ],
    ["a forward that calls itself", "return this.forward(x);"],
    [
      "values that depend on themselves",
      "let a = x, b = x;\nfor (;;) { [a, b] = [b, a]; break; }\nreturn a;",
    ],
    [
      "holes and rests",
      "const [, ...rest] = x.chunk(3);\nconst { shape: [n, ...m], ...others } = x as any;\nreturn rest[0];",
    ],
    ["no body to speak of", ""],
  ])("end, and find nothing: %s", (_, body) => {
    expect(foundIn(forward(body))).toEqual([]);
  });

  it("keep control characters and long expressions out of messages", () => {
    const long = Array.from({ length: 40 }, (_, k) => `.add(${k})`).join("\n  ");
    const { findings } = checkFiles({
      "net.ts": modelWith(forward(`if (x${long}.any()) return x;\nreturn x;`)),
    });
    expect(findings[0].message).toMatch(/branches on x\.add\(0\) \.add\(1\) .*…, whose value/);
    expect(findings[0].message.length).toBeLessThan(220);
    expect(findings[0].message).not.toMatch(/\p{Cc}/u);
  });
});

describe("the rules", () => {
  const page = readFileSync(new URL("../../docs/check.md", import.meta.url), "utf8");

  it.each(RULES.map(({ name, doc }) => [name, doc]))("%s is documented", (name, doc) => {
    expect(page).toContain(`### \`${name}\` (`);
    expect(doc).toMatch(/^\w.*\.$/);
  });
});
