/** Comparisons of stages: what only got another number is the same, what reads something else is not. */

import { describe, expect, test } from "vitest";
import { diffTexts, printDiff } from "../../src/inspect/diff.ts";
import { lenetTraining, stagesOf } from "../support/stages.ts";

const graph = (...lines: string[]): string => ["graph net(%x: f32[2]) {", ...lines, "}"].join("\n");
const changed = (before: string, after: string): string[] =>
  diffTexts(before, after)
    .filter(({ kind }) => kind !== "same")
    .map(({ kind, text }) => `${kind} ${text.trim()}`);

describe("a comparison of graphs", () => {
  test("finds nothing in equal texts", () => {
    const text = graph("  %0: f32[2] = relu(%x)", "  return output=%0");
    expect(changed(text, text)).toEqual([]);
  });

  test("does not take a shift of all numbers for a change", () => {
    const before = graph(
      "  %0: f32[2] = neg(%x)",
      "  %1: f32[2] = relu(%x)   at a.ts:1",
      "  return output=%1",
    );
    const after = graph("  %0: f32[2] = relu(%x)      at a.ts:1", "  return output=%0");
    expect(changed(before, after)).toEqual(["removed %0: f32[2] = neg(%x)"]);
  });

  test("sees that an operand is another value", () => {
    const lines = ["  %0: f32[2] = neg(%x)", "  %1: f32[2] = exp(%x)"];
    const before = graph(...lines, "  %2: f32[2] = relu(%0)", "  %3: f32[2] = abs(%2)", "  return output=%3");
    const after = graph(...lines, "  %2: f32[2] = relu(%1)", "  %3: f32[2] = abs(%2)", "  return output=%3");
    expect(changed(before, after)).toEqual(["removed %2: f32[2] = relu(%0)", "added %2: f32[2] = relu(%1)"]);
  });

  test("sees an operand that has gone, even where another value has its number now", () => {
    const before = graph("  %0: f32[2] = neg(%x)", "  %1: f32[2] = relu(%0)", "  return output=%1");
    const after = graph("  %0: f32[2] = exp(%x)", "  %1: f32[2] = relu(%0)", "  return output=%1");
    expect(changed(before, after)).toContain("added %1: f32[2] = relu(%0)");
  });

  test("sees lines of the model that are joined", () => {
    const before = graph("  %0: f32[2] = relu(%x)   at a.ts:1");
    const after = graph("  %0: f32[2] = relu(%x)   at a.ts:1, a.ts:2");
    expect(changed(before, after)).toEqual([
      "removed %0: f32[2] = relu(%x)   at a.ts:1",
      "added %0: f32[2] = relu(%x)   at a.ts:1, a.ts:2",
    ]);
  });
});

test("kernels are compared with those of their name", () => {
  const before = "program net\n\nkernel a\n  for i in 4 grid\n\nkernel b\n  for i in 8 grid";
  const after =
    "program net\n\nkernel a_panel\n  for i in 2 grid\n\nkernel a\n  for i in 4 grid\n\nkernel b\n  for i in 2 serial";
  expect(changed(before, after)).toEqual([
    "added kernel a_panel",
    "added for i in 2 grid",
    "added ",
    "removed for i in 8 grid",
    "added for i in 2 serial",
  ]);
});

test("the text shows changes with two lines around them, and the rest as an ellipsis", () => {
  const lines = Array.from({ length: 9 }, (_, k) => `  line ${k}`);
  const text = printDiff(diffTexts(lines.join("\n"), lines.with(4, "  other").join("\n")));
  expect(text.split("\n")).toEqual([
    "  …",
    "    line 2",
    "    line 3",
    "-   line 4",
    "+   other",
    "    line 5",
    "    line 6",
    "  …",
  ]);
});

test("both sides of every comparison of LeNet's stages are the two texts", () => {
  const stages = stagesOf(lenetTraining(2)).stages();
  for (const [k, { name, text }] of stages.entries()) {
    if (k === 0) continue;
    const lines = diffTexts(stages[k - 1].text, text);
    const after = lines.filter(({ kind }) => kind !== "removed").map((line) => line.text);
    expect(after.join("\n"), name).toBe(text);
    const kept = lines.filter(({ kind }) => kind === "same").length;
    const gone = lines.filter(({ kind }) => kind === "removed").length;
    expect(kept + gone, name).toBe(stages[k - 1].text.split("\n").length);
  }
  // The partition adds two lines to a training step and touches no other.
  const partition = stages.findIndex(({ name }) => name === "partition");
  expect(
    changed(stages[partition - 1].text, stages[partition].text).map((line) => line.split(" ", 2).join(" ")),
  ).toEqual(["added keep", "added recompute"]);
});
