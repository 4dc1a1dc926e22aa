/** A defect that is reached says whose it is and what to do about it. */

import { expect, test } from "vitest";
import { PassManager } from "../../passes/manager.ts";
import { invariant } from "../../src/core/errors.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { opTable } from "../../src/ops/registry.ts";

const REQUEST = /this is a defect of Kiln, not of your model: please report it/g;

const messageOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
};

test("an internal error asks for a report", () => {
  const message = messageOf(() => invariant(false, "the group waits for itself"));
  expect(message).toMatch(/^the group waits for itself\n/);
  expect(message.match(REQUEST)).toHaveLength(1);
});

test("one that is told again with the pass that broke the graph asks once", () => {
  const graph = parseGraph("graph g(%x: f32[2]) {\n  %0: f32[2] = relu(%x)\n  return output=%0\n}", opTable);
  const broken = { name: "broken", doc: "", run: () => ({ ...graph, nodes: [] }) };
  const message = messageOf(() => new PassManager().run(broken, graph));
  expect(message).toMatch(/^after pass broken: /);
  expect(message.match(REQUEST)).toHaveLength(1);
});
