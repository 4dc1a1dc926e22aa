/** `kiln check`: finds mistakes in a model's source without running it. */

import type { CheckResult } from "../check/check.ts";
import type { Finding } from "../check/finding.ts";
import { KilnError } from "../core/errors.ts";
import type { Command } from "./command.ts";
import { checkSource, placeText } from "./model-check.ts";
import { expectModelFile, WANTED } from "./model-file.ts";
import { displayPath, oneLine } from "./report.ts";

export const check: Command = {
  name: "check",
  summary: "Reads a model's source, without running it, and reports what will go wrong when it is compiled.",
  operands: [{ name: "MODEL", doc: "a .ts, .js or .mjs file with a class that extends nn.Module" }],
  options: [{ name: "json", doc: "print { models, findings } as JSON" }],
  notes: [
    "It finds branches and loops in forward on a tensor's value, layers that are used but not stored as fields, fields " +
      "that are never used, and console.log of tensors, in the file and in what it imports by path.",
    "The exit code is 1 when there are errors. Every other command that takes a MODEL checks it first: it shows the " +
      "warnings and stops at an error.",
  ],
  examples: ["kiln check examples/lenet.ts", "kiln check examples/lenet.ts --json"],
  async run(given) {
    const [path] = given.operands;
    await expectModelFile(path);
    const result = await checkSource(path);
    if (result.models.length === 0 && !result.exportsModel) {
      throw new KilnError(`${path} has no model to check: ${WANTED}`);
    }
    console.log(given.has("json") ? asJson(result) : asText(path, result));
    if (result.findings.some(({ severity }) => severity === "error")) process.exitCode = 1;
  },
};

const asJson = ({ models, findings }: CheckResult): string =>
  JSON.stringify(
    { models, findings: findings.map((finding) => ({ ...finding, file: displayPath(finding.file) })) },
    undefined,
    2,
  );

function asText(path: string, { models, findings }: CheckResult): string {
  const lines = findings.map(
    (finding) => `${placeText(finding)}: ${finding.severity}: ${oneLine(finding.message)} [${finding.rule}]`,
  );
  const checked = models.length === 0 ? "no class of its own" : oneLine(models.join(", "));
  return [...lines, `${oneLine(path)}: ${counted(findings)} (${checked})`].join("\n");
}

function counted(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  const parts = [count(errors, "error"), count(warnings, "warning")].filter((part) => part !== "");
  return parts.length === 0 ? "nothing found" : parts.join(", ");
}

const count = (n: number, what: string): string => (n === 0 ? "" : `${n} ${what}${n === 1 ? "" : "s"}`);
