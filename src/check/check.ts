/** Checks a model's source before it is traced: reports what would surprise its author then, with the line. */

import type { Node, SourceFile } from "ts-morph";
import { KilnError } from "../core/errors.ts";
import type { Finding } from "./finding.ts";
import { modelClasses } from "./model-class.ts";
import { RULES } from "./rules.ts";
import { readSources } from "./source-files.ts";
import { ValueFlow } from "./value-flow.ts";
import { variableNames } from "./variables.ts";

/** What was checked, and what was found. */
export interface CheckResult {
  /** Whether the file exports something as its model. */
  readonly exportsModel: boolean;
  /** Names of the module classes, in the order of the files. */
  readonly models: readonly string[];
  /** In the order of the files and lines. */
  readonly findings: readonly Finding[];
  /** The variable that holds each call's result, by the position of the call. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Checks the module classes of the model file at `path` and of what it imports by path. */
export function checkModelFile(path: string): CheckResult {
  const files = readSources(path);
  for (const file of files) throwSyntaxErrors(file);
  const models = modelClasses(files);
  const found = new Map<string, Finding>();
  for (const model of models) {
    const flow = new ValueFlow(model);
    for (const rule of RULES) {
      for (const { node, severity, message } of rule.find(model, flow)) {
        const finding = { rule: rule.name, severity, ...placeOf(node), model: model.name, message };
        // A helper that two classes share is visited twice.
        const key = `${finding.file}:${finding.line}:${finding.column}:${rule.name}`;
        if (!found.has(key)) found.set(key, finding);
      }
    }
  }
  const order = files.map((file) => file.getFilePath() as string);
  const rank = ({ file, line, column }: Finding): readonly number[] => [order.indexOf(file), line, column];
  return {
    exportsModel: files[0].getDefaultExportSymbol() !== undefined,
    variables: variableNames(files),
    models: models.map(({ name }) => name),
    findings: [...found.values()].sort((a, b) => compare(rank(a), rank(b))),
  };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const k = a.findIndex((value, index) => value !== b[index]);
  return k < 0 ? 0 : a[k] - b[k];
}

function placeOf(node: Node): Pick<Finding, "file" | "line" | "column"> {
  const file = node.getSourceFile();
  const { line, column } = file.getLineAndColumnAtPos(node.getStart());
  return { file: file.getFilePath(), line, column };
}

function throwSyntaxErrors(file: SourceFile): void {
  const [error] = file.getProject().getProgram().getSyntacticDiagnostics(file);
  if (error === undefined) return;
  const { line, column } = file.getLineAndColumnAtPos(error.getStart());
  const text = error.getMessageText();
  const message = typeof text === "string" ? text : text.getMessageText();
  const name = file.getBaseName();
  throw new KilnError(`${name} does not compile: ${message.replace(/\.$/, "")} (${name}:${line}:${column})`);
}
