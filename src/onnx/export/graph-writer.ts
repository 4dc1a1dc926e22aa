/** Writes the nodes and initializers of an ONNX graph, each under a name of its own. */

import { create } from "@bufbuild/protobuf";
import { allocate, type DType, type TypedArray } from "../../core/dtype.ts";
import type { Shape } from "../../core/shape.ts";
import { elementTypeOf } from "../element-types.ts";
import type { ElementType } from "../port.ts";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from "../proto/onnx_pb.ts";
import { tensorProto } from "../tensor-proto.ts";

/** A number for a float attribute; plain numbers are integers there. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

type AttributeValue = number | readonly number[] | string | Float | GraphProto;
export type AttributeValues = Readonly<Record<string, AttributeValue>>;

/** The version of the operator set that graphs are written in. */
export const OPSET = 18;

/** Names that are unique among all values and nodes of a model, including nested graphs. */
class Names {
  private readonly taken = new Set<string>();

  /** `wish`, or if that is taken, `wish` followed by a number. */
  take(wish: string): string {
    let name = wish;
    for (let k = 1; this.taken.has(name); k++) name = `${wish}_${k}`;
    this.taken.add(name);
    return name;
  }
}

export class GraphWriter {
  /** In execution order. */
  readonly nodes: NodeProto[] = [];
  /** The path of the module that the next nodes belong to; empty for the model itself. */
  module = "";
  private readonly constants = new Map<string, TensorProto>();
  private readonly names: Names;
  private readonly outer: GraphWriter | undefined;

  /** With `outer`, a graph within that one, whose values it reads by their names. */
  constructor(outer?: GraphWriter) {
    this.outer = outer;
    this.names = outer?.names ?? new Names();
    this.module = outer?.module ?? "";
  }

  /** A name like `wish` that nothing else has. */
  name(wish: string): string {
    return this.names.take(wish);
  }

  /** Adds a node; returns the name of its result. */
  node(op: string, inputs: readonly string[], attributes: AttributeValues = {}): string {
    return this.nodeOf(op, inputs, attributes, 1)[0];
  }

  /** Adds a node with several results; returns their names. */
  nodeOf(
    op: string,
    inputs: readonly string[],
    attributes: AttributeValues,
    results: number,
  ): readonly string[] {
    const path = this.module === "" ? "" : `/${this.module.replaceAll(".", "/")}`;
    const name = this.names.take(`${path}/${op}`);
    const output = Array.from({ length: results }, (_, k) => this.names.take(`${name}_output_${k}`));
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    this.nodes.push(create(NodeProtoSchema, { opType: op, name, input: [...inputs], output, attribute }));
    return output;
  }

  /** The name of an initializer with these numbers; equal ones share one. */
  constant(type: ElementType, shape: Shape, data: TypedArray): string {
    if (this.outer !== undefined) return this.outer.constant(type, shape, data);
    const key = [type, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)].join(";");
    const known = this.constants.get(key);
    if (known !== undefined) return known.name;
    const proto = tensorProto(this.names.take("constant"), type, shape, data);
    this.constants.set(key, proto);
    return proto.name;
  }

  /** 64-bit integers, as ONNX requires for shapes and axes. */
  ints(values: readonly number[], shape: Shape = [values.length]): string {
    const bytes = new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer);
    return this.constant("int64", shape, bytes);
  }

  /** A number of no axes. */
  number(dtype: DType, value: number): string {
    const data = allocate(dtype, 1);
    data[0] = value;
    return this.constant(elementTypeOf(dtype), [], data);
  }

  float(value: number): string {
    return this.number("float32", value);
  }

  get initializers(): readonly TensorProto[] {
    return [...this.constants.values()];
  }

  /** Whether one of the nodes from number `since` on makes a value. */
  makes(value: string, since = 0): boolean {
    return this.nodes.slice(since).some(({ output }) => output.includes(value));
  }

  /** Renames a value to `name` that one of the nodes from number `since` on makes and later ones read. */
  rename(value: string, name: string, since = 0): string {
    for (const node of this.nodes.slice(since)) {
      node.input = node.input.map((input) => (input === value ? name : input));
      node.output = node.output.map((output) => (output === value ? name : output));
    }
    return name;
  }
}

function attributeProto(name: string, value: AttributeValue): AttributeProto {
  const { INT, INTS, FLOAT, STRING, GRAPH } = AttributeProto_AttributeType;
  if (typeof value === "number") return create(AttributeProtoSchema, { name, type: INT, i: BigInt(value) });
  if (typeof value === "string") {
    return create(AttributeProtoSchema, { name, type: STRING, s: new TextEncoder().encode(value) });
  }
  if (value instanceof Float) return create(AttributeProtoSchema, { name, type: FLOAT, f: value.value });
  if ("$typeName" in value) return create(AttributeProtoSchema, { name, type: GRAPH, g: value });
  return create(AttributeProtoSchema, { name, type: INTS, ints: value.map(BigInt) });
}
