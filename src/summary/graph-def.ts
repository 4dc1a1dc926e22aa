/**
 * A traced model as TensorFlow's GraphDef, which TensorBoard draws: one node for each op, named by the path of its
 * module, so that TensorBoard folds every module into a box. Field numbers are those of graph.proto and node_def.proto.
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { formatOrigins } from "../core/origin.ts";
import type { Shape } from "../core/shape.ts";
import type { Attr, Attrs, Graph, Node, Value } from "../ir/types.ts";

/** A node of TensorBoard's graph. */
interface GraphNode {
  /** Parts between slashes are the boxes it lies in. */
  readonly name: string;
  readonly op: string;
  /** Names of the nodes it reads. */
  readonly inputs: readonly string[];
  readonly shape: Shape;
  readonly attrs: Attrs;
}

/** What inputs and outputs are called, as in PyTorch's graphs. */
const OUTSIDE_OP = "IO Node";
/** The GraphDef version that PyTorch writes. */
const PRODUCER = 22;

/** The GraphDef of `graph`, whose outermost box is `modelName`. */
export function encodeGraphDef(graph: Graph, modelName: string): Uint8Array {
  const writer = new BinaryWriter();
  for (const node of graphNodes(graph, modelName)) {
    writeNode(writer.tag(1, WireType.LengthDelimited).fork(), node);
    writer.join();
  }
  writer.tag(4, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(PRODUCER).join();
  return writer.finish();
}

/** All nodes in the order in which they are computed: inputs, parameters, ops, outputs. */
function graphNodes(graph: Graph, modelName: string): GraphNode[] {
  const names = new Map<Value, string>();
  const taken = new Set<string>();
  const nameValue = (value: Value, wanted: string): string => {
    const name = unusedName(wanted, taken);
    names.set(value, name);
    return name;
  };
  const root = nodeName(modelName);
  const inputs = graph.inputs.map((input) => ({
    name: nameValue(input, input.role === "state" ? path(root, input.name) : path("input", input.name)),
    op: input.role === "state" ? "Parameter" : OUTSIDE_OP,
    inputs: [],
    shape: input.type.shape,
    attrs: { dtype: input.type.dtype },
  }));
  const ops = graph.nodes.map((node) => ({
    name: nameValue(node, path(root, moduleOf(graph, node), node.op)),
    op: node.op,
    inputs: node.inputs.map((value) => names.get(value)!),
    shape: node.type.shape,
    attrs: { ...node.attrs, dtype: node.type.dtype, ...sourceOf(graph, node) },
  }));
  const outputs = graph.outputs.map(({ name, value }) => ({
    name: unusedName(path("output", name), taken),
    op: OUTSIDE_OP,
    inputs: [names.get(value)!],
    shape: value.type.shape,
    attrs: { dtype: value.type.dtype },
  }));
  return [...inputs, ...ops, ...outputs];
}

/** The module whose `forward` made a node. */
const moduleOf = (graph: Graph, node: Node): string => graph.origins.get(node)?.[0]?.module ?? "";

const sourceOf = (graph: Graph, node: Node): Attrs => {
  const origins = graph.origins.get(node) ?? [];
  return origins.length === 0 ? {} : { source: formatOrigins(origins) };
};

/** Module paths and parameter names have dots where TensorBoard has slashes. */
const path = (...parts: readonly string[]): string =>
  parts
    .flatMap((part) => part.split("."))
    .filter((part) => part !== "")
    .map(nodeName)
    .join("/");

/** `text` with nothing that TensorBoard does not allow in a name. */
const nodeName = (text: string): string => text.replace(/[^A-Za-z0-9_-]/g, "_").replace(/^[_-]/, "x$&");

function unusedName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let number = 1; taken.has(name); number++) name = `${wanted}_${number}`;
  taken.add(name);
  return name;
}

function writeNode(writer: BinaryWriter, { name, op, inputs, shape, attrs }: GraphNode): void {
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).string(op);
  for (const input of inputs) writer.tag(3, WireType.LengthDelimited).string(input);
  writeAttr(writer, "_output_shapes", (value) => {
    value.tag(1, WireType.LengthDelimited).fork().tag(7, WireType.LengthDelimited).fork();
    for (const extent of shape) {
      value.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int64(extent).join();
    }
    value.join().join();
  });
  for (const [key, attr] of Object.entries(attrs)) {
    writeAttr(writer, key, (value) => writeAttrValue(value, attr));
  }
}

/** One entry of a node's map of attributes. */
function writeAttr(writer: BinaryWriter, key: string, writeValue: (value: BinaryWriter) => void): void {
  writer.tag(5, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(key);
  writeValue(writer.tag(2, WireType.LengthDelimited).fork());
  writer.join().join();
}

/** Numbers are written as text, because an AttrValue of TensorFlow has no doubles. */
function writeAttrValue(writer: BinaryWriter, attr: Attr): void {
  if (typeof attr === "boolean") writer.tag(5, WireType.Varint).bool(attr);
  else writer.tag(2, WireType.LengthDelimited).string(typeof attr === "string" ? attr : JSON.stringify(attr));
}
