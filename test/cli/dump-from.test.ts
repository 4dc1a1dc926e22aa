/** `kiln dump --from`: graphs that were printed go on from where they stood, and whatever is wrong with one is one line. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { STAGES } from "../../passes/pipeline.ts";
import { parseCommand } from "../../src/cli/command.ts";
import { dump } from "../../src/cli/dump/dump.ts";
import { readRequest } from "../../src/cli/dump/request.ts";
import { compileSubject } from "../../src/cli/dump/subject.ts";
import { KilnError } from "../../src/core/errors.ts";
import { oneIn } from "../support/extent.ts";
import { kiln, LENET, ROOT, temporaryFolder, writeAll } from "./kiln.ts";

const NAMES = STAGES.map(({ name }) => name);

/** The stages behind one. */
const behind = (stage: string): readonly string[] => NAMES.slice(1 + NAMES.indexOf(stage));

const folder = temporaryFolder();
const file = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(file(name), "utf8");

async function dumped(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await kiln(["dump", ...args]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
}

beforeAll(async () => {
  const shape = ["--input", "2,1,32,32"];
  await dumped(LENET, "--mode", "training", ...shape, "--all", "--out", file("training"));
  await dumped(LENET, ...shape, "--backend", "js", "--all", "--out", file("forward"));
  await dumped(LENET, ...shape, "--stage", "schedule", "--out", file("vectors.ir"));
});

describe("--all --out", () => {
  it("writes a file for each stage, .ir where it reads back", () => {
    const files = NAMES.map((name) => (name === "source" ? "source.txt" : `${name}.ir`));
    expect(readdirSync(file("training")).sort()).toEqual(files.sort());
  });
});

describe("--from", () => {
  it.each(oneIn(3, ["training-step", "dce", "partition", "fuse", "layout"]))(
    "takes a training step at %s to the same kernels",
    async (stage) => {
      const text = await dumped("--from", file(`training/${stage}.ir`), "--stage", "schedule");
      expect(text).toBe(read("training/schedule.ir"));
    },
  );

  it("takes kernels to the same code, whichever stage they come from", async () => {
    for (const stage of oneIn(4, behind("layout").slice(0, -1))) {
      const text = await dumped("--from", file(`training/${stage}.ir`), "--stage", "source");
      expect(text, stage).toBe(read("training/source.txt"));
    }
  });

  it("goes on with kernels that somebody has changed, and shows what planning adds to them", async () => {
    const edited = read("forward/lower.ir").replace(/max\((.*), 0\.0\)$/m, "tanh($1)");
    writeAll(folder, { "tanh-kernels.ir": `# my own\n${edited}` });
    const js = ["--backend", "js"];
    expect(await dumped("--from", file("tanh-kernels.ir"), "--stage", "source", ...js)).toContain(
      "Math.tanh(",
    );
    const text = await dumped("--from", file("tanh-kernels.ir"), "--stage", "plan-memory", "--diff", ...js);
    expect(text).toMatch(/^\+ {3}arena \d+ bytes$/m);
    expect(text).toMatch(
      /^\+ {3}output linear: f32\[2,10\] +offset +\d+ {2}bytes +80 {2}kernels 4\.\.output +# %11$/m,
    );
    expect(text).not.toMatch(/^[-+] +(?:for|let|kernel)/m);
    const overview = await dumped("--from", file("tanh-kernels.ir"));
    expect(overview).toMatch(/^ {2}lower +Read from /m);
    expect(overview).toContain(`${1 + behind("lower").length} stages`);
    expect(await dumped("--from", file("tanh-kernels.ir"), "--kernel", "linear")).toContain("as scheduled");
    expect(await dumped("--from", file("tanh-kernels.ir"), "--format", "dot")).toContain('label="linear\\n');
  });

  it("makes a training step of a traced loss with --mode training", async () => {
    const text = await dumped(
      "--from",
      file("training/trace.ir"),
      "--mode",
      "training",
      "--stage",
      "schedule",
    );
    expect(text).toBe(read("training/schedule.ir"));
  });

  it("goes on with what somebody has changed, to the code of any backend", async () => {
    const edited = read("forward/trace.ir").replace("= relu(%0)", "= tanh(%0)");
    writeAll(folder, { "tanh.ir": edited.replaceAll("\n", "\r\n") });
    const code = await dumped("--from", file("tanh.ir"), "--backend", "js", "--stage", "source");
    expect(code).toContain("Math.tanh(");
    const text = await dumped("--from", file("tanh.ir"));
    expect(text).toMatch(/^.*tanh\.ir, forward, backend wasm\n/);
    expect(text).toMatch(/^ {2}conv2d_tanh_max_pool2d /m);
    expect(text).toMatch(/^ {2}trace +Read from /m);
  });

  it("names the stage it goes on from", async () => {
    const text = await dumped("--from", file("forward/fuse.ir"));
    expect(text).toContain(`${1 + behind("fuse").length} stages`);
    expect(text).toMatch(/^ {2}fuse +Read from /m);
  });
});

/** What is changed in LeNet's fused training step, and what the line must say. */
const EDITS: readonly (readonly [what: string, from: string | RegExp, to: string, message: RegExp])[] = [
  [
    "a wrong shape",
    "%0: f32[2,6,28,28]",
    "%0: f32[2,6,28,27]",
    /line 2, column 7: expected f32\[2,6,28,28\], but conv2d of these inputs does not give f32\[2,6,28,27\]/,
  ],
  [
    "an unknown op",
    "= relu(%0)",
    "= rely(%0)",
    /line 3, column \d+: expected the name of an op, but rely is not one/,
  ],
  [
    "an update of another shape",
    /update @conv1\.bias = %\w+/,
    "update @conv1.bias = %0",
    /line \d+, column 24: expected a value of f32\[6\], but this one has f32\[2,6,28,28\]/,
  ],
  ["a group that has gone", / {2}group update: .*\n/, "", /no group stores %\w+, which \S+ is updated by/],
  ["a store of another group", /(group linear: %\w+ ->) %\w+/, "$1 %0", /expected nodes of this group/],
  ["an unfinished text", /\n}\n$/, "\n", /line \d+, column 1: .*found the end/],
];

/** What the command says against its arguments, without a process of its own. */
async function faultOf(args: readonly string[]): Promise<string> {
  const given = parseCommand(dump, args);
  const fault = await Promise.resolve()
    .then(() => compileSubject(readRequest(given), given, new URL(`file://${ROOT}`)))
    .catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(KilnError);
  return (fault as KilnError).message;
}

describe("a graph is refused that has", () => {
  it.each(EDITS)("%s", async (_what, from, to, message) => {
    const text = read("training/fuse.ir");
    const edited = text.replace(from, to);
    expect(edited).not.toBe(text);
    writeAll(folder, { "edited.ir": edited });
    const fault = await faultOf(["--from", file("edited.ir")]);
    expect(fault).toMatch(message);
    expect(fault).toContain("edited.ir");
  });
});

/** What is changed in LeNet's planned forward pass, and what the line must say. */
const KERNEL_EDITS: readonly (readonly [what: string, from: string | RegExp, to: string, message: RegExp])[] =
  [
    [
      "a wrong shape",
      "intermediate relu: f32[2,120]",
      "intermediate relu: f32[2,12]",
      /is inconsistent: .*kernel linear_relu: relu has 24 elements, not 240/,
    ],
    [
      "an unknown operator",
      /max\(/,
      "maxi(",
      /line \d+, column \d+: expected an operator, but maxi is not one/,
    ],
    [
      "an access out of bounds",
      "    linear[p2 + 10] = ",
      "    linear[p2 + 20] = ",
      /kernel linear: store of linear\[20\] at p2 \+ 20 in 20\.\.\d+ is out of bounds/,
    ],
  ];

describe("kernels are refused that have", () => {
  it.each(KERNEL_EDITS)("%s", async (_what, from, to, message) => {
    const text = read("forward/plan-memory.ir");
    const edited = text.replace(from, to);
    expect(edited).not.toBe(text);
    writeAll(folder, { "edited-kernels.ir": edited });
    const fault = await faultOf(["--from", file("edited-kernels.ir")]);
    expect(fault).toMatch(message);
    expect(fault).toContain("edited-kernels.ir");
  });
});

/** What is refused, and why. */
type Case = readonly [what: string, args: () => readonly string[], message: RegExp];

/** Lines that their op's declaration refuses, and what must be said of them. */
const LINES: readonly (readonly [line: string, message: RegExp])[] = [
  [
    "%0: f32[2,3] = softmax(%x) {axis=99}",
    /column 18: softmax needs an axis of float32\[2,3\] as axis, not 99/,
  ],
  ["%0: f32[2,3] = relu()", /column 18: relu takes 1 input, not 0/],
  ["%0: f32[] = sum(%s)", /column 15: sum needs the attribute axes, different axes of float32\[\]/],
  ["%0: f32[2,3] = relu(%x, %x, %x)", /column 18: relu takes 1 input, not 3/],
];

describe("a line is refused of", () => {
  it.each(LINES)("%s", async (line, message) => {
    writeAll(folder, {
      "line.ir": `graph net(%x: f32[2,3], %s: f32[]) {\n  ${line}\n  return output=%0\n}\n`,
    });
    const fault = await faultOf(["--from", file("line.ir")]);
    expect(fault).toMatch(message);
    expect(fault).toContain("line.ir: line 2, ");
    expect(fault).not.toContain("\n");
  });
});

describe("refused is", () => {
  const svg = ["--format", "svg"];
  const cases: readonly Case[] = [
    ["neither a model nor a graph", () => [], /needs a MODEL, or --from/],
    ["both", () => [LENET, "--from", "x.ir"], /either the model \S+ or --from x\.ir, not both/],
    [
      "a graph that is not there",
      () => ["--from", file("no.ir")],
      /cannot read \S+no\.ir: it does not exist/,
    ],
    ["a folder as a graph", () => ["--from", folder], /cannot read .*: it is a folder/],
    [
      "generated code",
      () => ["--from", file("forward/source.txt")],
      /source\.txt holds generated code, the last stage: only the stages before source can be read back/,
    ],
    [
      "a training step of kernels",
      () => ["--from", file("forward/lower.ir"), "--mode", "training"],
      /lower\.ir: a training step is made from a graph, but these are kernels \(lower\); omit --mode training/,
    ],
    [
      "a stage that lies behind",
      () => ["--from", file("forward/schedule.ir"), "--stage", "lower"],
      /continues from the stage schedule, which is not followed by lower but by schedule, order, share-panels, prepare, lower-reductions, strength-reduction, parallelize, join-kernels, plan-memory, source/,
    ],
    [
      "a kernel's story from its middle on",
      () => ["--from", file("forward/schedule.ir"), "--kernel", "linear"],
      /--kernel shows how a kernel is scheduled, and those of \S+ have been: use --stage schedule/,
    ],
    [
      "vectors for a backend without",
      () => ["--from", file("vectors.ir"), "--backend", "js"],
      /vectors\.ir: kernel \w+ computes 4 numbers at once, and js computes one number at a time: continue from lower/,
    ],
    [
      "loops for a backend of threads for each element",
      () => ["--from", file("forward/plan-memory.ir"), "--backend", "gpujs:cpu"],
      /kernel conv2d_relu_max_pool2d is not a loop over threads .* gpujs:cpu computes one element per thread: continue from lower/,
    ],
    ["a text that is no graph", () => ["--from", LENET], /line 1, column 1: expected "graph"/],
    [
      "a stage before the graph's",
      () => ["--from", file("forward/fuse.ir"), "--stage", "cse"],
      /continues from the stage fuse, which is not followed by cse but by fuse, /,
    ],
    [
      "a training step of a training step",
      () => ["--from", file("training/dce.ir"), "--mode", "training"],
      /nothing to train/,
    ],
    [
      "a training step of a fused graph",
      () => ["--from", file("forward/fuse.ir"), "--mode", "training"],
      /this one has been through fuse/,
    ],
    ["a shape for a graph", () => ["--from", "x.ir", "--input", "1,2"], /--input does not go with --from/],
    ["a kernel as a picture", () => [LENET, "--kernel", "linear", ...svg], /--kernel prints text alone/],
    [
      "a kernel at one stage",
      () => [LENET, "--kernel", "linear", "--all"],
      /leave --stage, --all and --diff out/,
    ],
    [
      "a comparison as a picture",
      () => [LENET, "--stage", "dce", "--diff", ...svg],
      /--diff prints text alone/,
    ],
    ["a comparison of nothing", () => [LENET, "--diff"], /say which with --stage, or --all/],
    [
      "many pictures at once",
      () => [LENET, "--all", ...svg],
      /one picture of a stage: with --all, name a folder/,
    ],
    [
      "an unknown format",
      () => [LENET, "--format", "png"],
      /--format must be one of text, json, dot, svg, not "png"/,
    ],
  ];

  it.each(cases)("%s", async (_what, args, message) => expect(await faultOf(args())).toMatch(message));
});

/** A graph whose second line is no op's. */
const REFUSED_OPS = "graph net(%x: f32[2,3]) {\n  %0: f32[2,3] = relu(%x, %x, %x)\n  return output=%0\n}\n";

describe("one line, code 1 and nothing else for", () => {
  const cases: readonly Case[] = [
    [
      "inputs that an op does not take",
      () => ["--from", file("ops.ir")],
      /ops\.ir: line 2, column 18: relu takes 1 input, not 3/,
    ],
    [
      "a text that is no graph",
      () => ["--from", file("bad.ir")],
      /bad\.ir: line 1, column 1: expected "graph"/,
    ],
    [
      "an unknown kernel",
      () => [LENET, "--kernel", "linear_rely"],
      /no kernel linear_rely \(did you mean linear_relu\?\)/,
    ],
    [
      "a comparison of the first stage",
      () => [LENET, "--stage", "trace", "--diff"],
      /trace is the first stage/,
    ],
    [
      "a file below a file",
      () => [LENET, "--stage", "trace", "--out", file("forward/trace.ir/x")],
      /cannot write \S+: (there is a file of that name|a part of the path is a file)/,
    ],
    [
      "a folder as a file",
      () => [LENET, "--stage", "trace", "--out", folder],
      /cannot write \S+: it is a folder/,
    ],
  ];

  it.each(cases)("%s", async (_what, args, message) => {
    writeAll(folder, { "bad.ir": "grph net() {}\n", "ops.ir": REFUSED_OPS });
    const { code, stdout, stderr } = await kiln(["dump", ...args()]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^kiln: [^\n]*\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });
});
