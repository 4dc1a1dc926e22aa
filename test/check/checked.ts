/** Checks sources that a test writes: whole files, or the members of one model class. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { type CheckResult, checkModelFile } from "../../src/check/check.ts";

const folder = mkdtempSync(join(tmpdir(), "kiln-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** The result for the first of the files, which may import the others. */
export function checkFiles(files: Readonly<Record<string, string>>): CheckResult {
  const place = join(folder, `case-${count++}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), text);
  }
  return checkModelFile(join(place, Object.keys(files)[0]));
}

/** A model file with `members` in its class, which begin on line 4, and `before` on line 2. */
export const modelWith = (members: string, before = ""): string =>
  [
    'import { cat, F, nn, ones, split, stack, type Tensor, where } from "kiln-js";',
    before,
    "export default class Net extends nn.Module {",
    members,
    "}",
    "export const inputs = [[4, 8]];",
  ].join("\n");

/** What is found, as `line rule severity`, in a class with these members. */
export const foundIn = (members: string, before = ""): string[] =>
  checkFiles({ "net.ts": modelWith(members, before) }).findings.map(
    ({ line, rule, severity }) => `${line} ${rule} ${severity}`,
  );

/** The messages of what is found. */
export const messagesOf = (members: string, before = ""): string[] =>
  checkFiles({ "net.ts": modelWith(members, before) }).findings.map(({ message }) => message);

/** A forward on line 4 with its body on the lines from 5. */
export const forward = (body: string, parameters = "x: Tensor"): string =>
  `  override forward(${parameters}): Tensor {\n${body}\n  }`;
