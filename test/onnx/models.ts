/** Small ONNX models for tests, written as their messages. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { TypedArray } from "../../src/core/dtype.ts";
import { infoOf } from "../../src/onnx/element-types.ts";
import { encodeModel } from "../../src/onnx/model-proto.ts";
import type { ElementType } from "../../src/onnx/port.ts";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type ValueInfoProtoSchema,
} from "../../src/onnx/proto/onnx_pb.ts";
import { tensorProto } from "../../src/onnx/tensor-proto.ts";

export type GraphInit = MessageInitShape<typeof GraphProtoSchema>;
type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;

/** A number, numbers, a text or a graph. */
type AttributeValue = number | bigint | readonly bigint[] | readonly number[] | string | GraphInit;

function attribute(name: string, value: AttributeValue): AttributeInit {
  const { FLOAT, INT, INTS, FLOATS, STRING, GRAPH } = AttributeProto_AttributeType;
  if (typeof value === "number") return { name, type: FLOAT, f: value };
  if (typeof value === "bigint") return { name, type: INT, i: value };
  if (typeof value === "string") return { name, type: STRING, s: new TextEncoder().encode(value) };
  if (!Array.isArray(value)) return { name, type: GRAPH, g: value as GraphInit };
  return typeof value[0] === "number"
    ? { name, type: FLOATS, floats: value as number[] }
    : { name, type: INTS, ints: value as bigint[] };
}

/** A node: `node("Gemm", ["x", "w"], ["y"], { transB: 1n })`. */
export const node = (
  opType: string,
  input: string[],
  output: string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  name = "",
): MessageInitShape<typeof NodeProtoSchema> => ({
  opType,
  input,
  output,
  name,
  attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
});

/** What a graph says of an input or output; a text among the extents leaves one open. */
export const port = (
  name: string,
  shape: readonly (number | string)[],
  type: ElementType = "float",
): MessageInitShape<typeof ValueInfoProtoSchema> => ({
  name,
  type: {
    value: {
      case: "tensorType",
      value: {
        elemType: infoOf(type).code,
        shape: {
          dim: shape.map((extent) => ({
            value:
              typeof extent === "number"
                ? { case: "dimValue" as const, value: BigInt(extent) }
                : { case: "dimParam" as const, value: extent },
          })),
        },
      },
    },
  },
});

export const floats = (name: string, shape: readonly number[], numbers: readonly number[]) =>
  tensorProto(name, "float", shape, Float32Array.from(numbers));

export const int64s = (name: string, numbers: readonly number[], shape = [numbers.length]) =>
  tensorProto(name, "int64", shape, BigInt64Array.from(numbers, BigInt) as unknown as TypedArray);

/** The bytes of a model of one graph. */
export const modelBytes = (graph: GraphInit, opset = 18): Uint8Array =>
  encodeModel(
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: "", version: BigInt(opset) }],
      graph: { name: "main", ...graph },
    }),
  );
