/** Has a model's source checked before the model is used; ts-morph, which does it, is loaded here and not before. */

import type { CheckResult } from "../check/check.ts";
import type { Finding } from "../check/finding.ts";
import { KilnError } from "../core/errors.ts";
import { MissingPackage, withPackage } from "../core/optional-package.ts";
import { displayPath, oneLine } from "./report.ts";

/** The findings in the model file at `path` and in its imports. Throws a {@link MissingPackage} without ts-morph. */
export async function checkSource(path: string): Promise<CheckResult> {
  const { checkModelFile } = await withPackage(
    "ts-morph",
    "kiln check needs",
    () => import("../check/check.ts"),
  );
  return checkModelFile(path);
}

/**
 * Shows the warnings for a model file, one line each, and throws its first error; otherwise returns its variables.
 * Without ts-morph that is one warning, since a model runs without having been checked.
 */
export async function checkBeforeUse(path: string): Promise<CheckResult["variables"]> {
  const checked = await checkSource(path).catch(notChecked);
  if (checked === undefined) return new Map();
  const { findings, variables } = checked;
  for (const warning of findings.filter(({ severity }) => severity === "warning")) {
    console.error(`kiln: warning: ${oneLine(warning.message)} (${placeText(warning)})`);
  }
  const [first, ...more] = findings.filter(({ severity }) => severity === "error");
  if (first === undefined) return variables;
  const hint = more.length === 0 ? "" : `; kiln check ${path} shows ${more.length} more`;
  throw new KilnError(`${first.message} (${placeText(first)})${hint}`);
}

function notChecked(error: unknown): undefined {
  if (!(error instanceof MissingPackage)) throw error;
  console.error(`kiln: warning: the model was not checked for mistakes; ${error.message}`);
}

/** `net.ts:14:9`. */
export const placeText = ({ file, line, column }: Finding): string =>
  `${oneLine(displayPath(file))}:${line}:${column}`;
