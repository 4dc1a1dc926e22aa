/** Loads a user's model file: every mistake in one is reported in one line that names the file. */

import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DType } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { fileSize, readText } from "../files/read.ts";
import { isModule, MODULE } from "../nn/brand.ts";
import { CrossEntropyLoss, type Module } from "../nn/index.ts";
import { manualSeed } from "../tensor/index.ts";
import type { TraceableLoss } from "../trace/trace.ts";
import { nameValues } from "../trace/value-names.ts";
import { checkBeforeUse } from "./model-check.ts";
import { isOnnxFile, loadOnnxFile } from "./onnx-file.ts";
import { describeError, oneLine, userFrame } from "./report.ts";

/** One input or target: the batch is the first extent of its shape. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Larger than any source file that people write, even with the numbers of a model in it. */
export const MOST_SOURCE_BYTES = 2 ** 26;

/** The contents of a model file. */
export interface ModelFile {
  readonly path: string;
  readonly model: Module;
  readonly inputs: readonly TensorSpec[];
  /** Cross-entropy unless the file says otherwise. */
  readonly loss: TraceableLoss;
  /** Absent if they are what the loss needs. */
  readonly targets: readonly TensorSpec[] | undefined;
  /** Everything that the file exports: kiln train looks for more in it. */
  readonly exported?: Exports;
}

/**
 * The model and shapes that the file at `path` exports; random numbers start from `seed` before it is loaded. For an
 * ONNX file the model itself, and the shapes in `wanted` or in the file.
 */
export async function loadModelFile(
  path: string,
  seed: number,
  root: URL,
  wanted: readonly Shape[] = [],
): Promise<ModelFile> {
  manualSeed(seed);
  if (isOnnxFile(path)) {
    const { model, inputs } = await loadOnnxFile(path, wanted);
    return { path, model, inputs, loss: new CrossEntropyLoss(), targets: undefined };
  }
  const exported = await importFile(path, root);
  const variables = await checkBeforeUse(path);
  const model = await makeModel(path, exported, root);
  nameValues(model, variables);
  const inputs = readSpecs(path, "inputs", exported.inputs);
  const targets = exported.targets === undefined ? undefined : readSpecs(path, "targets", exported.targets);
  const loss = readLoss(path, exported.loss, targets !== undefined);
  return { path, model, inputs, targets, loss, exported };
}

/** What a module exports, by name. */
export type Exports = Readonly<Record<string, unknown>>;

/**
 * Throws unless `path` names a file with the source of a model; `others` describes the other files that are accepted.
 */
export async function expectModelFile(path: string, others = ""): Promise<void> {
  if (!/\.(ts|js|mjs)$/.test(path)) {
    const other = isOnnxFile(path) ? ": an .onnx file has no source to be checked" : others;
    throw new KilnError(`the model file ${path} must be a .ts, .js or .mjs file${other}`);
  }
  if ((await fileSize(path)) === undefined) throw new KilnError(`the model file ${path} does not exist`);
  await readText(path, MOST_SOURCE_BYTES);
}

async function importFile(path: string, root: URL): Promise<Exports> {
  await expectModelFile(path, ", or an .onnx file");
  try {
    return await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw await loadingError(path, error, root);
  }
}

/** The error for a file that does not compile, or fails while it is loaded, in one line. */
async function loadingError(path: string, error: unknown, root: URL): Promise<KilnError> {
  if (error instanceof KilnError || !(error instanceof Error)) {
    return error instanceof KilnError ? error : new KilnError(`${path} threw ${oneLine(String(error))}`);
  }
  const needsTsx = tsxNeededBy(path, error);
  if (needsTsx !== undefined) return new KilnError(`${needsTsx} tsx: npm install --save-dev tsx`);
  const [, place, message] = /^(\S.*:\d+:\d+): ERROR: (.*)$/m.exec(error.message) ?? [];
  if (message !== undefined) return new KilnError(`${path} does not compile: ${message} (${place})`);
  if (error instanceof SyntaxError) {
    const line = lineOfImport(error) ?? (await lineOfSyntaxError(path));
    return new KilnError(
      `${path} does not compile: ${oneLine(error.message)}${line && ` (${path}:${line})`}`,
    );
  }
  if ("code" in error && error.code === "ERR_MODULE_NOT_FOUND") {
    return new KilnError(`${path} cannot be loaded: ${oneLine(error.message)}`);
  }
  const frame = userFrame(error, root);
  return new KilnError(
    `${path} fails while it is loaded: ${describeError(error)}${frame ? ` (${frame})` : ""}`,
  );
}

/** What needs tsx: a TypeScript file if Node does not strip types, or one with syntax that is more than types. */
function tsxNeededBy(path: string, error: Error): string | undefined {
  switch ("code" in error && error.code) {
    case "ERR_UNKNOWN_FILE_EXTENSION":
    case "ERR_UNKNOWN_MODULE_FORMAT":
      return `${path} is TypeScript, which Node reads by itself from version 22.18 on (this is ${process.versions.node}); before that it needs`;
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
      return `${path} has syntax that Node cannot strip (${oneLine(error.message)}) and needs`;
    default:
      return undefined;
  }
}

/** Node puts the line of an import of a missing export above the stack. */
const lineOfImport = (error: Error): string | undefined => /^\S+:(\d+)\n/.exec(error.stack ?? "")?.[1];

/** The line of a syntax error in a JavaScript file, which Node only reports when it checks the file. */
async function lineOfSyntaxError(path: string): Promise<string> {
  const input = await readText(path, MOST_SOURCE_BYTES);
  const check = spawnSync(process.execPath, ["--input-type=module", "--check", "-"], { input });
  return /^\[stdin\]:(\d+)$/m.exec(String(check.stderr))?.[1] ?? "";
}

/** What a model file must export. */
export const WANTED =
  "export default a class that extends nn.Module, an instance of one, or a function that makes one";

async function makeModel(path: string, exported: Exports, root: URL): Promise<Module> {
  if (!("default" in exported)) {
    const names = Object.keys(exported);
    const found = names.length === 0 ? "exports nothing" : `exports ${names.join(", ")} but no default`;
    throw new KilnError(`${path} exports no model: it ${found}; ${WANTED}`);
  }
  const made = await construct(path, exported.default, root);
  if (isModule(made)) return made;
  const what = typeof exported.default === "function" ? "default function returns" : "default export is";
  throw new KilnError(`${path} exports no model: its ${what} ${describeValue(made)}; ${WANTED}`);
}

async function construct(path: string, value: unknown, root: URL): Promise<unknown> {
  if (typeof value !== "function") return value;
  try {
    const isClass = isModuleClass(value);
    return isClass ? Reflect.construct(value, []) : await value();
  } catch (error) {
    if (error instanceof KilnError || !(error instanceof Error)) throw error;
    const frame = userFrame(error, root);
    if (frame === undefined) throw error;
    throw new KilnError(`${path}: the model cannot be made: ${describeError(error)} (${frame})`);
  }
}

const isModuleClass = (value: { readonly prototype?: unknown }): boolean =>
  typeof value.prototype === "object" && value.prototype !== null && MODULE in value.prototype;

function describeValue(value: unknown): string {
  if (typeof value === "function") return value.name === "" ? "a function" : `the function ${value.name}`;
  if (typeof value !== "object" || value === null) return oneLine(String(value));
  if (Array.isArray(value)) return "an array";
  return value.constructor === Object ? "a plain object" : `a ${value.constructor?.name ?? "bare object"}`;
}

function readLoss(path: string, loss: unknown, hasTargets: boolean): TraceableLoss {
  if (loss === undefined) return new CrossEntropyLoss();
  const made = typeof loss === "function" && isModuleClass(loss) ? Reflect.construct(loss, []) : loss;
  if (!isModule(made)) {
    throw new KilnError(
      `${path}'s loss must be a module such as new nn.CrossEntropyLoss(), not ${describeValue(loss)}`,
    );
  }
  if (!hasTargets && !("targetType" in made)) {
    throw new KilnError(
      `${path}'s loss, a ${made.constructor.name}, does not say which targets it needs: export targets`,
    );
  }
  return made as Module & TraceableLoss;
}

/** Reads `inputs` or `targets`: a list of shapes, or of `{ shape, dtype }`. */
function readSpecs(path: string, name: "inputs" | "targets", value: unknown): TensorSpec[] {
  const example =
    name === "inputs" ? "export const inputs = [[64, 1, 32, 32]]" : "export const targets = [[64]]";
  if (value === undefined) {
    throw new KilnError(
      `${path} exports no ${name}: add their shapes with the batch first, such as ${example}`,
    );
  }
  const specs = Array.isArray(value) && value.length > 0 ? value.map(readSpec) : [undefined];
  const good = specs.filter((spec) => spec !== undefined);
  if (good.length === specs.length) return good;
  throw new KilnError(
    `${path}'s ${name} must be a list of shapes with the batch first, such as ${example}, ` +
      `not ${oneLine(JSON.stringify(value) ?? String(value)).slice(0, 80)}`,
  );
}

const DTYPES: readonly DType[] = ["float32", "int32", "bool"];

function readSpec(spec: unknown): TensorSpec | undefined {
  const { shape, dtype = "float32" } = Array.isArray(spec) ? { shape: spec } : Object(spec);
  const isShape = Array.isArray(shape) && shape.length > 0;
  if (!isShape || shape.some((extent) => !Number.isSafeInteger(extent) || extent < 1)) return undefined;
  return DTYPES.includes(dtype) ? { shape, dtype } : undefined;
}
