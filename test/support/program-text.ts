/** Checks that the text of kernels reads back: as the same data, which prints as the same text. */

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
  expect(areAlike(back, program), name).toBe(true);
  expect(printArtifact(back), name).toBe(text);
  expect(areAlike(parseProgram(text.replaceAll("\n", "\r\n")), program), name).toBe(true);
  return back;
}

/** Deep equality, absent like undefined; expressions share their parts, so that a pair is compared once. */
function areAlike(a: unknown, b: unknown, seen = new WeakMap<object, WeakSet<object>>()): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const known = seen.get(a);
  if (known?.has(b)) return true;
  seen.set(a, (known ?? new WeakSet()).add(b));
  if (a instanceof Map || a instanceof Set)
    return a.constructor === b.constructor && areAlike([...a], [...(b as Iterable<unknown>)], seen);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => areAlike(Reflect.get(a, name), Reflect.get(b, name), seen));
}
