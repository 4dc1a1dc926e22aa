/** The graph builder: types are inferred, equal nodes are one object, and origins join when nodes merge. */

import { expect, test } from "vitest";
import { KilnError } from "../../src/core/errors.ts";
import type { Origin } from "../../src/core/origin.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { TensorType } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";

const f32 = (...shape: number[]): TensorType => ({ dtype: "float32", shape });
const at = (line: number, module = ""): Origin => ({ file: "net.ts", line, module });

test("types are inferred from the inputs", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", f32(2, 1, 3));
  const y = b.input("state", "y", f32(4, 1));
  expect(b.node("add", [x, y]).type).toEqual(f32(2, 4, 3));
});

test("equal nodes are one object, whatever the order in which attributes are written", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", f32(2, 3));
  const first = b.node("sum", [x], { axes: [1], keepdim: true });
  expect(b.node("sum", [x], { keepdim: true, axes: [1] })).toBe(first);
  expect(b.build("g", []).nodes).toEqual([first]);
});

test("nodes that differ in op, inputs, attributes or dtype stay apart", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", f32(3));
  const y = b.input("input", "y", f32(3));
  const nodes = [
    b.node("add", [x, y]),
    b.node("add", [y, x]),
    b.node("sub", [x, y]),
    b.node("sum", [x], { axes: [0], keepdim: true }),
    b.node("sum", [x], { axes: [0], keepdim: false }),
    b.constant(1),
    b.constant(1, "int32"),
    b.constant(Number.NaN),
    b.constant(Number.POSITIVE_INFINITY),
  ];
  expect(new Set(nodes).size).toBe(nodes.length);
  // NaN is equal to itself here: it is one constant, not one per use.
  expect(b.constant(Number.NaN)).toBe(nodes[7]);
});

test("0 and -0 are different constants: 1/x tells them apart", () => {
  const b = new GraphBuilder(opTable);
  expect(b.constant(-0)).not.toBe(b.constant(0));
});

test("merging joins the origins in the order in which they were met, each once", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", f32(3));
  const build = (line: number) => b.at([at(line, "fc")], () => b.node("relu", [x]));
  const node = build(14);
  build(15);
  build(14);
  expect(b.originsOf(node)).toEqual([at(14, "fc"), at(15, "fc")]);
  expect(b.build("g", []).origins.get(node)).toEqual([at(14, "fc"), at(15, "fc")]);
});

test("origins nest, and end with the call even when it throws", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", f32(3));
  b.at([at(1)], () => {
    expect(() =>
      b.at([at(2)], () => {
        throw new Error("out");
      }),
    ).toThrow("out");
    expect(b.originsOf(b.node("neg", [x]))).toEqual([at(1)]);
  });
  expect(b.originsOf(b.node("exp", [x]))).toEqual([]);
});

test("an error of inference names the line that is being traced", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", f32(2, 3));
  const y = b.input("input", "y", f32(4));
  const build = () => b.at([at(14, "fc1")], () => b.node("add", [x, y]));
  expect(build).toThrow(KilnError);
  expect(build).toThrow(
    "add cannot combine shapes [2,3] and [4]: aligned from the right, extents must be equal or 1 (net.ts:14 fc1)",
  );
});

test("two inputs of one role cannot share a name; inputs of different roles can", () => {
  const b = new GraphBuilder(opTable);
  b.input("input", "x", f32());
  b.input("state", "x", f32());
  expect(() => b.input("input", "x", f32(2))).toThrow("two graph inputs are named x");
});

test("inputs are listed by role: fed ones, states, scalars", () => {
  const b = new GraphBuilder(opTable);
  b.input("scalar", "lr", f32());
  b.input("state", "w", f32(2));
  b.input("input", "x", f32(2));
  b.input("state", "b", f32(2));
  expect(b.build("g", []).inputs.map(({ name }) => name)).toEqual(["x", "w", "b", "lr"]);
});

test("a value of another graph is refused", () => {
  const stranger = new GraphBuilder(opTable).input("input", "x", f32(3));
  expect(() => new GraphBuilder(opTable).node("relu", [stranger])).toThrow(
    "relu is given a value of another graph",
  );
});

test("a builder that goes on from a graph keeps its nodes, interns against them and leaves it as it was", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", f32(3));
  const relu = b.at([at(1)], () => b.node("relu", [x]));
  const graph = b.build("g", [{ name: "output", value: relu }]);
  const more = GraphBuilder.from(graph, opTable);
  const again = more.at([at(2)], () => more.node("relu", [x]));
  expect(again).toBe(relu);
  more.node("neg", [relu]);
  const larger = more.build("larger", []);
  expect(larger.nodes.map(({ op }) => op)).toEqual(["relu", "neg"]);
  expect(larger.origins.get(relu)).toEqual([at(1), at(2)]);
  expect(graph.nodes).toEqual([relu]);
  expect(graph.origins.get(relu)).toEqual([at(1)]);
});
