/**
 * A workload's forward pass as an ONNX model with the weights that every peer starts from. Field numbers are those of
 * onnx.proto; the operators are those of opset 13.
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { CLASSES, initialParameters, type Layer, type Workload } from "./workloads.ts";

/** Names of the model's input [batch, …sample] and output [batch, classes]. */
export const INPUT = "input";
export const OUTPUT = "output";

const IR_VERSION = 7;
const OPSET = 13;
const FLOAT = 1;
/** AttributeProto.AttributeType. */
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

/** The bytes of a ModelProto for one batch size. */
export function onnxModel(workload: Workload, batch: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(IR_VERSION);
  writer.tag(2, WireType.LengthDelimited).string("kiln-bench");
  writer.tag(7, WireType.LengthDelimited).bytes(graph(workload, batch));
  // OperatorSetIdProto; the default domain has no name.
  writer.tag(8, WireType.LengthDelimited).fork().tag(2, WireType.Varint).int64(OPSET).join();
  return writer.finish();
}

function graph(workload: Workload, batch: number): Uint8Array {
  const writer = new BinaryWriter();
  const last = workload.layers.length - 1;
  workload.layers.forEach((layer, index) => {
    const input = index === 0 ? INPUT : `value${index - 1}`;
    const node = nodeOf(layer, input, index === last ? OUTPUT : `value${index}`);
    writer.tag(1, WireType.LengthDelimited).bytes(nodeProto(node));
  });
  writer.tag(2, WireType.LengthDelimited).string(workload.name);
  const parameters = initialParameters(workload);
  for (const layer of workload.layers) {
    if (!("name" in layer)) continue;
    for (const [part, shape] of [
      ["weight", layer.weight] as const,
      ["bias", layer.weight.slice(0, 1)] as const,
    ]) {
      const name = `${layer.name}.${part}`;
      writer.tag(5, WireType.LengthDelimited).bytes(tensorProto(name, shape, parameters.get(name)!));
    }
  }
  writer.tag(11, WireType.LengthDelimited).bytes(valueInfo(INPUT, [batch, ...workload.sample]));
  writer.tag(12, WireType.LengthDelimited).bytes(valueInfo(OUTPUT, [batch, CLASSES]));
  return writer.finish();
}

function nodeOf(layer: Layer, input: string, output: string): Node {
  switch (layer.kind) {
    case "conv": {
      const inputs = [input, `${layer.name}.weight`, `${layer.name}.bias`];
      return { op: "Conv", inputs, output, attributes: { pads: Array<number>(4).fill(layer.padding) } };
    }
    case "linear": {
      const inputs = [input, `${layer.name}.weight`, `${layer.name}.bias`];
      return { op: "Gemm", inputs, output, attributes: { transB: 1 } };
    }
    case "relu":
      return { op: "Relu", inputs: [input], output, attributes: {} };
    case "maxPool":
      return {
        op: "MaxPool",
        inputs: [input],
        output,
        attributes: { kernel_shape: [2, 2], strides: [2, 2] },
      };
    case "flatten":
      return { op: "Flatten", inputs: [input], output, attributes: { axis: 1 } };
    default:
      return layer satisfies never;
  }
}

function nodeProto({ op, inputs, output, attributes }: Node): Uint8Array {
  const writer = new BinaryWriter();
  for (const input of inputs) writer.tag(1, WireType.LengthDelimited).string(input);
  writer.tag(2, WireType.LengthDelimited).string(output);
  writer.tag(3, WireType.LengthDelimited).string(output);
  writer.tag(4, WireType.LengthDelimited).string(op);
  for (const [name, value] of Object.entries(attributes)) {
    writer.tag(5, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    if (typeof value === "number") writer.tag(3, WireType.Varint).int64(value);
    else for (const item of value) writer.tag(8, WireType.Varint).int64(item);
    writer.tag(20, WireType.Varint).int32(typeof value === "number" ? ATTRIBUTE_INT : ATTRIBUTE_INTS);
    writer.join();
  }
  return writer.finish();
}

function tensorProto(name: string, shape: readonly number[], values: Float32Array): Uint8Array {
  const writer = new BinaryWriter();
  for (const extent of shape) writer.tag(1, WireType.Varint).int64(extent);
  writer.tag(2, WireType.Varint).int32(FLOAT);
  writer.tag(8, WireType.LengthDelimited).string(name);
  writer.tag(9, WireType.LengthDelimited).bytes(littleEndian(values));
  return writer.finish();
}

function valueInfo(name: string, shape: readonly number[]): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(name);
  // TypeProto, in it TypeProto.Tensor, in it TensorShapeProto.
  writer.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int32(FLOAT);
  writer.tag(2, WireType.LengthDelimited).fork();
  for (const extent of shape) {
    writer.tag(1, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int64(extent).join();
  }
  return writer.join().join().join().finish();
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => {
    bytes.setFloat32(4 * i, value, true);
  });
  return new Uint8Array(bytes.buffer);
}
