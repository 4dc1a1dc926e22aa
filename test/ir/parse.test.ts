/** The graph's text form reads back: every feature of the grammar, and faults with line and column. */

import { describe, expect, test } from "vitest";
import { KilnError } from "../../src/core/errors.ts";
import type { Origin } from "../../src/core/origin.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import type { Graph, OpTable, TensorType } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";
import { describeGraph } from "../support/describe-graph.ts";
import { lenetForward, lenetTraining, stagesOf } from "../support/stages.ts";

const f32 = (...shape: number[]): TensorType => ({ dtype: "float32", shape });
const parse = (text: string): Graph => parseGraph(text, opTable);

/** Holds that the graph's text reads back to an equal graph. */
function expectRoundTrip(graph: Graph): void {
  const text = printGraph(graph);
  const back = parse(text);
  expect(printGraph(back)).toBe(text);
  expect(describeGraph(back)).toEqual(describeGraph(graph));
}

const TEXTS: Readonly<Record<string, string>> = {
  "inputs of every role and dtype": `graph net(%x: f32[2,3], %t: i32[2], %m: bool[2,3], %u: u8[]) params(@w: f32[3]) scalars($lr: f32[], $step: i32[]) {
  %0: f32[2,3] = mul(%x, @w)
  %1: f32[2,3] = where(%m, %0, $lr)
  return output=%1
}`,
  "an empty graph": `graph nothing() {
  return
}`,
  "a graph that returns its inputs": `graph identity(%x: f32[2]) params(@w: f32[2]) {
  return a=%x, b=@w
}`,
  "names that need quotes": `graph net(%"a b": f32[2]) params(@"0.weight": f32[2], @conv1.weight: f32[2], @"say \\"hi\\"\\\\": f32[2], @"naïve)": f32[2]) scalars($"1st": f32[]) {
  %0: f32[2] = add(%"a b", @"0.weight")
  %1: f32[2] = add(@conv1.weight, @"say \\"hi\\"\\\\")
  %2: f32[2] = mul(@"naïve)", $"1st")
  return "the result"=%0, grad.0.weight=%1, "0.bias"=%2
  update @"0.weight" = %2
}`,
  "constants of every kind": `graph net(%x: f32[2]) {
  %0: f32[] = constant() {value=inf, dtype="float32"}
  %1: f32[] = constant() {value=-inf, dtype="float32"}
  %2: f32[] = constant() {value=nan, dtype="float32"}
  %3: f32[] = constant() {value=-0, dtype="float32"}
  %4: f32[] = constant() {value=1e-7, dtype="float32"}
  %5: f32[] = constant() {value=1e+21, dtype="float32"}
  %6: f32[] = constant() {value=-0.1, dtype="float32"}
  %7: i32[] = constant() {value=-3, dtype="int32"}
  %8: bool[] = constant() {value=1, dtype="bool"}
  return a=%0, b=%1, c=%2, d=%3, e=%4, f=%5, g=%6, h=%7, i=%8
}`,
  "attributes of every kind": `graph net(%x: f32[1,1,4,4]) {
  %0: (f32[1,1,2,2], u8[1,1,2,2], i32[1,1,2,2]) = max_pool2d(%x) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false}
  %1: (f32[1,1,2,2], u8[1,1,2,2], i32[1,1,2,2]) = max_pool2d(%x) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=true}
  %2: f32[] = sum(%0) {axes=[0,1,2,3], keepdim=false}
  %3: f32[1,1,2,2] = sum(%1) {axes=[], keepdim=true}
  %4: f32[1,1,2,2] = log_softmax(%3) {axis=1}
  return a=%2, b=%4
}`,
  "origins with lines, modules, both, several, and blanks, commas and percent signs in them": `graph net(%x: f32[2]) {
  %0: f32[2] = relu(%x)   at net.ts:14 conv1
  %1: f32[2] = neg(%0)    at net.ts:15
  %2: f32[2] = exp(%1)    at model.layers.0
  %3: f32[2] = abs(%2)    at net.ts:14 conv1, other.ts:3 block.1, net.ts:16
  %4: f32[2] = sign(%3)   at my%0020models%002c%0020100%0025/net.ts:7 odd%0020module
  return output=%4
}`,
  "partition, groups, views, layouts and updates": `graph net(%x: f32[2,3]) params(@w: f32[4,3], @b: f32[4], @m: f32[4]) scalars($lr: f32[]) {
  %0: f32[2,4] = linear(%x, @w, @b)
  %1: f32[2,4] = relu(%0)
  %2: f32[8] = reshape(%1) {shape=[8]}
  %3: f32[4] = mul(@b, $lr)
  %4: f32[4] = sub(@b, %3)
  keep %1 %2
  recompute %0
  group linear_relu: %0 %1 -> %1
  group update: %3 %4 -> %3 %4
  view %2 of %1
  layout @w = [1,0]
  layout %1 = [1,0]
  return output=%2
  update @b = %4
  update @m = %3
}`,
  "an empty partition": `graph net(%x: f32[2]) {
  %0: f32[2] = relu(%x)
  keep
  recompute
  return output=%0
}`,
};

describe("reads back", () => {
  test.each(Object.entries(TEXTS))("%s", (_what, text) => {
    const graph = parse(text);
    expect(printGraph(graph)).toBe(text);
    expectRoundTrip(graph);
  });

  test("what stands there: values, attributes, roles and origins", () => {
    const graph = parse(TEXTS["partition, groups, views, layouts and updates"]);
    const [linear, relu, reshape, scaled, updated] = graph.nodes;
    expect(graph.inputs.map(({ role, name }) => `${role} ${name}`)).toEqual([
      "input x",
      "state w",
      "state b",
      "state m",
      "scalar lr",
    ]);
    expect(relu.inputs).toEqual([linear]);
    expect(reshape.attrs).toEqual({ shape: [8] });
    expect(graph.partition).toEqual({ kept: [relu, reshape], recomputed: [linear] });
    expect(graph.groups?.[1]).toEqual({
      name: "update",
      nodes: [scaled, updated],
      stores: [scaled, updated],
    });
    expect(graph.views).toEqual([{ node: reshape, base: relu }]);
    expect(graph.layouts).toEqual([
      { value: graph.inputs[1], layout: [1, 0] },
      { value: relu, layout: [1, 0] },
    ]);
    expect(graph.updates.map(({ target, value }) => [target.name, value])).toEqual([
      ["b", updated],
      ["m", scaled],
    ]);
  });

  test("the very numbers of constants", () => {
    const values = parse(TEXTS["constants of every kind"]).nodes.map((node) => node.attrs.value);
    expect(values).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      -0,
      1e-7,
      1e21,
      -0.1,
      -3,
      1,
    ]);
  });

  test("escaped origins to what they were", () => {
    const graph = parse(
      TEXTS["origins with lines, modules, both, several, and blanks, commas and percent signs in them"],
    );
    expect(graph.origins.get(graph.nodes[4])).toEqual([
      { file: "my models, 100%/net.ts", line: 7, module: "odd module" },
    ]);
    expect(graph.origins.get(graph.nodes[2])).toEqual([{ file: "", line: 0, module: "model.layers.0" }]);
  });

  test("text by hand: loose blank lines before, any numbering, equal nodes merged", () => {
    const graph = parse(`
graph net(%x: f32[2]) {
    %7: f32[2] = relu(%x) at a.ts:1
  %3: f32[2] = relu(%x)   at a.ts:2
  %9: f32[2] = add(%7, %3)
  return output=%9
}`);
    expect(printGraph(graph)).toBe(`graph net(%x: f32[2]) {
  %0: f32[2] = relu(%x)      at a.ts:1, a.ts:2
  %1: f32[2] = add(%0, %0)
  return output=%1
}`);
  });
});

describe.each([
  ["forward", lenetForward(2)],
  ["training", lenetTraining(2)],
] as const)("LeNet's %s graph", (_mode, source) => {
  test.each(stagesOf(source).graphs)("reads back after %s", (_stage, graph) => {
    expectRoundTrip(graph);
  });
});

describe("graphs made by a program, whatever their names,", () => {
  const graphWith = (options: { graph?: string; input?: string; origin?: Origin }): Graph => {
    const b = new GraphBuilder(opTable);
    const x = b.input("input", options.input ?? "x", f32(2));
    const node = b.at(options.origin === undefined ? [] : [options.origin], () => b.node("relu", [x]));
    return b.build(options.graph ?? "net", [{ name: "output", value: node }]);
  };

  test("read back with a name of blanks, quotes and line breaks", () => {
    expectRoundTrip(graphWith({ input: 'a "b"\n\tc' }));
  });

  test("read back when an input is named by a number", () => {
    expectRoundTrip(graphWith({ input: "0" }));
  });

  test("read back when the graph's own name needs quotes", () => {
    expectRoundTrip(graphWith({ graph: "my net" }));
  });

  test("read back with the blanks of other scripts in a path", () => {
    expectRoundTrip(graphWith({ origin: { file: "模型\u3000一/net.ts", line: 3, module: "fc" } }));
  });

  test("read back when a module's path looks like a line number", () => {
    expectRoundTrip(graphWith({ origin: { file: "", line: 0, module: "block:1" } }));
  });
});

describe("a fault names its line and column and what was expected:", () => {
  const inBody = (...lines: string[]): string =>
    ["graph net(%x: f32[2,3]) params(@w: f32[3]) {", ...lines, "  return output=%0", "}"].join("\n");
  const cases: Readonly<Record<string, readonly [text: string, message: string]>> = {
    "an unknown op": [
      inBody("  %0: f32[2,3] = frobnicate(%x)"),
      "line 2, column 18: expected the name of an op, but frobnicate is not one",
    ],
    "an undefined value": [
      inBody("  %0: f32[2,3] = add(%x, %1)"),
      "line 2, column 26: expected a value defined above, but %1 is not",
    ],
    "a value used before it is defined": [
      inBody("  %1: f32[2,3] = relu(%0)", "  %0: f32[2,3] = relu(%x)"),
      "line 2, column 23: expected a value defined above, but %0 is not",
    ],
    "an unfinished line": [
      inBody("  %0: f32[2,3] = relu(%x"),
      'line 2, column 25: expected ")", but found the end',
    ],
    "a line that goes on": [
      inBody("  %0: f32[2,3] = relu(%x) twice"),
      'line 2, column 27: expected the end of the line, but found "twice"',
    ],
    "a missing end": [
      "graph net(%x: f32[2]) {\n  return output=%x",
      'line 3, column 1: expected "}", but found the end',
    ],
    "a text that is no graph": [
      "module net {}",
      'line 1, column 1: expected "graph", but found "module net {}"',
    ],
    "an empty text": ["", 'expected "graph", but found the end'],
    "an unknown dtype": [
      "graph net(%x: f64[2]) {\n}",
      'line 1, column 15: expected one of f32, i32, bool, u8, but found "f64[2]) {"',
    ],
    "an unfinished shape": [
      "graph net(%x: f32[2) {\n}",
      'line 1, column 18: expected a list such as [2,3], but found "[2) {"',
    ],
    "a wrong attribute": [
      inBody("  %0: f32[] = sum(%x) {axes=[0,1], keepdim=perhaps}"),
      'line 2, column 44: expected a number, string, boolean or list, but found "perhaps}"',
    ],
    "an error of inference": [
      inBody("  %0: f32[2,3] = add(%x, @w)", "  %1: f32[4] = reshape(%x) {shape=[4]}"),
      "line 3, column 16: cannot view [2,3] (6 elements) as [4]: the number of elements differs",
    ],
    "an update of what is no input": [
      inBody("  %0: f32[2,3] = relu(%x)", "  update %0 = %x"),
      "line 3, column 10: expected the name of a state",
    ],
    "a group of an input": [
      inBody("  %0: f32[2,3] = relu(%x)", "  view %x of %0"),
      "line 3, column 10: expected a node such as %0",
    ],
    "a layout that leaves an axis out": [
      inBody("  %0: f32[2,3] = relu(%x)", "  layout %0 = [1,1]"),
      "line 3, column 15: expected the axes 0 to 1 in some order, but found 1,1",
    ],
  };

  const scalar = (line: string): string =>
    `graph net(%x: f32[2,3], %s: f32[]) {\n  ${line}\n  return y=%0\n}`;
  const declared: typeof cases = {
    "an axis that is not there": [
      scalar("%0: f32[2,3] = softmax(%x) {axis=99}"),
      "line 2, column 18: softmax needs an axis of float32[2,3] as axis, not 99",
    ],
    "no input": [scalar("%0: f32[2,3] = relu()"), "line 2, column 18: relu takes 1 input, not 0"],
    "too many inputs": [
      scalar("%0: f32[2,3] = relu(%x, %x, %x)"),
      "line 2, column 18: relu takes 1 input, not 3",
    ],
    "a sum without its attributes": [
      scalar("%0: f32[] = sum(%s)"),
      "line 2, column 15: sum needs the attribute axes, different axes of float32[] in order",
    ],
    "an unknown attribute": [
      scalar("%0: f32[2,3] = softmax(%x) {axes=1}"),
      "line 2, column 18: softmax has no attribute axes (did you mean axis?); it has axis",
    ],
    "an attribute of an object's own": [
      scalar("%0: f32[2,3] = relu(%x) {__proto__=[1]}"),
      "line 2, column 18: relu has no attribute __proto__; it has none",
    ],
    "an attribute twice": [
      scalar("%0: f32[2,3] = softmax(%x) {axis=0, axis=1}"),
      "line 2, column 39: expected another attribute, but axis occurs twice",
    ],
    "an attribute of another kind": [
      scalar('%0: f32[] = sum(%x) {axes=[0,1], keepdim="no"}'),
      'line 2, column 15: sum needs true or false as keepdim, not "no"',
    ],
    "a constant that is no whole number": [
      scalar('%0: i32[] = constant() {value=0.5, dtype="int32"}'),
      "line 2, column 15: constant needs an element of int32 as value, not 0.5",
    ],
    "a gradient of another size than the pool's": [
      "graph g(%c: f32[1,1,3,3], %w: u8[1,1,3,3]) {\n  %0: f32[1,1,4,4] = max_pool2d_grad(%c, %w) " +
        "{kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false, inputSize=[4,4]}\n  return y=%0\n}",
      "line 2, column 22: max_pool2d_grad expects a cotangent float32[1,1,2,2] but got float32[1,1,3,3]",
    ],
  };

  test.each(Object.entries({ ...cases, ...declared }))("%s", (_what, [text, message]) => {
    expect(() => parse(text)).toThrow(KilnError);
    expect(() => parse(text)).toThrow(message);
  });

  test("a wrong shape", () => {
    const text = inBody("  %0: f32[3,2] = relu(%x)");
    expect(() => parse(text)).toThrow("expected f32[2,3], but relu of these inputs does not give f32[3,2]");
    expect(() => parse(text)).toThrow("line 2, column ");
  });

  test("a redefinition", () => {
    const text = inBody("  %0: f32[2,3] = relu(%x)", "  %0: f32[2,3] = neg(%x)");
    expect(() => parse(text)).toThrow("expected a new name, but %0 is defined already");
    expect(() => parse(text)).toThrow("line 3, column ");
  });

  test("a wrong shape, at the column where it stands", () => {
    expect(() => parse(inBody("  %0: f32[3,2] = relu(%x)"))).toThrow("line 2, column 7: ");
  });

  test("a redefinition, at the column where it stands", () => {
    const text = inBody("  %0: f32[2,3] = relu(%x)", "  %0: f32[2,3] = neg(%x)");
    expect(() => parse(text)).toThrow("line 3, column 3: ");
  });

  test("two inputs of one name", () => {
    expect(() => parse("graph net(%x: f32[2], %x: f32[2]) {\n}")).toThrow("line 1, column ");
  });

  test("too few inputs", () => {
    expect(() => parse(inBody("  %0: f32[2,3] = add(%x)"))).toThrow("line 2, column ");
  });

  test("a missing attribute", () => {
    expect(() => parse(inBody("  %0: f32[] = sum(%x)"))).toThrow("line 2, column ");
  });

  test("a name whose quotes hold no string", () => {
    expect(() => parse('graph net(%"\\q": f32[2]) {\n}')).toThrow("line 1, column ");
  });

  test("an extent that is no positive whole number", () => {
    expect(() => parse("graph net(%x: f32[2,-3]) {\n}")).toThrow("line 1, column ");
  });

  test("text behind the end", () => {
    expect(() => parse("graph net(%x: f32[2]) {\n  return output=%x\n} and more")).toThrow("line 3, column ");
  });
});

test("an op that fails on what nobody has refused is a fault of its line", () => {
  const careless: OpTable = { ...opTable, has: () => true, infer: () => undefined as unknown as TensorType };
  expect(() =>
    parseGraph("graph g(%x: f32[2]) {\n  %0: f32[2] = relu(%x)\n  return y=%0\n}", careless),
  ).toThrow(/^line 2, column 1: this cannot be read: Cannot destructure property 'dtype' of 'undefined'/);
});
