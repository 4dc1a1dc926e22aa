/** `kiln dump`: the text of every stage that a model goes through on its way to code. */

import { setImmediate } from "node:timers/promises";
import { STAGES, TRAINING_STAGES } from "../../passes/pipeline.ts";
import { compile, compileTraining } from "../compile.ts";
import { KilnError } from "../core/errors.ts";
import { formatOrigins } from "../core/origin.ts";
import { formatShape } from "../core/shape.ts";
import { SGD } from "../optim/index.ts";
import type { Inspectable } from "../runtime/program.ts";
import type { StageText } from "../runtime/variant.ts";
import { type Arguments, type Command, table } from "./command.ts";
import { loadModelFile, type ModelFile, type TensorSpec } from "./model-file.ts";
import { suggestion } from "./suggestion.ts";
import { choice, shapes } from "./values.ts";

const NAMES: readonly string[] = STAGES.map(({ name }) => name);

/** Stages that exist in a training step alone. */
const TRAINING_NAMES: readonly string[] = TRAINING_STAGES.map(({ name }) => name);

export const dump: Command = {
  name: "dump",
  summary: "Shows how a model is compiled: the text after every stage, generated code included.",
  operands: [
    { name: "MODEL", doc: "a .ts, .js or .mjs file whose default export is a model; it also exports inputs" },
  ],
  options: [
    {
      name: "mode",
      value: "forward|training",
      doc: "the forward pass alone, or a whole training step",
      default: "forward",
    },
    { name: "stage", value: "NAME", doc: "print this stage alone" },
    { name: "all", doc: "print every stage in order; one that changed nothing says unchanged" },
    { name: "backend", value: "NAME", doc: "compile for this backend", default: "js" },
    {
      name: "input",
      value: "64,1,32,32",
      doc: "shape of an input, batch first; once for each input",
      default: "the model file's inputs",
      repeatable: true,
    },
    {
      name: "format",
      value: "text|json",
      doc: "json: a list of { name, text }, of all stages unless --stage says which",
      default: "text",
    },
  ],
  notes: [
    "Without --stage and --all it lists the stages and the kernels, each with the lines of the model it comes from.",
    `The stages, in order: ${NAMES.join(", ")}; ${TRAINING_NAMES.join(" and ")} exist with --mode training alone.`,
    "A training step is compiled with the file's loss (cross-entropy unless it exports one) and SGD with momentum.",
  ],
  examples: [
    "kiln dump examples/lenet.ts",
    "kiln dump examples/lenet.ts --stage fuse",
    "kiln dump examples/lenet.ts --mode training --all",
  ],
  async run(given, root) {
    const request = readRequest(given);
    const file = await loadModelFile(given.operands[0], 0, root);
    const inputs = readInputs(file, given);
    const program = await compileFor(request, file, inputs);
    await setImmediate(); // a promise that the model left alone fails here, before anything is printed
    console.log(
      printed(request, program, `${given.operands[0]}, ${request.mode}, backend ${request.backend}`),
    );
  },
};

interface Request {
  readonly mode: "forward" | "training";
  /** The stage to print alone. */
  readonly stage: string | undefined;
  readonly all: boolean;
  readonly format: "text" | "json";
  readonly backend: string;
}

function readRequest(given: Arguments): Request {
  const mode = choice(given, "mode", ["forward", "training"]);
  const format = choice(given, "format", ["text", "json"]);
  const stage = given.get("stage");
  if (stage !== undefined) checkStage(stage, mode);
  if (stage !== undefined && given.has("all")) throw new KilnError("give either --stage or --all, not both");
  return { mode, format, stage, all: given.has("all"), backend: given.get("backend") ?? "js" };
}

function checkStage(stage: string, mode: Request["mode"]): void {
  if (!NAMES.includes(stage)) {
    throw new KilnError(
      `there is no stage ${stage}${suggestion(stage, NAMES)}; the stages are ${NAMES.join(", ")}`,
    );
  }
  if (mode === "forward" && TRAINING_NAMES.includes(stage)) {
    throw new KilnError(`the stage ${stage} is part of a training step: add --mode training`);
  }
}

/** The model file's inputs under the shapes of `--input`. */
function readInputs({ path, inputs }: ModelFile, given: Arguments): readonly TensorSpec[] {
  const wanted = shapes(given, "input");
  if (wanted.length === 0) return inputs;
  if (wanted.length !== inputs.length) {
    throw new KilnError(
      `--input is given ${wanted.length} times, but ${path} has ${inputs.length} ` +
        `${inputs.length === 1 ? "input" : "inputs"}: ${inputs.map(({ shape }) => formatShape(shape)).join(" ")}`,
    );
  }
  return inputs.map(({ dtype }, k) => ({ dtype, shape: wanted[k] }));
}

function compileFor(
  { mode, backend }: Request,
  { model, loss, targets }: ModelFile,
  inputs: readonly TensorSpec[],
): Promise<Inspectable> {
  if (mode === "forward") return compile(model, { inputs, backend });
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  return compileTraining(model, { inputs, loss, optimizer, backend, ...(targets && { targets }) });
}

function printed({ stage, all, format }: Request, program: Inspectable, title: string): string {
  const { stages } = program;
  const wanted = stage === undefined ? stages : stages.filter(({ name }) => name === stage);
  if (format === "json") {
    return JSON.stringify(
      wanted.map(({ name, text }) => ({ name, text })),
      undefined,
      2,
    );
  }
  if (stage !== undefined) return wanted[0].text;
  return all ? allStages(stages) : listing(program, title);
}

function allStages(stages: readonly StageText[]): string {
  return stages
    .map(({ name, text }, k) => `== ${name} ==\n${isUnchanged(stages, k) ? "unchanged" : text}`)
    .join("\n\n");
}

const isUnchanged = (stages: readonly StageText[], k: number): boolean =>
  k > 0 && stages[k - 1].text === stages[k].text;

function listing({ stages, kernels, memory }: Inspectable, title: string): string {
  const stageRows = stages.map(({ name }, k): [string, string] => [
    name,
    `${STAGES.find((stage) => stage.name === name)?.doc ?? ""}${isUnchanged(stages, k) ? " (unchanged)" : ""}`,
  ]);
  const kernelRows = kernels.map(({ name, origins }): [string, string] => [name, formatOrigins(origins)]);
  return [
    title,
    `${stages.length} stages (print one with --stage NAME, all with --all)\n${table(stageRows)}`,
    `${kernels.length} kernels, in an arena of ${memory.arenaBytes} bytes\n${table(kernelRows)}`,
  ].join("\n\n");
}
