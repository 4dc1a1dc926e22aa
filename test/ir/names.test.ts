/** Names of nodes read back, follow passes, and are told from inputs and from each other. */

import { describe, expect, it } from "vitest";
import { canonicalize } from "../../passes/graph/canonicalize.ts";
import { dce } from "../../passes/graph/dce.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import { rewriteGraph } from "../../src/ir/rewrite.ts";
import { opTable } from "../../src/ops/registry.ts";

const TEXT = `graph net(%x: f32[2]) params(@h: f32[2]) {
  %h: f32[2] = exp(%x)
  %1: f32[2] = mul(%h, @h)
  %x_1: f32[2] = neg(%1)
  group exp_mul: %h %1 -> %h %1
  group neg: %x_1 -> %x_1
  view %x_1 of %h
  return output=%x_1, h=%h
  update @h = %x_1
}`;

describe("names of nodes", () => {
  it("read back wherever a value may stand", () => {
    expect(printGraph(parseGraph(TEXT, opTable))).toBe(TEXT);
  });

  it("follow a rewrite to what replaces a node", () => {
    const rewritten = rewriteGraph(parseGraph(TEXT, opTable), opTable, (b, node, inputs) =>
      b.node(
        node.op === "neg" ? "abs" : node.op,
        [b.node("relu", inputs.slice(0, 1)), ...inputs.slice(1)],
        node.attrs,
      ),
    );
    const text = printGraph(rewritten);
    expect(text).toContain("%h: f32[2] = exp(%0)");
    expect(text).toMatch(/%x_1: f32\[2\] = abs\(%\d\)/);
    expect(printGraph(parseGraph(text, opTable))).toBe(text);
  });

  it("stay through passes that leave nodes alone", () => {
    const passed = printGraph(dce.run(canonicalize.run(parseGraph(TEXT, opTable))));
    expect(passed).toContain("%x_1: f32[2] = neg(");
    expect(printGraph(parseGraph(passed, opTable))).toBe(passed);
  });

  it.each([
    [
      "an input's name",
      "%h: f32",
      "%x: f32",
      "line 2, column 3: expected a new name, but %x is defined already",
    ],
    [
      "a name twice",
      "%x_1: f32",
      "%h: f32",
      "line 4, column 3: expected a new name, but %h is defined already",
    ],
    [
      "a name that nothing has",
      "neg(%1)",
      "neg(%y)",
      "line 4, column 22: expected a value defined above, but %y is not",
    ],
    ["another's sigil", "neg(%1)", "neg(@x_1)", "expected a value defined above, but @x_1 is not"],
    ["a name that begins as a number", "%x_1: f32", "%2x: f32", 'line 4, column 5: expected ":"'],
  ])("refuse %s", (_, from, to, message) => {
    expect(() => parseGraph(TEXT.replace(from, to), opTable)).toThrow(message);
  });
});
