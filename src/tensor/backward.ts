/**
 * `loss.backward()`: what was remembered of the operations becomes a graph, the pass that also differentiates compiled
 * models derives its gradients, and what that adds waits to be computed like any other operation.
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import { bottomUp, topologicalOrder } from "../core/topological.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { Graph, Value } from "../ir/types.ts";
import { opTable } from "../ops/registry.ts";
import { boundGradients } from "./backlog.ts";
import { type Backward, currentRecorder } from "./context.ts";
import { AccumulateGrad, type GradFn, OperationGradFn } from "./grad-fn.ts";
import { noGrad } from "./grad-mode.ts";
import { rememberKept } from "./pending.ts";
import { replayer } from "./replay.ts";
import { Tensor } from "./tensor.ts";
import { Version } from "./version.ts";

/** Derives the gradients of a graph's only output, one number, for the named states: outputs `grad.NAME`. */
export type Differentiate = (graph: Graph, states: readonly string[]) => Graph;

/** A graph of remembered operations and what its values stand for. */
interface History {
  readonly graph: Graph;
  readonly versions: ReadonlyMap<Value, Version>;
  /** The leaves behind the graph's states, by name; one that was changed in place has several. */
  readonly leaves: ReadonlyMap<string, Tensor>;
}

/** The function behind `Tensor.backward`. */
export const backwardWith =
  (differentiate: Differentiate): Backward =>
  (root, cotangent, retainGraph) => {
    const arriving = checkedCotangent(root, cotangent);
    if (root.gradFn === null) {
      accumulate(root, arriving);
      return;
    }
    const order = topologicalOrder<GradFn>([root.gradFn], edgesOf);
    const operations = order.filter((fn) => fn instanceof OperationGradFn);
    const { graph, versions, leaves } = historyOf(root, arriving, operations);
    const derived = differentiate(graph, [...leaves.keys()]);
    const replay = replayer(versions);
    const gradients = new Map(derived.outputs.map(({ name, value }) => [name, value]));
    for (const [name, leaf] of leaves) {
      const value = gradients.get(`grad.${name}`);
      if (value !== undefined) accumulate(leaf, new Tensor(leaf.shape, leaf.dtype, replay(value)));
    }
    if (root.numel() === 1) rememberKept(root.version);
    boundGradients(
      [...new Set(leaves.values())].flatMap(({ grad }) => (grad === null ? [] : [grad.version])),
    );
    if (!retainGraph) for (const operation of operations) operation.free();
  };

function checkedCotangent(root: Tensor, cotangent: Tensor | undefined): Tensor {
  if (currentRecorder() !== undefined) {
    throw new KilnError("backward() is called inside forward: compileTraining derives the gradients itself");
  }
  if (!root.requiresGrad) {
    throw new KilnError(
      "backward() is called on a tensor that no gradient is remembered for: it was computed from tensors without " +
        "requiresGrad, or inside noGrad",
    );
  }
  if (cotangent === undefined) {
    if (root.numel() === 1)
      return noGrad(() => new Tensor([], "float32", constant(1)).expand([...root.shape]));
    throw new KilnError(
      `backward() of a tensor of shape ${formatShape(root.shape)} needs the gradient that arrives at it, a tensor of ` +
        "the same shape; without one it is called on a single number, such as a loss",
    );
  }
  if (!sameShape(cotangent.shape, root.shape) || cotangent.dtype !== root.dtype) {
    throw new KilnError(
      `backward() is given a gradient ${cotangent.dtype}${formatShape(cotangent.shape)} for a tensor ` +
        `${root.dtype}${formatShape(root.shape)}: both must be of one type`,
    );
  }
  return cotangent;
}

const constant = (value: number): Version =>
  Version.from(
    { dtype: "float32", shape: [] },
    { op: "constant", inputs: [], attrs: { value, dtype: "float32" } },
  );

const edgesOf = (fn: GradFn): readonly GradFn[] =>
  fn instanceof OperationGradFn ? fn.edges.filter((edge) => edge !== undefined) : [];

/** The graph of `operations`, which are in order, with `Σ root·arriving` as the number to differentiate. */
function historyOf(root: Tensor, arriving: Tensor, operations: readonly OperationGradFn[]): History {
  const builder = new GraphBuilder(opTable);
  const values = new Map<Version, Value>();
  const versions = new Map<Value, Version>();
  const results = new Map<GradFn, Value>();
  const leaves = new Map<string, Tensor>();
  const input = (version: Version): Value => {
    const known = values.get(version);
    if (known !== undefined) return known;
    const value = builder.input("input", `input${values.size}`, version.type);
    values.set(version, value);
    versions.set(value, version);
    return value;
  };
  /** A leaf that was changed in place comes once for each version, two leaves of the same numbers come apart. */
  const leafValues = new Map<Tensor, Map<Version, Value>>();
  const leaf = (variable: Tensor, version: Version): Value => {
    const known = leafValues.get(variable) ?? new Map<Version, Value>();
    leafValues.set(variable, known);
    const value = known.get(version) ?? builder.input("state", `leaf${leaves.size}`, version.type);
    if (!known.has(version)) leaves.set(`leaf${leaves.size}`, variable);
    known.set(version, value);
    versions.set(value, version);
    return value;
  };
  /** What `fn` gave; numbers that it was changed to in place, its history being kept, stand in for its own. */
  const result = (fn: GradFn, version: Version): Value => {
    const value = results.get(fn)!;
    if (!(fn instanceof OperationGradFn) || fn.saved.output === version) return value;
    const changed = builder.node("with_history", [input(version), value]);
    versions.set(changed, version);
    return changed;
  };
  const rules = rulesIn(operations);
  /** A user's rule must be seen down to its `cotangent`; what it uses beside that is an input like any other. */
  const rule = bottomUp<Version, Value>(
    (version) => (rules.has(version) ? (version.operation?.inputs ?? []) : []),
    (version, of) => {
      const { operation } = version;
      if (operation === undefined || !rules.has(version)) return input(version);
      const node = builder.node(operation.op, operation.inputs.map(of), operation.attrs);
      versions.set(node, version);
      return node;
    },
  );
  for (const fn of operations) {
    const { op, attrs, inputs, output } = fn.saved;
    const operands = inputs.map((version, k) => {
      const edge = fn.edges[k];
      if (edge instanceof AccumulateGrad) return leaf(edge.variable, version);
      return edge === undefined ? rule(version) : result(edge, version);
    });
    const node = builder.node(op, operands, attrs);
    results.set(fn, node);
    if (!versions.has(node)) versions.set(node, output);
  }
  const weighted = builder.node("mul", [results.get(root.gradFn!)!, input(arriving.version)]);
  const loss = builder.node("sum", [weighted], { axes: root.shape.map((_, axis) => axis), keepdim: false });
  return { graph: builder.build("history", [{ name: "loss", value: loss }]), versions, leaves };
}

/** Everything in users' rules that depends on the gradient that will arrive. */
function rulesIn(operations: readonly OperationGradFn[]): ReadonlySet<Version> {
  const custom = operations.flatMap(({ saved }) => (saved.op === "custom_gradient" ? saved.inputs : []));
  const rules = new Set<Version>();
  for (const version of topologicalOrder(custom, ({ operation }) => operation?.inputs ?? [])) {
    const { operation } = version;
    if (operation?.op === "cotangent" || operation?.inputs.some((input) => rules.has(input)))
      rules.add(version);
  }
  return rules;
}

/** Adds what arrives to the leaf's `grad`. */
function accumulate(leaf: Tensor, arriving: Tensor): void {
  noGrad(() => {
    // The gradient's memory is its own: what the user does to it in place reaches no other tensor.
    leaf.grad =
      leaf.grad === null
        ? new Tensor(leaf.shape, leaf.dtype, arriving.version.shared())
        : leaf.grad.add(arriving);
    leaf.grad.version.isSaved = true;
  });
}
