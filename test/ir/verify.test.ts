/** The graph verifier: graphs broken on purpose are found, and the message shows the lines around the fault. */

import { describe, expect, test } from "vitest";
import { InternalError } from "../../src/core/errors.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import type { Graph, Node } from "../../src/ir/types.ts";
import { verifyGraph } from "../../src/ir/verify.ts";
import { opTable } from "../../src/ops/registry.ts";

const GRAPH = parseGraph(
  `graph net(%x: f32[2,3]) params(@w: f32[4,3], @b: f32[4]) scalars($lr: f32[]) {
  %0: f32[2,4] = linear(%x, @w, @b)
  %1: f32[2,4] = relu(%0)
  %2: f32[8] = reshape(%1) {shape=[8]}
  %3: f32[4] = mul(@b, $lr)
  group linear_relu: %0 %1 -> %1
  view %2 of %1
  return output=%2
  update @b = %3
}`,
  opTable,
);
const [linear, relu, reshape, scaled] = GRAPH.nodes;
const verify = (graph: Graph) => () => verifyGraph(graph, opTable);
const replaced = (node: Node, by: Node): Graph => ({
  ...GRAPH,
  nodes: GRAPH.nodes.map((n) => (n === node ? by : n)),
});

test("a sound graph passes", () => {
  expect(verify(GRAPH)).not.toThrow();
});

describe("finds", () => {
  test("a wrong type, and prints the neighbourhood", () => {
    const wrong = { ...relu, type: { dtype: "float32" as const, shape: [2, 5] } };
    const broken = { ...replaced(relu, wrong), outputs: [], groups: [], views: [] };
    expect(verify(broken)).toThrow(InternalError);
    expect(verify({ ...broken, nodes: [linear, wrong] })).toThrow(
      "node %1 (relu): has type f32[2,5], inferred f32[2,4]",
    );
    expect(verify({ ...broken, nodes: [linear, wrong] })).toThrow("%0: f32[2,4] = linear(%x, @w, @b)");
  });

  test("a wrong dtype", () => {
    const wrong = { ...relu, type: { ...relu.type, dtype: "int32" as const } };
    expect(verify(replaced(relu, wrong))).toThrow("has type i32[2,4], inferred f32[2,4]");
  });

  test("a node that stands before its input", () => {
    const broken = { ...GRAPH, nodes: [relu, linear, reshape, scaled] };
    expect(verify(broken)).toThrow("node %0 (relu): uses a value that is not defined before it");
  });

  test("a node that stands twice", () => {
    expect(verify({ ...GRAPH, nodes: [...GRAPH.nodes, relu] })).toThrow(
      "node %4 (relu): stands twice in the graph",
    );
  });

  test("an op that does not exist", () => {
    expect(verify(replaced(scaled, { ...scaled, op: "frobnicate" }))).toThrow("is not a known op");
  });

  test("an output that the graph does not compute", () => {
    const broken = { ...GRAPH, nodes: [linear, relu, scaled], views: [] };
    expect(verify(broken)).toThrow("output output of graph net is not a value of it");
  });

  test("an update of something that is no state", () => {
    const [x] = GRAPH.inputs;
    expect(verify({ ...GRAPH, updates: [{ target: x, value: x }] })).toThrow(
      "update of x, which is no state",
    );
  });

  test("an update that changes a state's shape", () => {
    const [, w] = GRAPH.inputs;
    expect(verify({ ...GRAPH, updates: [{ target: w, value: scaled }] })).toThrow(
      "update of w: f32[4,3] = f32[4]",
    );
  });

  test("a group that stores a node which it does not hold", () => {
    const groups = [{ name: "g", nodes: [linear], stores: [relu] }];
    expect(verify({ ...GRAPH, groups })).toThrow("group g stores a node it does not hold");
  });

  test("a node that two groups store, and would compute twice", () => {
    const groups = ["g", "h"].map((name) => ({ name, nodes: [linear], stores: [linear] }));
    expect(verify({ ...GRAPH, groups })).toThrow("group h stores a node that another group stores");
  });

  test("a group or a view of nodes outside of the graph", () => {
    const stranger: Node = { ...relu };
    expect(verify({ ...GRAPH, groups: [{ name: "g", nodes: [stranger], stores: [] }] })).toThrow(
      "a node of group g",
    );
    expect(verify({ ...GRAPH, views: [{ node: reshape, base: stranger }] })).toThrow("the base of a view");
    expect(verify({ ...GRAPH, layouts: [{ value: stranger, layout: [1, 0] }] })).toThrow(
      "a value with a layout",
    );
  });

  test("a layout that does not name every axis once", () => {
    expect(verify({ ...GRAPH, layouts: [{ value: relu, layout: [0, 0] }] })).toThrow("is no layout of");
  });
});

test("the message shows the lines around the fault and not the whole graph", () => {
  const chain = Array.from({ length: 40 }, (_, k) => `  %${k}: f32[2] = ${k % 2 ? "exp" : "neg"}(%${k - 1})`);
  const text = ["graph long(%x: f32[2]) {", ...chain, "  return output=%39", "}"].join("\n");
  const long = parseGraph(text.replace("neg(%-1)", "neg(%x)"), opTable);
  const wrong = { ...long.nodes[20], type: { dtype: "float32" as const, shape: [3] } };
  const nodes = [...long.nodes.slice(0, 20), wrong];
  let message = "";
  try {
    verifyGraph({ ...long, nodes, outputs: [] }, opTable);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toContain("%20: f32[3] = neg(%19)");
  expect(message).toContain("%19: f32[2] = exp(%18)");
  expect(message).not.toContain("%5:");
});
