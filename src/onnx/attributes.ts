/** The attributes of nodes as values: numbers, strings, lists of them, constants and graphs. */

import { KilnError } from "../core/errors.ts";
import type { Constant } from "./constant.ts";
import type { GraphReader, OnnxGraph } from "./graph.ts";
import { type AttributeProto, AttributeProto_AttributeType } from "./proto/onnx_pb.ts";

/** The type of the value of each kind of attribute. */
export interface AttributeValues {
  readonly float: number;
  readonly int: number;
  readonly string: string;
  readonly tensor: Constant;
  readonly graph: OnnxGraph;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly string[];
  /** In a function: the name of an attribute of the calling node. */
  readonly reference: string;
}

export type Attribute = {
  readonly [Kind in keyof AttributeValues]: { readonly kind: Kind; readonly value: AttributeValues[Kind] };
}[keyof AttributeValues];

/** Reads an attribute; `what` names its node, and `known` are the names that a graph in it may read. */
export function attributeFrom(
  proto: AttributeProto,
  what: string,
  reader: GraphReader,
  known: ReadonlySet<string>,
): Attribute {
  if (proto.refAttrName !== "") return { kind: "reference", value: proto.refAttrName };
  const { FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS } = AttributeProto_AttributeType;
  switch (proto.type) {
    case FLOAT:
      return { kind: "float", value: proto.f };
    case INT:
      return { kind: "int", value: Number(proto.i) };
    case STRING:
      return { kind: "string", value: text(proto.s) };
    case TENSOR:
      if (proto.t !== undefined)
        return { kind: "tensor", value: reader.constant(proto.t, `the ${proto.name} of ${what}`) };
      break;
    case GRAPH:
      if (proto.g !== undefined) return { kind: "graph", value: reader.graph(proto.g, known) };
      break;
    case FLOATS:
      return { kind: "floats", value: proto.floats };
    case INTS:
      return { kind: "ints", value: proto.ints.map(Number) };
    case STRINGS:
      return { kind: "strings", value: proto.strings.map(text) };
    default:
  }
  throw new KilnError(
    `${what} has an attribute ${proto.name} of the type ${AttributeProto_AttributeType[proto.type] ?? proto.type}, which Kiln does not read`,
  );
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
