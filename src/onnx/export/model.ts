/** Writes a graph as a complete model: its inputs and outputs, its nodes, and the numbers of its states. */

import { create } from "@bufbuild/protobuf";
import type { TypedArray } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import type { Graph, TensorType, Value } from "../../ir/types.ts";
import { elementTypeOf } from "../element-types.ts";
import { type ModelProto, ModelProtoSchema, type ValueInfoProto } from "../proto/onnx_pb.ts";
import { tensorProto } from "../tensor-proto.ts";
import { NodeWriter, reachable } from "./graph-nodes.ts";
import { GraphWriter, OPSET } from "./graph-writer.ts";
import { valueInfo } from "./ports.ts";

/** The version of the format that goes with the operator set. */
const IR_VERSION = 8n;
/** The largest size of weights: that of a protocol buffer message, less room for the nodes. */
const MOST_BYTES = 2 ** 31 - 2 ** 24;

/** Settings that a graph does not contain. */
export interface ModelParts {
  /** Names to use instead of the graph's own. */
  readonly inputNames?: readonly string[] | undefined;
  readonly outputNames?: readonly string[] | undefined;
  /** The numbers of a state. */
  numbersOf(state: string): Promise<TypedArray>;
}

/**
 * A model that computes the same as `graph`. Throws a {@link KilnError} that lists all ops without a spelling in ONNX.
 */
export async function modelOf(
  graph: Graph,
  { inputNames = [], outputNames = [], numbersOf }: ModelParts,
): Promise<ModelProto> {
  const w = new GraphWriter();
  const named = (wishes: readonly string[]) => (own: { readonly name: string }, k: number) =>
    w.name(wishes[k] ?? own.name);
  const inputs = graph.inputs.filter(({ role }) => role === "input");
  const given = inputs.map(named(inputNames));
  const results = graph.outputs.map(named(outputNames));
  const names = new Map<Value, string>(inputs.map((input, k) => [input, given[k]]));
  const read = reachable(graph);
  const weights = graph.inputs.filter((input) => input.role === "state" && read.has(input));
  for (const state of weights) names.set(state, w.name(state.name));

  writeNodes(w, graph, names, results);
  const port = (name: string, { dtype, shape }: TensorType): ValueInfoProto =>
    valueInfo(name, elementTypeOf(dtype), shape);
  const initializers = weights.map(async (state) => {
    const { dtype, shape } = state.type;
    return tensorProto(names.get(state)!, elementTypeOf(dtype), shape, await numbersOf(state.name));
  });
  const initializer = [...(await Promise.all(initializers)), ...w.initializers];
  const bytes = initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
  if (bytes > MOST_BYTES)
    throw new KilnError(`the model has ${bytes} bytes of weights, and an ONNX file holds at most 2 GB`);
  return create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "kiln-js",
    opsetImport: [{ domain: "", version: BigInt(OPSET) }],
    graph: {
      name: graph.name,
      node: w.nodes,
      initializer,
      input: inputs.map(({ type }, k) => port(given[k], type)),
      output: graph.outputs.map(({ value }, k) => port(results[k], value.type)),
    },
  });
}

/** Writes all nodes; the outputs are called `results`. */
function writeNodes(
  w: GraphWriter,
  graph: Graph,
  names: ReadonlyMap<Value, string>,
  results: readonly string[],
): void {
  const writer = new NodeWriter();
  const made = writer.write(w, graph, names);
  if (writer.faults.size > 0) {
    const list = [...writer.faults].map(([op, why]) => `${op} (${why})`).join(", ");
    throw new KilnError(`ONNX has no operators for what ${graph.name} computes with ${list}`);
  }
  for (const [k, value] of made.entries()) {
    const isFirst = made.indexOf(value) === k;
    if (isFirst && w.makes(value)) w.rename(value, results[k]);
    else w.rename(w.node("Identity", [isFirst ? value : results[made.indexOf(value)]]), results[k]);
  }
}
