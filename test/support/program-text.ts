/** What it means that the text of kernels reads back: the same data, and from it the same text. */

import { expect } from "vitest";
import { printArtifact } from "../../src/ir/artifact.ts";
import { parseProgram } from "../../src/loop/parse.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";

/** Returns what was read back. */
export function expectRoundTrip(
  name: string,
  program: LoweredProgram | ProgramPlan,
): LoweredProgram | ProgramPlan {
  const text = printArtifact(program);
  const back = parseProgram(text);
  expect(back, name).toEqual(program);
  expect(printArtifact(back), name).toBe(text);
  expect(parseProgram(text.replaceAll("\n", "\r\n")), name).toEqual(program);
  return back;
}
