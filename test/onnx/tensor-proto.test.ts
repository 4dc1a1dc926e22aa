/** Tensors in ONNX's messages: every element type from raw bytes and from its own field, and what cannot be one. */

import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { tensorFrom } from "../../src/onnx/constant.ts";
import { infoOf } from "../../src/onnx/element-types.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model-proto.ts";
import type { ElementType } from "../../src/onnx/port.ts";
import {
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "../../src/onnx/proto/onnx_pb.ts";
import { constantFrom, tensorProto } from "../../src/onnx/tensor-proto.ts";

describe("the numbers of a tensor", () => {
  test.each<[ElementType, ArrayBufferView, readonly number[]]>([
    ["float", Float32Array.of(1.5, -2), [1.5, -2]],
    ["double", Float64Array.of(0.1, 1e300), [0.1, 1e300]],
    ["float16", Uint16Array.of(0x3c00, 0xc000, 0x0001), [1, -2, 2 ** -24]],
    ["bfloat16", Uint16Array.of(0x3f80, 0xc000), [1, -2]],
    ["int8", Int8Array.of(-128, 127), [-128, 127]],
    ["uint8", Uint8Array.of(0, 255), [0, 255]],
    ["int16", Int16Array.of(-32768, 1), [-32768, 1]],
    ["uint16", Uint16Array.of(65535), [65535]],
    ["int32", Int32Array.of(-5, 7), [-5, 7]],
    ["uint32", Uint32Array.of(2 ** 32 - 1), [2 ** 32 - 1]],
    ["int64", BigInt64Array.of(-1n, 2n ** 40n), [-1, 2 ** 40]],
    ["uint64", BigUint64Array.of(2n ** 40n), [2 ** 40]],
    ["bool", Uint8Array.of(0, 1), [0, 1]],
  ])("%s, as bytes wherever they lie", (type, numbers, expected) => {
    const bytes = new Uint8Array(numbers.buffer as ArrayBuffer);
    const moved = new Uint8Array(bytes.length + 3);
    moved.set(bytes, 3);
    const shape = [expected.length];
    for (const rawData of [bytes, moved.subarray(3), Buffer.from(moved.buffer, 3)]) {
      const tensor = create(TensorProtoSchema, {
        dims: [BigInt(shape[0])],
        dataType: infoOf(type).code,
        rawData,
      });
      const found = constantFrom(tensor, "w");
      expect([found.type, found.shape, [...found.data]]).toEqual([type, shape, expected]);
    }
  });

  test("lists of numbers, those of 16 bits as they lie in memory", () => {
    const dims = [2n];
    const { FLOAT16, INT64, BOOL } = TensorProto_DataType;
    const half = create(TensorProtoSchema, { dims, dataType: FLOAT16, int32Data: [0x3c00, 0xc000] });
    expect([...constantFrom(half, "h").data]).toEqual([1, -2]);
    const long = create(TensorProtoSchema, { dims, dataType: INT64, int64Data: [-3n, 4n] });
    expect([...constantFrom(long, "l").data]).toEqual([-3, 4]);
    const flags = create(TensorProtoSchema, { dims, dataType: BOOL, int32Data: [1, 0] });
    expect([...constantFrom(flags, "b").data]).toEqual([1, 0]);
  });

  test("come back from a model's bytes as they were written", async () => {
    const weight = tensorProto("fc.weight", "float", [2, 2], Float32Array.of(1, 2, 3, 4));
    const bytes = encodeModel(create(ModelProtoSchema, { irVersion: 8n, graph: { initializer: [weight] } }));
    const [read] = decodeModel(bytes, "m.onnx").graph!.initializer;
    expect(read.name).toBe("fc.weight");
    const tensor = tensorFrom(constantFrom(read, "fc.weight"), "fc.weight");
    expect(tensor.shape).toEqual([2, 2]);
    expect(await tensor.data()).toEqual(Float32Array.of(1, 2, 3, 4));
  });
});

describe("what cannot be a tensor", () => {
  const { FLOAT, INT64, STRING } = TensorProto_DataType;
  test.each([
    [{ dims: [2n], dataType: STRING }, /^w has elements of STRING, which Kiln does not compute with$/],
    [{ dims: [], dataType: 99 }, /^w has elements of type 99/],
    [{ dims: [-1n], dataType: FLOAT }, /^w has the shape \[-1\], which no tensor can have/],
    [{ dims: [2n ** 40n, 2n ** 40n], dataType: FLOAT }, /which no tensor can have/],
    [
      { dims: [2n ** 40n], dataType: FLOAT },
      /^w has 0 numbers, but its shape \[1099511627776\] takes 1099511627776/,
    ],
    [{ dims: [2n], dataType: FLOAT, rawData: new Uint8Array(7) }, /^w has 7 bytes of numbers.* take 8$/],
    [
      { dims: [2n], dataType: FLOAT, dataLocation: TensorProto_DataLocation.EXTERNAL },
      /^w has its numbers in another file/,
    ],
  ])("is one error: %#", (fields, message) => {
    expect(() => constantFrom(create(TensorProtoSchema, fields), "w")).toThrow(message);
  });

  test("nor a whole number beyond int32, once it is computed with", () => {
    const long = create(TensorProtoSchema, { dims: [1n], dataType: INT64, int64Data: [2n ** 40n] });
    expect(() => tensorFrom(constantFrom(long, "steps"), "steps")).toThrow(
      "steps holds 1099511627776, which int32 cannot hold: Kiln computes int64 in int32",
    );
  });
});

test("bytes that are no model are one error", () => {
  expect(() => decodeModel(Uint8Array.of(0x3a, 0x50, 1), "a.onnx")).toThrow(
    /^a\.onnx is not a complete ONNX model: /,
  );
  expect(() => decodeModel(new Uint8Array(), "a.onnx")).toThrow(
    "a.onnx is not an ONNX model: it has no graph",
  );
});
