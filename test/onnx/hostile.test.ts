/** Models that claim far more than they hold: each is an error of one line, in no time and without the memory that it asks for. */

import { create } from "@bufbuild/protobuf";
import { compile, KilnError } from "kiln-js";
import { expect, test } from "vitest";
import { importOnnx } from "../../src/onnx/index.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model-proto.ts";
import { FunctionProtoSchema } from "../../src/onnx/proto/onnx_pb.ts";
import { floats, type GraphInit, int64s, modelBytes, node, port } from "./models.ts";

const HUGE = 2 ** 40;

/** A graph of one input, what these nodes make of it and of these numbers, and one output. */
const graph = (
  nodes: NonNullable<GraphInit["node"]>,
  initializer: NonNullable<GraphInit["initializer"]> = [],
): GraphInit => ({ input: [port("x", [2, 3])], output: [port("y", [])], node: nodes, initializer });

const emptyBody: GraphInit = {
  input: [port("i", [], "int64"), port("go", [], "bool"), port("v", ["n", "m"])],
  output: [port("on", [], "bool"), port("w", ["n", "m"])],
  node: [node("Identity", ["go"], ["on"]), node("Add", ["v", "v"], ["w"])],
};

const GRAPHS: Readonly<Record<string, GraphInit>> = {
  "a constant of a terabyte": graph(
    [node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])],
    [int64s("s", [HUGE, 3])],
  ),
  "a constant whose size is beyond all numbers": graph(
    [node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])],
    [int64s("s", [2 ** 53, 2 ** 53, 2 ** 53])],
  ),
  "a range without end": graph(
    [
      node("Range", ["zero", "end", "one"], ["r"]),
      node("Cast", ["r"], ["c"], { to: 1n }),
      node("Add", ["x", "c"], ["y"]),
    ],
    [int64s("zero", [0], []), int64s("end", [HUGE], []), int64s("one", [1], [])],
  ),
  "a tile of tiles": graph([node("Tile", ["x", "t"], ["y"])], [int64s("t", [2 ** 30, 2 ** 30])]),
  "a spread": graph([node("Expand", ["x", "s"], ["y"])], [int64s("s", [2 ** 30, 2, 3])]),
  "a spread that no memory holds": graph([node("Expand", ["x", "s"], ["y"])], [int64s("s", [2 ** 28, 2, 3])]),
  "padding by a terabyte": graph([node("Pad", ["x", "p"], ["y"])], [int64s("p", [HUGE, 0, HUGE, 0])]),
  "one-hot of too many classes": graph(
    [
      node("OneHot", ["k", "depth", "values"], ["h"]),
      node("ReduceSum", ["h"], ["s"]),
      node("Add", ["x", "s"], ["y"]),
    ],
    [int64s("k", [1]), int64s("depth", [HUGE], []), floats("values", [2], [0, 1])],
  ),
  "a loop that never ends": graph(
    [node("Loop", ["trips", "", "x"], ["y"], { body: emptyBody })],
    [int64s("trips", [HUGE], [])],
  ),
  "a resize beyond all": graph(
    [
      node("Unsqueeze", ["x", "axes"], ["image"]),
      node("Resize", ["image", "", "", "sizes"], ["y"], { mode: "nearest" }),
    ],
    [int64s("axes", [0, 1]), int64s("sizes", [1, 1, HUGE, HUGE])],
  ),
  doublings: graph([
    node("Concat", ["x", "x"], ["d0"], { axis: 0n }),
    ...Array.from({ length: 60 }, (_, k) => node("Concat", [`d${k}`, `d${k}`], [`d${k + 1}`], { axis: 0n })),
    node("Identity", ["d60"], ["y"]),
  ]),
};

async function errorOf(bytes: Uint8Array): Promise<unknown> {
  try {
    const model = await importOnnx(bytes);
    const program = await compile(model, { inputs: [[2, 3]], backend: "js", warnings: false });
    await program.dispose();
    return undefined;
  } catch (error) {
    return error;
  }
}

test.each(Object.entries(GRAPHS))("%s", async (_, hostile) => {
  const before = process.memoryUsage().arrayBuffers;
  const error = await errorOf(modelBytes(hostile));
  expect(error, String((error as Error)?.stack)).toBeInstanceOf(KilnError);
  expect((error as KilnError).message).toMatch(/^[^\n]{1,400}$/);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26);
});

test("a function that calls itself", async () => {
  const model = decodeModel(modelBytes(graph([{ ...node("Again", ["x"], ["y"]), domain: "own" }])), "m.onnx");
  model.functions.push(
    create(FunctionProtoSchema, {
      name: "Again",
      domain: "own",
      input: ["a"],
      output: ["b"],
      node: [{ ...node("Again", ["a"], ["b"]), domain: "own" }],
    }),
  );
  model.opsetImport.push({ ...model.opsetImport[0], domain: "own", version: 1n });
  const error = await errorOf(encodeModel(model));
  expect(error, String((error as Error)?.stack)).toBeInstanceOf(KilnError);
});
