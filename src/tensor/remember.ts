/** What operations in a trace remember of themselves, as those outside do: so that `forward` can ask for gradients. */

import { isFloat } from "../core/dtype.ts";
import { resultsOf } from "../ir/body.ts";
import type { Attrs, NodeType } from "../ir/types.ts";
import type { Recorder } from "./context.ts";
import { type GradFn, OperationGradFn } from "./grad-fn.ts";
import type { Tensor } from "./tensor.ts";

/** Whether a gradient may arrive at one of an operation's results. */
export const hasFloat = (type: NodeType): boolean => resultsOf(type).some(({ dtype }) => isFloat(dtype));

/** Where gradients for a tensor go inside of what `recorder` records: what comes from outside is a leaf there. */
export function edgeIn(recorder: Recorder | undefined, tensor: Tensor): GradFn | undefined {
  if (recorder === undefined || tensor.recorder === recorder) return tensor.gradEdge;
  return tensor.requiresGrad ? tensor.asLeaf : undefined;
}

/** Records an operation, which its result remembers if one of its inputs has an edge. */
export function rememberTraced(
  recorder: Recorder,
  op: string,
  inputs: readonly Tensor[],
  attrs: Attrs,
): Tensor {
  const result = recorder.record(op, inputs, attrs);
  const { behind } = result;
  const edges = inputs.map((input) => edgeIn(recorder, input));
  if (op === "detach" || behind.kind !== "traced" || edges.every((edge) => edge === undefined)) return result;
  const { value } = behind;
  if (value.kind !== "node" || !hasFloat(value.type)) return result;
  // The first result of several is its op itself.
  const isItself = value.op !== op;
  const made = { op, attrs, inputs: value.inputs, output: value };
  result.become(behind, isItself ? edges[0] : new OperationGradFn(made, edges));
  return result;
}
