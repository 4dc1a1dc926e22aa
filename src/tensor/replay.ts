/** Turns the nodes of a graph back into the values of tensors: how derived graphs become tensors. */

import { invariant } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import { topologicalOrder } from "../core/topological.ts";
import { RESULT } from "../ir/body.ts";
import type { Node, Value } from "../ir/types.ts";
import type { Recorder } from "./context.ts";
import { type GradFn, type Operand, OperationGradFn } from "./grad-fn.ts";
import { hasFloat } from "./remember.ts";
import { Version } from "./version.ts";

/** The meaning of a value of a graph, and where gradients for it go, if they are wanted. */
export interface Known {
  readonly operand: Operand;
  readonly edge?: GradFn | undefined;
}

/**
 * Maps values of a graph to lazy versions, or, with `by`, to values of the graph that is being traced. `known` maps the
 * graph's inputs, and any other values that exist already; results of anything that has an edge get one, too.
 * `originsOf` are the lines that nodes belong to.
 */
export function replayer(
  known: ReadonlyMap<Value, Known>,
  by?: Recorder,
  originsOf?: (value: Value) => readonly Origin[] | undefined,
): (value: Value) => Known {
  const all = new Map<Value, Known>();
  const find = (value: Value): Known | undefined => all.get(value) ?? known.get(value);
  const firsts = new Map<Operand, Known>();
  /** A version of all results of an op is read through its first one. */
  const first = (all: Known): Known => {
    const { operand } = all;
    if (operand.kind !== "version" || operand.type.others === undefined) return all;
    const { dtype, shape } = operand.type;
    const attrs = { index: 0 };
    const own =
      firsts.get(operand) ??
      remembered(
        { op: RESULT, attrs },
        [all],
        Version.from({ dtype, shape }, { op: RESULT, inputs: [operand], attrs }),
      );
    firsts.set(operand, own);
    return own;
  };
  const perform = (node: Node, inputs: readonly Known[]): Operand => {
    const { op, attrs, type } = node;
    const operands = inputs.map(({ operand }) => operand);
    if (by === undefined) return Version.from(type, { op, inputs: operands as Version[], attrs });
    return by.builder.at(originsOf?.(node) ?? [], () => by.builder.node(op, operands as Value[], attrs));
  };
  return (root) => {
    const missing = topologicalOrder([root], (value) =>
      value.kind === "node" && find(value) === undefined ? value.inputs : [],
    );
    for (const value of missing) {
      if (find(value) !== undefined) continue;
      invariant(value.kind !== "input", "it is said of each of the graph's inputs what it stands for");
      const inputs = value.inputs.map((input) => (value.op === RESULT ? find(input)! : first(find(input)!)));
      all.set(value, remembered(value, inputs, perform(value, inputs)));
    }
    return first(find(root)!);
  };
}

/** What an operation has made, with a memory of it where gradients are wanted for its inputs. */
function remembered(
  { op, attrs }: Pick<Node, "op" | "attrs">,
  inputs: readonly Known[],
  operand: Operand,
): Known {
  const edges = inputs.map(({ edge }) => edge);
  const isLearned = edges.some((edge) => edge !== undefined) && hasFloat(operand.type);
  if (!isLearned) return { operand };
  const saved = { op, attrs, inputs: inputs.map((input) => input.operand), output: operand };
  return { operand, edge: new OperationGradFn(saved, edges) };
}
