/** `kiln check` as a user meets it: what it prints, its exit codes, and what other commands do with its findings. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import { opTable } from "../../src/ops/registry.ts";
import { barModel, kiln, ROOT, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();
const NN = 'import { nn, type Tensor } from "kiln-js";\n';
const INPUTS = "export const inputs = [[4, 8]];\n";

writeAll(folder, {
  "branch.ts": barModel({
    forward: "if (x.sum().gt(0)) return x;\n    while (x.any()) x = x.neg();\n    return x;",
  }),
  "warned.ts": `${NN}export default class Net extends nn.Module {
  fc = new nn.Linear(8, 2);
  spare = new nn.Linear(8, 2);
  override forward(x: Tensor): Tensor {
    console.log(x);
    return this.fc.forward(x);
  }
}
${INPUTS}`,
  "outer.ts": `import { Gate } from "./parts/gate.js";
import { nn } from "kiln-js";
export default new nn.Sequential(new Gate());
${INPUTS}`,
  "parts/gate.ts": `${NN}export class Gate extends nn.Module {
  override forward(x: Tensor): Tensor {
    return x.any() ? x : x.neg();
  }
}`,
  "named.ts": `${NN}export default class Net extends nn.Module {
  fc = new nn.Linear(8, 2);
  override forward(x: Tensor): Tensor {
    const hidden = this.fc
      .forward(x)
      .relu();
    const größe$ = hidden.exp();
    x = größe$.neg();
    return x;
  }
}
${INPUTS}`,
  "nothing.ts": "export const width = 3;\n",
  "syntax.ts": `${NN}export default class {\n  x = = 3;\n}\n`,
  "text.txt": "no script",
  "evil\u001b[31m.ts": `${NN}export default class Größe$ extends nn.Module {
  override forward(größe$: Tensor): Tensor {
    if (größe$.any()) return größe$;
    return größe$.neg();
  }
}
${INPUTS}`,
});

const check = (...args: string[]) => kiln(["check", ...args], { cwd: folder });

describe("kiln check", () => {
  it.each(["lenet", "lenet3x3", "cifar10", "cifar10-class", "mlp"])("finds nothing in %s", async (name) => {
    const { code, stdout, stderr } = await kiln(["check", `examples/${name}.ts`]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(new RegExp(`^examples/${name}\\.ts: nothing found \\(.*\\)\\n$`));
    expect(code).toBe(0);
  });

  it("prints every finding with file, line and column, and fails for errors", async () => {
    const { code, stdout, stderr } = await check("branch.ts");
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n")).toEqual([
      expect.stringMatching(
        /^branch\.ts:6:9: error: Bars\.forward branches on x\.sum\(\)\.gt\(0\), .*where\(.*\[branch-on-value\]$/,
      ),
      expect.stringMatching(
        /^branch\.ts:7:12: error: Bars\.forward loops on x\.any\(\), .*\[loop-on-value\]$/,
      ),
      "branch.ts: 2 errors (Bars)",
    ]);
    expect(code).toBe(1);
  });

  it("passes with warnings", async () => {
    const { code, stdout } = await check("warned.ts");
    expect(stdout).toMatch(/^warned\.ts:4:3: warning: Net's field spare, .*\[unused-field\]\n/);
    expect(stdout).toMatch(/\nwarned\.ts:6:17: warning: Net\.forward logs x, .*\[console-log\]\n/);
    expect(stdout).toMatch(/\nwarned\.ts: 2 warnings \(Net\)\n$/);
    expect(code).toBe(0);
  });

  it("looks into what the file imports", async () => {
    const { code, stdout } = await check("outer.ts");
    expect(stdout).toMatch(/^parts\/gate\.ts:4:12: error: Gate\.forward branches on x\.any\(\)/);
    expect(code).toBe(1);
  });

  it("gives the same as JSON", async () => {
    const { code, stdout } = await check("branch.ts", "--json");
    const { models, findings } = JSON.parse(stdout);
    expect(models).toEqual(["Bars"]);
    expect(findings).toHaveLength(2);
    expect(findings[0]).toEqual({
      rule: "branch-on-value",
      severity: "error",
      file: "branch.ts",
      line: 6,
      column: 9,
      model: "Bars",
      message: expect.stringContaining("choose with where(condition, a, b)"),
    });
    expect(code).toBe(1);
  });

  it("prints names of all alphabets, and no control characters", async () => {
    const { code, stdout } = await check("evil\u001b[31m.ts");
    expect(stdout).toContain("Größe$.forward branches on größe$.any(), ");
    expect(stdout).not.toContain("\u001b");
    expect(code).toBe(1);
  });

  it.each([
    ["gone.ts", /^kiln: the model file gone\.ts does not exist\n$/],
    ["text.txt", /^kiln: the model file text\.txt must be a \.ts, \.js or \.mjs file\n$/],
    [
      "nothing.ts",
      /^kiln: nothing\.ts has no model to check: export default a class that extends nn\.Module[^\n]+\n$/,
    ],
    ["syntax.ts", /^kiln: syntax\.ts does not compile: [^\n]+ \(syntax\.ts:3:7\)\n$/],
  ])("says in one line what is wrong with %s", async (file, message) => {
    const { code, stdout, stderr } = await check(file);
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });
});

describe("another command", () => {
  it("calls values by the user's variables", async () => {
    const { code, stdout } = await kiln(["dump", "named.ts", "--stage", "fuse"], { cwd: folder });
    expect(stdout).toMatch(/^ {2}%hidden: f32\[4,2\] = relu\(%\d+\)/m);
    expect(stdout).toMatch(/^ {2}%gr__e_: f32\[4,2\] = exp\(%hidden\)/m);
    expect(stdout).toMatch(/^ {2}%x_1: f32\[4,2\] = neg\(%gr__e_\)/m);
    expect(stdout).toMatch(/group \w+: .*%x_1/);
    expect(printGraph(parseGraph(stdout, opTable))).toBe(stdout.trimEnd());
    expect(code).toBe(0);
  });

  it("stops at an error, and says where the others are shown", async () => {
    const { code, stdout, stderr } = await kiln(["dump", "branch.ts"], { cwd: folder });
    expect(stderr).toMatch(
      /^kiln: Bars\.forward branches on [^\n]+ \(branch\.ts:6:9\); kiln check branch\.ts shows 1 more\n$/,
    );
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it("shows warnings on standard error and goes on", async () => {
    const { code, stdout, stderr } = await kiln(["dump", "warned.ts", "--stage", "trace"], { cwd: folder });
    expect(stderr).toMatch(
      /^kiln: warning: Net's field spare, [^\n]+ \(warned\.ts:4:3\)\nkiln: warning: [^\n]+\n/,
    );
    expect(stdout).toContain("graph net(");
    expect(code).toBe(0);
  });
});

describe("the command line", () => {
  it("loads the check, and ts-morph with it, when a model is to be checked and not before", () => {
    const files = readdirSync(join(ROOT, "src/cli")).filter((name) => name.endsWith(".ts"));
    const eager = files.filter((name) =>
      /^import (?!type\b)[^;]*"(\.\.\/check\/|ts-morph)/m.test(
        readFileSync(join(ROOT, "src/cli", name), "utf8"),
      ),
    );
    expect(files).toContain("model-check.ts");
    expect(eager).toEqual([]);
  });
});
