/** Loops: ONNX's Scan, whose body reads shared values from the enclosing graph, by name. */

import { create } from "@bufbuild/protobuf";
import { allocate } from "../../../core/dtype.ts";
import type { TensorType } from "../../../ir/types.ts";
import { loopOf } from "../../../ops/loop.ts";
import { elementTypeOf } from "../../element-types.ts";
import { GraphProtoSchema } from "../../proto/onnx_pb.ts";
import { GraphWriter } from "../graph-writer.ts";
import { valueInfo } from "../ports.ts";
import type { Spelling } from "../spelling.ts";

const scan: Spelling = ({ w, inputs, attrs, writeBody }) => {
  const { body, carried, stacked, iterations, descending } = loopOf(attrs);
  if (iterations === 0) {
    return body.outputs.map(({ value: { type } }, k) =>
      k < carried
        ? inputs[k].name
        : w.constant(elementTypeOf(type.dtype), [0, ...type.shape], allocate(type.dtype, 0)),
    );
  }
  const inner = new GraphWriter(w);
  const own = body.inputs.map(({ name, type }, k) => ({
    ...type,
    name: k < carried + stacked ? inner.name(name) : inputs[k].name,
  }));
  const given = inputs.slice(0, carried + stacked).map(({ name }) => name);
  const ports = own.slice(0, carried + stacked);
  // The number of iterations is the number of elements of a scanned input: there must be one, even if it is unused.
  if (stacked === 0) {
    given.push(w.constant("int32", [iterations], new Int32Array(iterations)));
    const counter: TensorType = { dtype: "int32", shape: [] };
    ports.push({ ...counter, name: inner.name("iteration") });
  }
  const results = writeBody(
    body,
    inner,
    own.map(({ name }) => name),
  ).map((name) => inner.node("Identity", [name]));
  const types = body.outputs.map(({ value }) => value.type);
  const graph = create(GraphProtoSchema, {
    name: body.name,
    node: inner.nodes,
    input: ports.map((port) => valueInfo(port.name, elementTypeOf(port.dtype), port.shape)),
    output: results.map((name, k) => valueInfo(name, elementTypeOf(types[k].dtype), types[k].shape)),
  });
  const direction = (count: number): number[] => Array(count).fill(descending ? 1 : 0);
  return w.nodeOf(
    "Scan",
    given,
    {
      body: graph,
      num_scan_inputs: ports.length - carried,
      scan_input_directions: direction(ports.length - carried),
      scan_output_directions: direction(results.length - carried),
    },
    results.length,
  );
};

export const LOOPS = { scan } as const satisfies Readonly<Record<string, Spelling>>;
