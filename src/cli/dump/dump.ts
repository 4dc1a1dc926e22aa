/** `kiln dump`: every stage of a model's compilation to code, as text, data or picture. */

import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { DEFAULT_BACKEND } from "../../../backends/registry.ts";
import { plainLine } from "../../inspect/escape.ts";
import { dumpJson, jsonText } from "../../inspect/json.ts";
import type { StageDump } from "../../ir/artifact.ts";
import { type Palette, PLAIN, paletteFor } from "../colours.ts";
import type { Command } from "../command.ts";
import { INPUT } from "../model-options.ts";
import { keepSources, writeOutput } from "../output-file.ts";
import { kernelText } from "./kernel-text.ts";
import { overview } from "./overview.ts";
import { FORMATS, type Request, readRequest, STAGE_NAMES, TRAINING_NAMES } from "./request.ts";
import { allDiffs, allTexts, pictureStage, stageDiff, stagePicture } from "./stage-text.ts";
import { compileSubject, type Subject } from "./subject.ts";

export const dump: Command = {
  name: "dump",
  summary: "Shows how a model is compiled: every stage as text, data or picture, generated code included.",
  operands: [
    {
      name: "MODEL",
      doc: "a .ts, .js or .mjs file whose default export is a model, and which exports inputs; or an .onnx file. Or use --from",
      optional: true,
    },
  ],
  options: [
    {
      name: "mode",
      value: "forward|training",
      doc: "the forward pass alone, or a whole training step",
      default: "forward",
    },
    { name: "stage", value: "NAME", doc: "print only this stage" },
    { name: "all", doc: "print every stage in order; one that changed nothing says unchanged" },
    { name: "diff", doc: "with --stage or --all: what a stage changed compared with the one before" },
    { name: "kernel", value: "NAME", doc: "follow one kernel from the model's lines to its code" },
    { name: "backend", value: "NAME", doc: "compile for this backend", default: DEFAULT_BACKEND },
    INPUT,
    {
      name: "format",
      value: FORMATS.join("|"),
      doc: "json: all stages unless --stage says which; dot and svg: a picture of one stage, layout by default",
      default: "text",
    },
    { name: "out", value: "PATH", doc: "write to a file; with --all a folder, with one file per stage" },
    { name: "from", value: "FILE", doc: "continue from a stage that dump has printed, edited or not" },
  ],
  notes: [
    "Without --stage, --all and --kernel it lists the stages, the kernels with their costs, and the memory.",
    `The stages, in order: ${STAGE_NAMES.join(", ")}; ${TRAINING_NAMES.join(" and ")} exist only with --mode training.`,
    "A training step is compiled with the file's loss (cross-entropy unless it exports one) and SGD with momentum.",
    "--from takes graphs and kernels as they are: every stage except source can be read back. With --mode training the graph's one output is the loss of the step.",
    "Text has colours on a terminal; NO_COLOR and FORCE_COLOR are respected.",
  ],
  examples: [
    "kiln dump examples/lenet.ts",
    "kiln dump examples/lenet.ts --stage fuse",
    "kiln dump examples/lenet.ts --mode training --stage simplify --diff",
    "kiln dump examples/lenet.ts --kernel conv2d_relu_max_pool2d",
    "kiln dump examples/lenet.ts --format svg --out lenet.svg",
    "kiln dump --from lenet.ir --all",
    "kiln dump --from schedule.ir --stage source",
  ],
  async run(given, root) {
    const request = readRequest(given);
    await checkPlaces(request);
    const subject = await compileSubject(request, given, root);
    await setImmediate(); // a promise that the model does not await fails here, before anything is printed
    await show(request, subject);
  },
};

/** The input file is not overwritten, neither by one text nor by one of many. */
async function checkPlaces({ out, all, path }: Request): Promise<void> {
  if (out === undefined) return;
  const inFolder = STAGE_NAMES.flatMap((name) =>
    ["ir", "txt", "dot", "svg"].map((end) => join(out, `${name}.${end}`)),
  );
  await keepSources(all ? [out, ...inFolder] : [out], [path]);
}

async function show(request: Request, subject: Subject): Promise<void> {
  const { out, all, format, diff } = request;
  const { stages } = subject.compilation;
  if (out === undefined) {
    console.log(await whole(request, subject, paletteFor(process.stdout, process.env)));
  } else if (!all || format === "json" || diff) {
    await write(out, await whole(request, subject, PLAIN));
  } else {
    const files = await Promise.all(stages.map((stage) => stageFile(stage, format)));
    for (const [name, text] of files) await write(join(out, name), text);
  }
}

async function write(path: string, text: string): Promise<void> {
  await writeOutput(path, `${text}\n`);
  console.log(plainLine(`wrote ${path}`));
}

/** The file of one stage: `fuse.ir` reads back, the code in `source.txt` does not. */
async function stageFile(stage: StageDump, format: "text" | "dot" | "svg"): Promise<[string, string]> {
  if (format !== "text") return [`${stage.name}.${format}`, await stagePicture(stage, format)];
  return [`${stage.name}.${stage.name === "source" ? "txt" : "ir"}`, PLAIN.ir(stage.text)];
}

/** Everything that is asked for, in one text. */
async function whole(request: Request, subject: Subject, palette: Palette): Promise<string> {
  const { stage, all, format, diff, kernel } = request;
  const { stages } = subject.compilation;
  const one = stages.find(({ name }) => name === stage);
  switch (format) {
    case "json": {
      const { compilation, ...rest } = subject;
      return jsonText(dumpJson(rest, compilation, one === undefined ? stages : [one]));
    }
    case "dot":
    case "svg":
      return stagePicture(one ?? pictureStage(stages), format);
    case "text":
      if (kernel !== undefined) return kernelText(subject, kernel, palette);
      if (all) return diff ? allDiffs(stages, palette) : allTexts(stages, palette);
      if (one === undefined) return overview(subject, palette);
      return diff ? stageDiff(stages, one.name, palette) : palette.ir(one.text);
    default:
      return format satisfies never;
  }
}
