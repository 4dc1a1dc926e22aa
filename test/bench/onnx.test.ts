/** The ONNX models that are written for onnxruntime, read back field by field. */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, test } from "vitest";
import { onnxModel } from "../../bench/src/onnx.ts";
import { initialParameters, WORKLOADS } from "../../bench/src/workloads.ts";

type Field = number | Uint8Array;

/** A message as its fields by number, in order; what they mean is left to the reader. */
function message(bytes: Uint8Array): Map<number, Field[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, Field[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const value = type === WireType.Varint ? Number(reader.int64()) : reader.bytes();
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

const messages = (fields: Map<number, Field[]>, number: number): Map<number, Field[]>[] =>
  (fields.get(number) ?? []).map((bytes) => message(bytes as Uint8Array));
const strings = (fields: Map<number, Field[]>, number: number): string[] =>
  (fields.get(number) ?? []).map((bytes) => new TextDecoder().decode(bytes as Uint8Array));

/** The extents of a ValueInfoProto: type, tensor type, shape, dimensions. */
const extents = (value: Map<number, Field[]>): Field[] =>
  messages(messages(messages(messages(value, 2)[0], 1)[0], 2)[0], 1).map((dimension) => dimension.get(1)![0]);

const graphOf = (name: string, batch: number) => messages(message(onnxModel(WORKLOADS[name], batch)), 7)[0];

describe("an ONNX model", () => {
  test("states its version and operator set", () => {
    const model = message(onnxModel(WORKLOADS.mlp, 1));
    expect(model.get(1)).toEqual([7]);
    expect(messages(model, 8)[0].get(2)).toEqual([13]);
  });

  test("is a chain of operators from the input to the output", () => {
    const nodes = messages(graphOf("lenet5", 8), 1);
    expect(nodes.flatMap((node) => strings(node, 4)).join(" ")).toBe(
      "Conv Relu MaxPool Conv Relu MaxPool Flatten Gemm Relu Gemm Relu Gemm",
    );
    const [inputs, outputs] = [1, 2].map((field) => nodes.map((node) => strings(node, field)[0]));
    expect(inputs).toEqual(["input", ...outputs.slice(0, -1)]);
    expect(outputs.at(-1)).toBe("output");
  });

  test("states shapes with the batch, and padding", () => {
    const graph = graphOf("cifar10", 64);
    expect(extents(messages(graph, 11)[0])).toEqual([64, 3, 32, 32]);
    expect(extents(messages(graph, 12)[0])).toEqual([64, 10]);
    const pads = messages(messages(graph, 1)[0], 5)[0];
    expect(strings(pads, 1)).toEqual(["pads"]);
    expect(pads.get(8)).toEqual([2, 2, 2, 2]);
    expect(pads.get(20)).toEqual([7]);
  });

  test("holds every parameter with its shape and numbers", () => {
    const expected = initialParameters(WORKLOADS.lenet5);
    const tensors = messages(graphOf("lenet5", 1), 5);
    expect(tensors.flatMap((tensor) => strings(tensor, 8))).toEqual([...expected.keys()]);
    for (const tensor of tensors) {
      const values = expected.get(strings(tensor, 8)[0])!;
      const raw = tensor.get(9)![0] as Uint8Array;
      expect(new Float32Array(raw.slice().buffer)).toEqual(values);
      expect((tensor.get(1) as number[]).reduce((a, b) => a * b)).toBe(values.length);
    }
  });
});
