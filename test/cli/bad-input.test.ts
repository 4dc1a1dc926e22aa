/** Every mistake of a user is one clear line on standard error, exit code 1, and nothing half-written. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { idxBytes } from "../data/idx-bytes.ts";
import { oneIn } from "../support/extent.ts";
import {
  barImages,
  barLabels,
  barModel,
  kiln,
  LENET,
  smallMnist,
  temporaryFolder,
  writeAll,
} from "./kiln.ts";

const folder = temporaryFolder();
const NN = 'import { nn } from "kiln-js";\n';
const BAR_INPUTS = "export const inputs = [[16, 1, 28, 28]];\n";
const DATA = ["--data", "mnist", "--epochs", "1"];
const BAD_LABEL = "data-label/train-labels-idx1-ubyte";

writeAll(folder, {
  ...smallMnist("mnist"),
  ...smallMnist("data-label"),
  [BAD_LABEL]: idxBytes([40], new Uint8Array(40).fill(11)),
  ...smallMnist("data-truncated"),
  "data-truncated/t10k-images-idx3-ubyte": barImages(20).subarray(0, 5000),
  ...smallMnist("data-oversized"),
  "data-oversized/train-images-idx3-ubyte": Uint8Array.of(...barImages(40), 0),
  ...smallMnist("data-magic"),
  "data-magic/train-images-idx3-ubyte": barImages(40).fill(9, 0, 2),
  ...smallMnist("data-count"),
  "data-count/train-labels-idx1-ubyte": barLabels(39),
  "data-empty/readme.txt": "nothing",
  file: "a regular file",
  "bars.ts": barModel(),
  "syntax.ts": `${NN}export default class {\n  x = = 3;\n}\n`,
  "syntax.mjs": `${NN}export default class {\n  x = = 3;\n}\n`,
  "misspelt.ts": 'import { nnn } from "kiln-js";\nexport default nnn;\n',
  "missing-import.ts": 'import "./gone.ts";\n',
  "throws.ts": `${NN}\nfunction fail(): void {\n  throw new RangeError("two\\nlines");\n}\nfail();\n`,
  "no-default.ts": `${NN}export const model = new nn.Linear(2, 3);\n${BAR_INPUTS}`,
  "number.ts": `export default 3;\n${BAR_INPUTS}`,
  "factory.ts": `export default (): string => "net";\n${BAR_INPUTS}`,
  "constructor.ts": `${NN}export default class extends nn.Module {\n  conv = new nn.Conv2d(1, 6, -3);\n}\n`,
  "no-inputs.ts": `${NN}export default new nn.Linear(2, 3);\n`,
  "flat-inputs.ts": `${NN}export default new nn.Linear(2, 3);\nexport const inputs = [16, 2];\n`,
  "loss.ts": `${barModel()}\nexport const loss = F.crossEntropy;\n`,
  "regression.ts": `${barModel()}\nexport const loss = new nn.MSELoss();\n`,
  "two-inputs.ts": barModel({ inputs: "[[16, 1, 28, 28], [16, 1, 28, 28]]" }),
  "channels.ts": barModel({ forward: "return this.conv.forward(x);", inputs: "[[16, 3, 28, 28]]" }),
  "features.ts": barModel({ inputs: "[[16, 1, 14, 14]]" }),
  "view.ts": barModel({ forward: "return x.view(-1, 5);" }),
  "undefined.ts": barModel({ forward: "return (this as any).fc2.forward(x);" }),
  "few-classes.ts": barModel({ forward: "return this.fc.forward(x.flatten(1));" }).replace(", 10)", ", 5)"),
  "reads.ts": barModel({ forward: "x.data().then(console.log);\n    return this.fc.forward(x.flatten(1));" }),
  "item.ts": barModel({ forward: "if (Number(x.sum().item()) > 0) return x;\n    return x.neg();" }),
  "huge.ts": barModel({ forward: "return this.fc.forward(x.flatten(1).mul(1e38).mul(1e38));" }),
});

/** A mistake, the command that makes it, and what the one line must say. */
type Case = readonly [name: string, args: readonly string[], message: RegExp];

const COMMAND_LINES: readonly Case[] = [
  [
    "an unknown command",
    ["trian"],
    /no command trian \(did you mean train\?\); .* train, .*dump, .*backends/,
  ],
  ["an unknown option", ["train", LENET, "--epoch", "3"], /no option --epoch \(did you mean --epochs\?\)/],
  ["a learning rate in words", ["train", LENET, "--lr", "abc"], /--lr must be a positive number, not "abc"/],
  [
    "an unknown stage",
    ["dump", LENET, "--stage", "lowr"],
    /no stage lowr \(did you mean lower\?\); .* trace, /,
  ],
  [
    "an unknown backend",
    ["dump", LENET, "--backend", "cuda"],
    /no backend "cuda"; the backends are wasm, c, js, interpret/,
  ],
];

const MODEL_FILES: readonly Case[] = [
  ["that does not exist", ["train", "gone.ts"], /the model file gone\.ts does not exist/],
  ["that is no script", ["train", "file"], /the model file file must be a \.ts, \.js or \.mjs file/],
  [
    "that does not compile",
    ["train", "syntax.ts"],
    /syntax\.ts does not compile: Unexpected "=" \(.*syntax\.ts:3:6\)/,
  ],
  [
    "in JavaScript that does not compile",
    ["dump", "syntax.mjs"],
    /syntax\.mjs does not compile: .* \(.*syntax\.mjs:3\)/,
  ],
  [
    "with a misspelt import",
    ["dump", "misspelt.ts"],
    /misspelt\.ts does not compile: .* named 'nnn' \(misspelt\.ts:1\)/,
  ],
  [
    "that imports what is not there",
    ["dump", "missing-import.ts"],
    /missing-import\.ts cannot be loaded: .*gone\.ts/,
  ],
  [
    "that throws",
    ["train", "throws.ts"],
    /throws\.ts fails while it is loaded: RangeError: two lines \(throws\.ts:4\)/,
  ],
  [
    "without a default export",
    ["train", "no-default.ts"],
    /exports no model: it exports inputs, model but no default; /,
  ],
  [
    "that exports a number",
    ["train", "number.ts"],
    /exports no model: its default export is 3; export default a class/,
  ],
  [
    "whose factory makes no model",
    ["train", "factory.ts"],
    /exports no model: its default function returns net/,
  ],
  [
    "whose layers are wrong",
    ["train", "constructor.ts"],
    /kernelSize must be .* not -3 \(constructor\.ts:3\)/,
  ],
  [
    "without inputs",
    ["train", "no-inputs.ts"],
    /no-inputs\.ts exports no inputs: .* export const inputs = \[\[64, 1/,
  ],
  [
    "with a flat list of inputs",
    ["dump", "flat-inputs.ts"],
    /flat-inputs\.ts's inputs must be a list .* not \[16,2\]/,
  ],
  [
    "with a loss that is no module",
    ["train", "loss.ts"],
    /loss\.ts's loss must be a module .* function crossEntropy/,
  ],
  [
    "that does not classify",
    ["train", "regression.ts", ...DATA],
    /class numbers int32\[16\], but the MSELoss .* wants float32/,
  ],
  ["with two inputs", ["train", "two-inputs.ts", ...DATA], /feeds one input, but two-inputs\.ts has 2/],
];

const FORWARDS: readonly Case[] = [
  [
    "a wrong number of channels",
    ["train", "channels.ts", ...DATA],
    /conv2d expects 1 input channels \(weight \[2,1,3,3\]\) but got 3 in float32\[16,3,28,28\] \(channels\.ts:6 conv\)/,
  ],
  [
    "a wrong number of features",
    ["dump", "features.ts"],
    /linear expects 784 input features but got float32\[16,196\] \(weight \[10,784\]\) \(features\.ts:6 fc\)/,
  ],
  [
    "a view that cannot be",
    ["dump", "view.ts"],
    /cannot view \[16,1,28,28\] .* as \[-1,5\].* \(view\.ts:6\)/,
  ],
  ["an exception", ["dump", "undefined.ts"], /TypeError: Cannot read .* 'forward'\) \(undefined\.ts:6\)/],
  ["a value read", ["train", "reads.ts", ...DATA], /value cannot be read inside forward: .* \(reads\.ts:6\)/],
  ["an item read", ["dump", "item.ts"], /branches on Number\(.*\) > 0, .* where\(.*\) \(item\.ts:6:9\)/],
  ["images of another shape", ["train", "channels.ts", "--data", "mnist"], /conv2d expects 1 input channels/],
];

const DATA_FOLDERS: readonly Case[] = [
  ["that does not exist", ["train", "bars.ts", "--data", "gone"], /the folder gone does not exist/],
  ["that is a file", ["train", "bars.ts", "--data", "file"], /file is a file, where a folder was expected/],
  [
    "without MNIST",
    ["train", "bars.ts", "--data", "data-empty"],
    /data-empty holds no MNIST files: looked for/,
  ],
  [
    "with a wrong label",
    ["train", "bars.ts", "--data", "data-label"],
    /label 11 .* outside the 10 classes 0\.\.9/,
  ],
  [
    "with a truncated file",
    ["train", "bars.ts", "--data", "data-truncated"],
    /t10k-images-idx3-ubyte is .*: its header announces 20 x 28 x 28 .* has 5000/,
  ],
  [
    "with an oversized file",
    ["train", "bars.ts", "--data", "data-oversized"],
    /train-images-idx3-ubyte .* so 31376 bytes were expected, but it has 31377/,
  ],
  [
    "with a wrong magic number",
    ["train", "bars.ts", "--data", "data-magic"],
    /train-images-idx3-ubyte is not an IDX file: it starts with the bytes 09 09/,
  ],
  ["with too few labels", ["train", "bars.ts", "--data", "data-count"], /40 images, but .* has 39 labels/],
  [
    "that does not fit the model",
    ["train", "features.ts", "--data", "mnist"],
    /linear expects 784 input features|samples of --data mnist have the shape \[1,28,28\], but/,
  ],
];

const FAILING_RUNS: readonly Case[] = [
  [
    "an unknown backend",
    ["train", "bars.ts", ...DATA, "--backend", "cuda"],
    /no backend "cuda"; the backends are/,
  ],
  [
    "a label outside of the model's classes",
    ["train", "few-classes.ts", ...DATA],
    /label \d .* outside of the 5 classes 0\.\.4/,
  ],
  ["a loss that is not finite", ["train", "huge.ts", ...DATA], /the loss of step 1 is NaN: .* huge\.ts:6/],
];

async function expectOneLine(args: readonly string[], message: RegExp): Promise<string> {
  const { code, stdout, stderr } = await kiln(args, { cwd: folder });
  expect(stderr).toMatch(/^kiln: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
  return stdout;
}

describe("a mistake on the command line", () => {
  it.each(oneIn(4, COMMAND_LINES))("%s", async (_, args, message) => {
    expect(await expectOneLine(args, message)).toBe("");
  });
});

describe("a model file", () => {
  it.each(oneIn(4, MODEL_FILES))("%s", async (_, args, message) => {
    expect(await expectOneLine(args, message)).toBe("");
  });
});

describe("a forward with", () => {
  it.each(oneIn(4, FORWARDS))("%s", async (_, args, message) => {
    expect(await expectOneLine(args, message)).toBe("");
  });
});

describe("a data folder", () => {
  it.each(oneIn(4, DATA_FOLDERS))("%s", async (_, args, message) => {
    expect(await expectOneLine(args, message)).toBe("");
  });
});

describe("a run that cannot be finished writes nothing", () => {
  it.each(oneIn(4, FAILING_RUNS))("because of %s", async (_, args, message) => {
    await expectOneLine([...args, "--out", "results/run"], message);
    expect(existsSync(join(folder, "results"))).toBe(false);
  });

  it.each([
    ["file", /cannot write to the folder file: there is a file of that name/],
    ["file/below", /cannot write to the folder file\/below: a part of the path is a file/],
  ])("because %s cannot be a folder, which is found out first", async (out, message) => {
    expect(await expectOneLine(["train", "bars.ts", ...DATA, "--out", out], message)).toBe("");
  });

  it("and nothing else appears in the working directory", () => {
    const strange = readdirSync(folder).filter(
      (name) => !/^(mnist|data-.*|file|.*\.m?ts|.*\.mjs)$/.test(name),
    );
    expect(strange).toEqual([]);
  });
});
