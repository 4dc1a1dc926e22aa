/** The gradient of a loop: a loop in the opposite direction, over what the iterations have saved. */

import { sameShape } from "../core/shape.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { reachable } from "../ir/rewrite.ts";
import type { Graph, Input, Node, OpTable, Output, TensorType, Value } from "../ir/types.ts";
import { add, full, reshape } from "./algebra.ts";
import { attrsOf, type Loop } from "./loop.ts";
import { dependents, pullBack } from "./reverse.ts";
import { StackedSums } from "./stacked-sums.ts";

/** The body with the gradients of its inputs. */
interface Differentiated {
  /** The body's own nodes and those of the gradients. */
  readonly graph: Graph;
  /** By output of the body, the incoming cotangent; `undefined` for those that have none. */
  readonly cotangents: readonly (Input | undefined)[];
  /** By input of the body, the outgoing cotangent; `undefined` if none flows. */
  readonly gradients: readonly (Value | undefined)[];
}

/** Differentiates a loop's body, with cotangents of the outputs that `isGiven` names. */
function differentiated(table: OpTable, body: Graph, isGiven: (output: number) => boolean): Differentiated {
  const b = GraphBuilder.from(body, table);
  const cotangents = body.outputs.map(({ value: { type } }, k) =>
    type.dtype === "float32" && isGiven(k) ? declared(b, body, `cotangent${k}`, type) : undefined,
  );
  const seeds = body.outputs.flatMap(({ value }, k): [Value, Value][] => {
    const cotangent = cotangents[k];
    return cotangent === undefined ? [] : [[value, cotangent]];
  });
  const floats = body.inputs.filter(({ type }) => type.dtype === "float32");
  const found = pullBack(b, body, seeds, dependents(body.nodes, floats));
  return {
    graph: b.build(body.name, []),
    cotangents,
    gradients: body.inputs.map((input) => found.get(input)),
  };
}

/** Declares an input whose name no input of `body` has. */
function declared(b: GraphBuilder, body: Graph, wish: string, type: TensorType): Input {
  let name = wish;
  while (body.inputs.some((input) => input.name === name)) name += "_";
  return b.input("input", name, type);
}

/**
 * The values of a body that gradients read: its inputs, and results that they do not recompute. Views, and values that
 * `table` finds cheap, are recomputed from their operands.
 */
function readOf(table: OpTable, body: Graph, gradients: readonly (Value | undefined)[]): ReadonlySet<Value> {
  const own = new Set<Value>(body.nodes);
  const inputs = new Set<Value>(body.inputs);
  const varying = dependents(body.nodes, body.inputs);
  const read = new Set<Value>();
  const seen = new Set<Value>();
  const open = gradients.filter((gradient) => gradient !== undefined);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const isSaved =
      own.has(value) && varying.has(value) && value.kind === "node" && !table.isRepeated(value, body);
    if (inputs.has(value) || isSaved) read.add(value);
    else if (value.kind === "node") open.push(...value.inputs);
  }
  return read;
}

/** The loop with further results: everything that its gradient reads from its iterations. */
export function savingLoop(table: OpTable, loop: Loop): Loop {
  const { gradients } = differentiated(table, loop.body, () => true);
  return withSaved(loop, readOf(table, loop.body, gradients));
}

/** The loop with a stacked result for each of `values` that has none and is neither a stacked nor a shared input. */
function withSaved(loop: Loop, values: ReadonlySet<Value>): Loop {
  const { body, carried } = loop;
  const given = new Set<Value>(body.outputs.slice(carried).map(({ value }) => value));
  const changing = new Set<Value>(body.inputs.slice(0, carried));
  const saved = [...values].filter((v) => !given.has(v) && (v.kind === "node" || changing.has(v)));
  if (saved.length === 0) return loop;
  const taken = new Set(body.outputs.map(({ name }) => name));
  const outputs = saved.map((value, k): Output => {
    let name = `saved${k}`;
    while (taken.has(name)) name += "_";
    return { name, value };
  });
  return { ...loop, body: { ...body, outputs: [...body.outputs, ...outputs] } };
}

/** The cotangents of a loop's inputs, by a loop over its iterations from the last to the first. */
export function cotangentsOf(
  b: GraphBuilder,
  given: readonly (Value | undefined)[],
  inputs: readonly Value[],
  output: Node,
  loop: Loop,
): readonly (Value | undefined)[] {
  const { table } = b;
  const { body, carried, stacked, iterations } = loop;
  const isCarried = (k: number): boolean => k < carried;
  const isStacked = (k: number): boolean => k >= carried && k < carried + stacked;
  const { graph, cotangents, gradients } = differentiated(
    table,
    body,
    (k) => isCarried(k) || given[k] !== undefined,
  );
  const flows = body.inputs.map((_, k) =>
    isCarried(k) ? cotangents[k] !== undefined : gradients[k] !== undefined,
  );
  const values = (wanted: (k: number) => boolean): number[] =>
    body.inputs.flatMap((_, k) => (flows[k] && wanted(k) ? [k] : []));
  const carries = values(isCarried);
  const shares = values((k) => !isCarried(k) && !isStacked(k));
  const elements = values(isStacked);

  const read = readOf(table, body, gradients);
  const sharedInputs = new Set<Value>(body.inputs.slice(carried + stacked));
  const changing = graph.inputs.filter((input) => !sharedInputs.has(input));
  const sums = new StackedSums(table, iterations, dependents(graph.nodes, changing));
  const isGiven = (k: number): boolean => cotangents[k] !== undefined && !isCarried(k);
  sums.add(cotangents.filter((_, k) => isGiven(k)).flatMap((cotangent) => cotangent ?? []));
  sums.add([...read].filter((value) => !sharedInputs.has(value)));
  sums.add(elements.flatMap((k) => gradients[k] ?? []));
  const known = new Set(sums.needed);
  const totals = sums.totalsOf(shares.map((k) => gradients[k]!));
  const carriedSums = shares.filter((_, n) => totals[n] === undefined);
  const stackedAnew = [...sums.needed].filter((value) => !known.has(value));

  const r = new GraphBuilder(table);
  const replaced = new Map<Value, Value>();
  const stand = (value: Value, name: string, type: TensorType): void => {
    replaced.set(value, r.input("input", name, type));
  };
  const initial: Value[] = [];
  for (const k of carries) {
    const cotangent = cotangents[k]!;
    stand(cotangent, cotangent.name, cotangent.type);
    initial.push(given[k] ?? full(b, cotangent.type.shape, 0));
  }
  const sumInputs = carriedSums.map((k) => {
    const { name, type } = body.inputs[k];
    initial.push(full(b, type.shape, 0));
    return declared(r, body, `sum.${name}`, type);
  });
  /** The stacked inputs, by the value of the body. */
  const stacks = new Map<Value, Value>();
  cotangents.forEach((cotangent, k) => {
    if (cotangent === undefined || isCarried(k)) return;
    stand(cotangent, cotangent.name, cotangent.type);
    stacks.set(cotangent, given[k]!);
  });
  const saving = withSaved(loop, read);
  const results = b.results(saving === loop ? output : b.node("scan", inputs, attrsOf(saving)));
  const shared: Value[] = [];
  for (const value of read) {
    const k = body.inputs.indexOf(value as Input);
    if (k >= carried + stacked) continue;
    const place = saving.body.outputs.findIndex((o, n) => n >= carried && o.value === value);
    stand(value, `saved${stacks.size}`, value.type);
    stacks.set(value, k >= carried ? inputs[k] : results[place]);
  }
  for (const value of read) {
    const k = body.inputs.indexOf(value as Input);
    if (k < carried + stacked) continue;
    stand(value, `shared${shared.length}`, value.type);
    shared.push(inputs[k]);
  }
  // The operands of a saved value are not recomputed.
  const wanted = reachable(
    [...[...carries, ...carriedSums, ...elements].flatMap((k) => gradients[k] ?? []), ...stackedAnew],
    replaced,
  );
  for (const node of graph.nodes) {
    if (replaced.has(node) || !wanted.has(node)) continue;
    const own = node.inputs.map((value) => replaced.get(value)!);
    const origins = graph.origins.get(node) ?? [];
    replaced.set(
      node,
      r.at(origins, () => r.node(node.op, own, node.attrs)),
    );
  }
  const gradient = (k: number): Value => {
    const value = gradients[k];
    return value === undefined ? full(r, body.inputs[k].type.shape, 0) : replaced.get(value)!;
  };
  const outputs = [
    ...carries.map((k): Output => ({ name: `carried${k}`, value: gradient(k) })),
    ...carriedSums.map((k, n): Output => ({ name: `sum${k}`, value: add(r, sumInputs[n], gradient(k)) })),
    ...elements.map((k): Output => ({ name: `element${k}`, value: gradient(k) })),
    ...stackedAnew.map((value, n): Output => ({ name: `stack${n}`, value: replaced.get(value)! })),
  ];
  const backward = (): readonly Value[] =>
    b.results(
      b.node(
        "scan",
        [...initial, ...stacks.values(), ...shared],
        attrsOf({
          body: r.build(`${body.name}_backward`, outputs),
          carried: initial.length,
          stacked: stacks.size,
          iterations,
          descending: !loop.descending,
        }),
      ),
    );
  const found = outputs.length === 0 ? [] : backward();
  const order = [...carries, ...carriedSums, ...elements];
  elements.forEach((k) => {
    if (gradients[k] !== undefined) stacks.set(gradients[k], found[order.indexOf(k)]);
  });
  stackedAnew.forEach((value, n) => {
    stacks.set(value, found[order.length + n]);
  });
  const stackOf = (value: Value): Value => {
    const [, stack] = [...stacks].find(([of]) => sums.isLike(of, value))!;
    const shape = [iterations, ...value.type.shape];
    return sameShape(stack.type.shape, shape) ? stack : reshape(b, stack, shape);
  };
  const summed = new Map(
    shares.map((k, n) => {
      const origins = graph.origins.get(gradients[k]!) ?? [];
      return [k, totals[n] && b.at(origins, () => totals[n]!(b, stackOf))];
    }),
  );
  return inputs.map((_, k) => summed.get(k) ?? found[order.indexOf(k)]);
}
