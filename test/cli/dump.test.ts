/** `kiln dump`: every stage in order, each with the lines of the model, as text and as JSON. */

import { describe, expect, it } from "vitest";
import { STAGES } from "../../passes/pipeline.ts";
import { barModel, kiln, temporaryFolder, writeAll } from "./kiln.ts";

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
      const nodes = lines(stages.get(graph), /^\s*%\d+:/);
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
    for (const node of lines(step, /^\s*%\d+:/)) expect(node).toMatch(LENET_LINE);
    expect(stages.get("plan-memory")).toMatch(/arena \d+ bytes/);
  });
});

describe("dump", () => {
  it("lists stages and kernels with their lines when nothing else is asked for", async () => {
    const text = await dumped("examples/lenet.ts");
    for (const stage of FORWARD_STAGES) expect(text).toMatch(new RegExp(`^ {2}${stage} `, "m"));
    expect(text).toMatch(/^ {2}conv2d_relu_max_pool2d_2 +examples\/lenet\.ts:18 conv2/m);
  });

  it("prints one stage alone, as text and as JSON", async () => {
    const text = await dumped("examples/mlp.ts", "--stage", "trace");
    expect(text).toMatch(/^graph sequential\(%x: f32\[64,1,28,28\]\)/);
    const json = await dumped("examples/mlp.ts", "--stage", "trace", "--format", "json");
    expect(JSON.parse(json)).toEqual([{ name: "trace", text: text.trimEnd() }]);
  });

  it("gives all stages as JSON", async () => {
    const stages: { name: string; text: string }[] = JSON.parse(
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

describe("a model file far from the checkout", () => {
  const folder = temporaryFolder();
  const factory = `import { nn } from "kiln";
import { width } from "./width.ts";
export default async () => new nn.Sequential(new nn.Flatten(), new nn.Linear(784, width));
export const inputs = [{ shape: [4, 1, 28, 28], dtype: "float32" }];
`;
  const plain = `import { nn } from "kiln";
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
    expect(stdout).toContain("1 kernels");
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
});
