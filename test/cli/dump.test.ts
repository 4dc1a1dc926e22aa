/** `kiln dump`: every stage in order, each with the lines of the model, as text and as JSON. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { STAGES } from "../../passes/pipeline.ts";
import { paletteFor } from "../../src/cli/colours.ts";
import { barModel, kiln, ROOT, temporaryFolder, writeAll } from "./kiln.ts";

const NAMES = STAGES.map(({ name }) => name);
const FORWARD_STAGES = NAMES.filter((name) => name !== "autodiff" && name !== "training-step");
const LENET_LINE = /examples\/lenet\.ts:\d+/;

/** The text under each heading `== stage ==`. */
function sections(text: string): Map<string, string> {
  const parts = text.split(/^== (.+) ==$/m).slice(1);
  return new Map(Array.from({ length: parts.length / 2 }, (_, k) => [parts[2 * k], parts[2 * k + 1].trim()]));
}

const lines = (text: string | undefined, pattern: RegExp): string[] =>
  (text ?? "").split("\n").filter((line) => pattern.test(line));

async function dumped(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await kiln(["dump", ...args]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
}

describe("dump --all", () => {
  it("prints LeNet's stages in order, five kernels, and the model's line of every node", async () => {
    const stages = sections(await dumped("examples/lenet.ts", "--all"));
    expect([...stages.keys()]).toEqual(FORWARD_STAGES);
    const groups = lines(stages.get("fuse"), /^\s*group /).map((line) => line.trim().split(/[ :]/)[1]);
    expect(groups).toEqual([
      "conv2d_relu_max_pool2d",
      "conv2d_relu_max_pool2d",
      "linear_relu",
      "linear_relu",
      "linear",
    ]);
    for (const graph of ["trace", "canonicalize", "fuse", "layout"]) {
      const nodes = lines(stages.get(graph), /^\s*%\w+:/);
      expect(nodes).toHaveLength(12);
      for (const node of nodes) expect(node).toMatch(LENET_LINE);
    }
    for (const program of ["lower", "schedule"]) {
      const kernels = lines(stages.get(program), /^kernel /);
      expect(kernels.length).toBeGreaterThanOrEqual(5);
      for (const kernel of kernels) expect(kernel).toMatch(LENET_LINE);
    }
    expect(lines(stages.get("source"), LENET_LINE).length).toBeGreaterThanOrEqual(5);
    expect(stages.get("dce")).toBe("unchanged");
  });

  it("shows forward, backward and update in one graph with --mode training, and its memory plan", async () => {
    const stages = sections(
      await dumped("examples/lenet.ts", "--all", "--mode", "training", "--input", "4,1,32,32"),
    );
    expect([...stages.keys()]).toEqual(NAMES);
    const step = stages.get("training-step");
    expect(step).toContain("= conv2d(%x");
    expect(step).toContain("%x: f32[4,1,32,32]");
    expect(step).toContain("conv2d_weight_grad");
    expect(lines(step, /update @\w+\.(weight|bias) = /)).toHaveLength(10);
    for (const node of lines(step, /^\s*%\w+:/)) expect(node).toMatch(LENET_LINE);
    expect(stages.get("plan-memory")).toMatch(/arena \d+ bytes/);
  });
});

describe("dump", () => {
  it("lists stages and kernels with their lines when nothing else is asked for", async () => {
    const text = await dumped("examples/lenet.ts");
    for (const stage of FORWARD_STAGES) expect(text).toMatch(new RegExp(`^ {2}${stage} `, "m"));
    const kernel = lines(text, /^ {2}conv2d_relu_max_pool2d_2 /)[0];
    // 64 images of 16×10×10 outputs of 6×5×5 multiply-adds, and a bias each: 31 million operations.
    expect(kernel).toMatch(/ 31\.0 MFLOP +\d+ kB +[\d.]+ {2}examples\/lenet\.ts:18 conv2, /);
    expect(text).toMatch(/memory: an arena of \d+ bytes, of which at most \d+ are alive at once \(\w+\)/);
    expect(text).toMatch(/^ {2}dce [\s\S]*?\(unchanged\)/m);
  });

  it("prints one stage alone, as text and as JSON", async () => {
    const text = await dumped("examples/mlp.ts", "--stage", "trace");
    expect(text).toMatch(/^graph sequential\(%x: f32\[64,1,28,28\]\)/);
    const json = await dumped("examples/mlp.ts", "--stage", "trace", "--format", "json");
    expect(JSON.parse(json)).toMatchObject({
      kilnDump: 1,
      file: "examples/mlp.ts",
      mode: "forward",
      backend: "wasm",
      stages: [{ name: "trace", form: "graph", unchanged: false, text: text.trimEnd() }],
    });
  });

  it("gives all stages as JSON", async () => {
    const { stages }: { stages: { name: string; text: string }[] } = JSON.parse(
      await dumped("examples/lenet3x3.ts", "--format", "json", "--all"),
    );
    expect(stages.map(({ name }) => name)).toEqual(FORWARD_STAGES);
    expect(stages.every(({ text }) => text.length > 0)).toBe(true);
  });

  it("compiles for another backend", async () => {
    const text = await dumped("examples/cifar10.ts", "--backend", "interpret", "--stage", "fuse");
    expect(lines(text, /group conv2d_max_pool2d:/)).toHaveLength(3);
  });
});

describe("dump --diff", () => {
  it("shows what a stage changed", async () => {
    const text = await dumped("examples/lenet.ts", "--stage", "fuse", "--diff");
    expect(text).toMatch(/^partition → fuse\n/);
    expect(lines(text, /^\+/)).toHaveLength(5);
    expect(lines(text, /^-/)).toEqual([]);
  });

  it("says so where nothing changed, and where there is nothing to compare", async () => {
    const stages = sections(await dumped("examples/lenet.ts", "--all", "--diff"));
    expect([...stages.keys()]).toEqual(FORWARD_STAGES);
    expect(stages.get("cse")).toBe("unchanged");
    expect(stages.get("lower")).toMatch(/^\(from graph to kernels: /);
    expect(stages.get("trace")).toMatch(/^graph lenet/);
  });
});

describe("dump --kernel", () => {
  it("follows a kernel from the model's lines to the code", async () => {
    const text = await dumped("examples/lenet.ts", "--kernel", "linear_relu");
    const parts = [
      "lines of the model",
      "nodes of the graph",
      "as lowered",
      "as scheduled",
      "figures",
      "code for wasm",
    ];
    expect(parts.map((part) => text.indexOf(`\n${part}\n`))).toEqual(
      parts.map((part) => text.indexOf(`\n${part}\n`)).sort((a, b) => a - b),
    );
    expect(parts.every((part) => text.includes(`\n${part}\n`))).toBe(true);
    expect(text).toContain("x = F.relu(this.fc1.forward(x));");
    expect(text).toContain("= linear(");
    expect(text).toContain("sum[k<400]");
    expect(text).toContain("(func $linear_relu ");
  });
});

describe("dump --format", () => {
  it("draws any stage as DOT, the last graph by default", async () => {
    const [last, kernels] = await Promise.all([
      dumped("examples/lenet.ts", "--format", "dot"),
      dumped("examples/lenet.ts", "--format", "dot", "--stage", "source", "--mode", "training"),
    ]);
    expect(lines(last, /subgraph cluster_/)).toHaveLength(5);
    expect(kernels).toContain('label="update\\n');
  });

  it("draws SVG into a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kiln-dump-"));
    const file = join(folder, "new/lenet.svg");
    expect(await dumped("examples/lenet.ts", "--format", "svg", "--out", file)).toBe(`wrote ${file}\n`);
    expect(readFileSync(file, "utf8")).toMatch(/^<svg xmlns=[\s\S]*<\/svg>\n$/);
    rmSync(folder, { recursive: true });
  });
});

describe("colours", () => {
  const escapes = new RegExp(String.raw`${String.fromCharCode(27)}\[\d+m`);

  it.each([
    ["none where there is no terminal", {}, false],
    ["when they are forced", { FORCE_COLOR: "1" }, true],
    ["none when they are refused", { NO_COLOR: "1" }, false],
    ["none when 0 is forced", { FORCE_COLOR: "0" }, false],
  ])("%s", async (_when, env, coloured) => {
    const { stdout } = await kiln(["dump", "examples/lenet.ts", "--stage", "fuse"], {
      env: { NO_COLOR: "", FORCE_COLOR: undefined, ...env },
    });
    expect(escapes.test(stdout)).toBe(coloured);
    // Without its colours it is the same text.
    expect(stdout.replace(new RegExp(escapes, "g"), "")).toMatch(/^graph lenet\(%x: f32\[64,1,32,32\]\)/);
  });

  it("are for a terminal that can show them", () => {
    const isColoured = (isTTY: boolean, env: NodeJS.ProcessEnv): boolean =>
      escapes.test(paletteFor({ isTTY }, env).heading("x"));
    expect(isColoured(true, { TERM: "xterm" })).toBe(true);
    expect(isColoured(true, { TERM: "dumb" })).toBe(false);
    expect(isColoured(true, { NO_COLOR: "1" })).toBe(false);
    expect(isColoured(false, {})).toBe(false);
  });
});

describe("a model file far from the checkout", () => {
  const folder = temporaryFolder();
  const factory = `import { nn } from "kiln-js";
import { width } from "./width.ts";
export default async () => new nn.Sequential(new nn.Flatten(), new nn.Linear(784, width));
export const inputs = [{ shape: [4, 1, 28, 28], dtype: "float32" }];
`;
  const plain = `import { nn } from "kiln-js";
export default new nn.Linear(6, 2);
export const inputs = [[4, 6]];
`;
  writeAll(folder, {
    "class.ts": barModel({ inputs: "[[4, 1, 28, 28]]", forward: "return this.fc.forward(x.flatten(1));" }),
    "factory.ts": factory,
    "width.ts": "export const width: number = 3;\n",
    "instance.js": plain,
    "instance.mjs": plain,
    "common/package.json": '{ "type": "commonjs" }',
    "common/instance.ts": plain,
  });

  it.each([
    ["class.ts", "class.ts:6 fc"],
    ["factory.ts", "factory.ts:3"],
    ["instance.js", "instance.js:2"],
    ["instance.mjs", "instance.mjs:2"],
    ["common/instance.ts", "instance.ts:2"],
  ])("%s works, its kiln being the one that compiles it", async (file, origin) => {
    const { code, stdout, stderr } = await kiln(["dump", file], { cwd: folder });
    expect(stderr).toBe("");
    expect(stdout).toContain("1 kernel in");
    expect(stdout).toContain(origin);
    expect(code).toBe(0);
  });
});

describe("kiln", () => {
  it.each([
    [["--help"], /train {5}Compiles[\s\S]*dump {6}Shows/],
    [["--version"], /^\d+\.\d+\.\d+\n$/],
    [["backends"], /^js +yes /m],
    [["train", "--help"], /--batch-size N/],
  ])("%j", async (args, output) => {
    const { code, stdout, stderr } = await kiln(args);
    expect(stderr).toBe("");
    expect(stdout).toMatch(output);
    expect(code).toBe(0);
  });

  it("runs from its sources as it runs built", async () => {
    const args = ["dump", "examples/lenet.ts", "--stage", "trace"];
    const fromSources = await kiln(args, { command: join(ROOT, "src/cli/bin.js") });
    expect(fromSources).toEqual(await kiln(args));
  });
});
