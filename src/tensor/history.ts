/** What tensors remember of the operations that made them, as a graph that can be differentiated. */

import { bottomUp, topologicalOrder } from "../core/topological.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Graph, Value } from "../ir/types.ts";
import { opTable } from "../ops/registry.ts";
import type { Recorder } from "./context.ts";
import { AccumulateGrad, type GradFn, type Operand, OperationGradFn } from "./grad-fn.ts";
import type { Known } from "./replay.ts";

/** A tensor as seen by the backward pass: its value, and what made it. */
export interface Point {
  readonly operand: Operand;
  readonly edge: GradFn;
}

/** A graph of recorded operations, and the tensors of its values. */
export interface History {
  /** Its outputs are the roots, then the values of the wanted functions, one after another. */
  readonly graph: Graph;
  readonly known: ReadonlyMap<Value, Known>;
  /** The gradients that arrive at the roots, if given. */
  readonly seeds: readonly (Value | undefined)[];
  /** By wanted function, the number of its outputs: a leaf that was changed in place has several. */
  readonly counts: readonly number[];
  /** The functions that gradients pass on the way. */
  readonly operations: readonly OperationGradFn[];
}

const NONE: ReadonlySet<GradFn> = new Set();

const edgesOf = (fn: GradFn): readonly GradFn[] =>
  fn instanceof OperationGradFn ? fn.edges.filter((edge) => edge !== undefined) : [];

/** The functions with hooks on the ways from `roots` back to `wanted`, those that gradients meet first in front. */
export const hookedBehind = (roots: readonly GradFn[], wanted: ReadonlySet<GradFn>): readonly GradFn[] =>
  [...onTheWay(roots, wanted, NONE)].filter(({ hooks }) => hooks.length > 0).reverse();

/** All leaves that `roots` depend on, in order. */
export const leavesBehind = (roots: readonly GradFn[]): readonly AccumulateGrad[] =>
  topologicalOrder(roots, edgesOf).filter((fn) => fn instanceof AccumulateGrad);

/** The functions on the ways from `roots` back to `wanted`, in order. */
function onTheWay(
  roots: readonly GradFn[],
  wanted: ReadonlySet<GradFn>,
  ends: ReadonlySet<GradFn>,
): ReadonlySet<GradFn> {
  const needed = new Set<GradFn>();
  const next = (fn: GradFn): readonly GradFn[] => (ends.has(fn) ? [] : edgesOf(fn));
  for (const fn of topologicalOrder(roots, next))
    if (wanted.has(fn) || next(fn).some((edge) => needed.has(edge))) needed.add(fn);
  return needed;
}

/**
 * The graph of everything between `wanted` and `roots`, at which `cotangents` arrive. With `createGraph` its values
 * have edges, for gradients of the gradients; `recorder` records them in a trace. The walk stops at `ends`.
 */
export function historyOf(
  roots: readonly Point[],
  cotangents: readonly (Known | undefined)[],
  wanted: readonly GradFn[],
  createGraph: boolean,
  recorder: Recorder | undefined,
  ends: ReadonlySet<GradFn> = NONE,
): History {
  const builder = new GraphBuilder(opTable);
  const known = new Map<Value, Known>();
  const isWanted = new Set(wanted);
  const needed = onTheWay(
    roots.map(({ edge }) => edge),
    isWanted,
    ends,
  );
  const knows = (value: Value, operand: Operand, edge: GradFn | undefined): Value => {
    known.set(value, createGraph ? { operand, edge } : { operand });
    return value;
  };
  const fresh = (operand: Operand, edge: GradFn | undefined): Value =>
    knows(builder.input("input", `input${known.size}`, operand.type), operand, edge);
  /** Equal numbers of different origin come apart: each has its own gradient. */
  const sources = new Map<GradFn | undefined, Map<Operand, Value>>();
  const source = (operand: Operand, edge: GradFn | undefined): Value => {
    const known = sources.get(edge) ?? new Map<Operand, Value>();
    sources.set(edge, known);
    const value = known.get(operand) ?? fresh(operand, edge);
    known.set(operand, value);
    return value;
  };
  const results = new Map<GradFn, Value>();
  /** What `fn` gave; numbers that it was changed to in place, its history being kept, stand in for its own. */
  const result = (fn: OperationGradFn, operand: Operand): Value => {
    const value = results.get(fn)!;
    if (fn.saved.output === operand) return value;
    return knows(builder.node("with_history", [source(operand, undefined), value]), operand, fn);
  };
  const of = (operand: Operand, edge: GradFn | undefined): Value => {
    if (edge === undefined || !needed.has(edge)) return rule(operand, edge);
    const isWithin = edge instanceof OperationGradFn && !ends.has(edge);
    return isWithin ? result(edge, operand) : source(operand, edge);
  };
  const operations = [...needed].filter(
    (fn) => fn instanceof OperationGradFn && !ends.has(fn),
  ) as OperationGradFn[];
  const rules = rulesIn(operations);
  /** A user's rule must be visible down to its `cotangent`; anything else it uses is an input like any other. */
  const ruled = bottomUp<Operand, Value>(
    (operand) => (rules.has(operand) ? (operationOf(operand)?.inputs ?? []) : []),
    (operand, inner) => {
      const operation = operationOf(operand);
      if (operation === undefined || !rules.has(operand)) return source(operand, undefined);
      return knows(
        builder.node(operation.op, operation.inputs.map(inner), operation.attrs),
        operand,
        undefined,
      );
    },
  );
  const rule = (operand: Operand, edge: GradFn | undefined): Value =>
    rules.has(operand) ? ruled(operand) : source(operand, edge);
  for (const fn of operations) {
    const { op, attrs, inputs, output } = fn.saved;
    const operands = inputs.map((operand, k) => of(operand, fn.edges[k]));
    const origins = output.kind === "version" ? [] : (recorder?.builder.originsOf(output) ?? []);
    const node = builder.at(origins, () => builder.node(op, operands, attrs));
    // Two operations that compute the same are two places for gradients to arrive at.
    const isApart = known.has(node) || isWanted.has(fn);
    const value = isApart ? builder.node("with_history", [fresh(output, undefined), node]) : node;
    results.set(fn, knows(value, output, fn));
    if (isApart && !known.has(node)) knows(node, output, fn);
  }
  const seeds = cotangents.map((given) => given && fresh(given.operand, given.edge));
  const outputs = roots.map(({ operand, edge }) => of(operand, edge));
  const standing = wanted.map((fn) => {
    const value = results.get(fn);
    return value === undefined ? [...(sources.get(fn)?.values() ?? [])] : [value];
  });
  const values = [...outputs, ...standing.flat()];
  return {
    graph: builder.build(
      "history",
      values.map((value, k) => ({ name: `value${k}`, value })),
    ),
    known,
    seeds,
    counts: standing.map(({ length }) => length),
    operations,
  };
}

interface Performed {
  readonly op: string;
  readonly inputs: readonly Operand[];
  readonly attrs: Attrs;
}

/** How a tensor's value was made, as long as that is known. */
function operationOf(operand: Operand): Performed | undefined {
  if (operand.kind === "version") return operand.operation;
  return operand.kind === "node" ? operand : undefined;
}

/** Everything in users' rules that depends on the gradient that will arrive. */
function rulesIn(operations: readonly OperationGradFn[]): ReadonlySet<Operand> {
  const custom = operations.flatMap(({ saved }) => (saved.op === "custom_gradient" ? saved.inputs : []));
  const rules = new Set<Operand>();
  for (const operand of topologicalOrder(custom, (item) => operationOf(item)?.inputs ?? [])) {
    const operation = operationOf(operand);
    if (operation?.op === "cotangent" || operation?.inputs.some((input) => rules.has(input)))
      rules.add(operand);
  }
  return rules;
}
