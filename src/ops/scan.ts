/**
 * The loop of graphs: a body that runs again and again, with values that each iteration hands to the next. Its gradient
 * is a loop that runs the other way, over what the iterations have saved.
 */

import { InternalError, invariant, KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { GraphBuilder } from "../ir/builder.ts";
import { printResults, printType } from "../ir/print.ts";
import { reachable } from "../ir/rewrite.ts";
import type { Attrs, Graph, Input, Node, NodeType, OpTable, Output, TensorType, Value } from "../ir/types.ts";
import { sameType } from "../ir/verify.ts";
import { add, full } from "./algebra.ts";
import { BOOLEAN, COUNT } from "./declaration.ts";
import { f32, type Narrowed, number, type OpDef } from "./definition.ts";
import type { NdArray } from "./ndarray.ts";
import { dependents, pullBack } from "./reverse.ts";

/** What the attributes say of a loop. */
export interface Loop {
  readonly body: Graph;
  /** How many of the inputs and results are carried from one iteration to the next: the first ones of both. */
  readonly carried: number;
  /** How many inputs behind those are stacked along their first axis: each iteration gets one element of it. */
  readonly stacked: number;
  readonly iterations: number;
  /** Whether the last elements come first, of the results too. */
  readonly descending: boolean;
}

export const loopOf = (attrs: Attrs): Loop => ({
  body: attrs.body as Graph,
  carried: number(attrs, "carried"),
  stacked: number(attrs, "stacked"),
  iterations: number(attrs, "iterations"),
  descending: attrs.descending as boolean,
});

const attrsOf = ({ body, carried, stacked, iterations, descending }: Loop): Attrs => ({
  body,
  carried,
  descending,
  iterations,
  stacked,
});

const scan: OpDef = {
  name: "scan",
  arity: [0, Number.POSITIVE_INFINITY],
  attributes: {
    body: { kind: "graph" },
    carried: COUNT,
    descending: BOOLEAN,
    iterations: COUNT,
    stacked: COUNT,
  },
  doc:
    "Runs a body `iterations` times: body(carried…, elements…, shared…) gives the next carried values and one element of " +
    "each stacked result. The inputs are the first carried values, then tensors whose first axis the iterations go along " +
    "(from its end where `descending`), then what all of them share. The results are the last carried values, then those " +
    "elements, stacked along a new first axis (jax.lax.scan).",
  pattern: "loop",
  infer: (inputs, attrs) => typeOf(inputs, loopOf(attrs)),
  saving: (b, node) => b.node("scan", node.inputs, attrsOf(savingLoop(b.table, loopOf(node.attrs)))),
  bodyInputs(attrs) {
    const { body, carried } = loopOf(attrs);
    return body.inputs.map((_, k) => (k < carried ? undefined : k));
  },
  without: (inputs, attrs, used) => narrowed(inputs, loopOf(attrs), used),
  vjp: (b, cotangent, inputs, output, attrs, others = []) =>
    cotangentsOf(b, [cotangent, ...others], inputs, output as Node, loopOf(attrs)),
  backward: { name: "ScanBackward" },
  lower() {
    throw new InternalError("a loop becomes kernels of its body");
  },
  reference(inputs, output, attrs, runBody) {
    invariant(runBody !== undefined, "a loop's reference is given what evaluates its body");
    return run(inputs, output, loopOf(attrs), runBody);
  },
  samples: () => [
    { inputs: [f32(2), f32(3, 2), f32(2)], attrs: attrsOf(decay(3, false)) },
    { inputs: [f32(2), f32(4, 2), f32(2)], attrs: attrsOf(decay(4, true)) },
    { inputs: [f32(2), f32(0, 2), f32(2)], attrs: attrsOf(decay(0, false)) },
  ],
};

/** The results' types; an error where body and inputs do not fit. */
function typeOf(inputs: readonly NodeType[], { body, carried, stacked, iterations }: Loop): NodeType {
  const { inputs: own, outputs, updates } = body;
  const wrong = (why: string): never => {
    throw new KilnError(`scan: ${why}`);
  };
  if (updates.length > 0) wrong(`its body updates ${updates[0].target.name}, and a body has no states`);
  const named = own.find(({ role }) => role !== "input");
  if (named !== undefined) wrong(`${named.name} in its body is a ${named.role}, and must be an input`);
  if (carried + stacked > own.length)
    wrong(`its body has ${own.length} inputs, of which ${carried} are to be carried and ${stacked} stacked`);
  if (own.length !== inputs.length)
    wrong(`its body has ${own.length} inputs, and it is given ${inputs.length}`);
  own.forEach(({ name, type }, k) => {
    const isStacked = k >= carried && k < carried + stacked;
    const expected = isStacked ? { ...type, shape: [iterations, ...type.shape] } : type;
    if (!sameType(inputs[k], expected))
      wrong(
        `input ${k} is ${printResults(inputs[k])}, and for ${name} in its body it must be ${printType(expected)}`,
      );
  });
  if (outputs.length < Math.max(1, carried))
    wrong(`its body gives ${outputs.length} values, and must give ${Math.max(1, carried)} or more`);
  const results = outputs.map(({ name, value: { type } }, k): TensorType => {
    const { dtype, shape } = type;
    if (k >= carried) return { dtype, shape: [iterations, ...shape] };
    if (!sameType(type, own[k].type))
      wrong(`${name} is carried on as ${printType(type)}, and comes as ${printType(own[k].type)}`);
    return { dtype, shape };
  });
  const [first, ...others] = results;
  return others.length === 0 ? first : { ...first, others };
}

/** What is left of a loop of which only some results are `used`: it carries on what these need. */
function narrowed(inputs: readonly unknown[], loop: Loop, used: ReadonlySet<number>): Narrowed {
  const { body, carried, stacked } = loop;
  const kept = new Set(used);
  const valuesOf = (): Value[] => body.outputs.flatMap(({ value }, k) => (kept.has(k) ? [value] : []));
  let needed = reachable(valuesOf());
  for (let before = -1; before !== kept.size; needed = reachable(valuesOf())) {
    before = kept.size;
    for (let k = 0; k < carried; k++) if (needed.has(body.inputs[k])) kept.add(k);
  }
  // What is carried goes in and comes out, also where the body itself does not look at it.
  const isKept = (k: number): boolean => (k < carried ? kept.has(k) : needed.has(body.inputs[k]));
  const own = inputs.flatMap((_, k) => (isKept(k) ? [k] : []));
  const results = body.outputs.flatMap((_, k) => (kept.has(k) ? [k] : []));
  return {
    inputs: own,
    results,
    attrs: attrsOf({
      ...loop,
      carried: results.filter((k) => k < carried).length,
      stacked: own.filter((k) => k >= carried && k < carried + stacked).length,
      body: {
        ...body,
        inputs: own.map((k) => body.inputs[k]),
        nodes: body.nodes.filter((node) => needed.has(node)),
        outputs: results.map((k) => body.outputs[k]),
        origins: new Map([...body.origins].filter(([value]) => needed.has(value))),
      },
    }),
  };
}

/** The body with the gradients of its inputs. */
interface Differentiated {
  /** The body's own nodes and those of the gradients. */
  readonly graph: Graph;
  /** By output of the body, the cotangent that comes in; `undefined` of those that none comes to. */
  readonly cotangents: readonly (Input | undefined)[];
  /** By input of the body, the cotangent that goes out; `undefined` where none flows. */
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
 * What gradients read of a body's own values: its inputs, and results that they do not compute again. Views, and what
 * `table` finds cheap, follow from what they are made of.
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

/** The loop with further results: all that its gradient reads of its iterations. */
function savingLoop(table: OpTable, loop: Loop): Loop {
  const { gradients } = differentiated(table, loop.body, () => true);
  return withSaved(loop, readOf(table, loop.body, gradients));
}

/** The loop with a stacked result for each of `values` that has none and is no stacked or shared input. */
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
function cotangentsOf(
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
  const sums = values((k) => !isCarried(k) && !isStacked(k));
  const elements = values(isStacked);

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
  const sumInputs = sums.map((k) => {
    const { name, type } = body.inputs[k];
    initial.push(full(b, type.shape, 0));
    return declared(r, body, `sum.${name}`, type);
  });
  const stacks: Value[] = [];
  cotangents.forEach((cotangent, k) => {
    if (cotangent === undefined || isCarried(k)) return;
    stand(cotangent, cotangent.name, cotangent.type);
    stacks.push(given[k]!);
  });
  const read = readOf(table, body, gradients);
  const saving = withSaved(loop, read);
  const results = b.results(saving === loop ? output : b.node("scan", inputs, attrsOf(saving)));
  const shared: Value[] = [];
  for (const value of read) {
    const k = body.inputs.indexOf(value as Input);
    if (k >= carried + stacked) continue;
    const place = saving.body.outputs.findIndex((o, n) => n >= carried && o.value === value);
    stand(value, `saved${stacks.length}`, value.type);
    stacks.push(k >= carried ? inputs[k] : results[place]);
  }
  for (const value of read) {
    const k = body.inputs.indexOf(value as Input);
    if (k < carried + stacked) continue;
    stand(value, `shared${shared.length}`, value.type);
    shared.push(inputs[k]);
  }
  // What leads to a value that was saved is not computed again.
  const wanted = reachable(
    [...carries, ...sums, ...elements].flatMap((k) => gradients[k] ?? []),
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
    ...sums.map((k, n): Output => ({ name: `sum${k}`, value: add(r, sumInputs[n], gradient(k)) })),
    ...elements.map((k): Output => ({ name: `element${k}`, value: gradient(k) })),
  ];
  if (outputs.length === 0) return inputs.map(() => undefined);
  const backward = b.node(
    "scan",
    [...initial, ...stacks, ...shared],
    attrsOf({
      body: r.build(`${body.name}_backward`, outputs),
      carried: initial.length,
      stacked: stacks.length,
      iterations,
      descending: !loop.descending,
    }),
  );
  const found = b.results(backward);
  const order = [...carries, ...sums, ...elements];
  return inputs.map((_, k) => found[order.indexOf(k)]);
}

/** Evaluates a loop iteration by iteration. */
function run(
  inputs: readonly NdArray[],
  output: NodeType,
  { body, carried, stacked, iterations, descending }: Loop,
  runBody: (body: Graph, inputs: readonly NdArray[]) => readonly NdArray[],
): NdArray {
  let values = inputs.slice(0, carried);
  const results = [output, ...(output.others ?? [])].map(
    ({ shape }): NdArray => ({
      shape,
      data: new Float64Array(sizeOf(shape)),
    }),
  );
  for (let k = 0; k < iterations; k++) {
    const at = descending ? iterations - 1 - k : k;
    const elements = inputs
      .slice(carried, carried + stacked)
      .map(({ shape: [, ...shape], data }): NdArray => {
        const length = sizeOf(shape);
        return { shape, data: data.slice(at * length, (at + 1) * length) };
      });
    const given = runBody(body, [...values, ...elements, ...inputs.slice(carried + stacked)]);
    values = given.slice(0, carried);
    given.forEach(({ data }, n) => {
      if (n >= carried) results[n].data.set(data, at * data.length);
    });
  }
  const [first, ...others] = [...values, ...results.slice(carried)];
  return { ...first, others };
}

/** h ← h·w + x, and 2·x for each element: a body written out by hand, for samples. */
function decay(iterations: number, descending: boolean): Loop {
  const input = (name: string): Input => ({ kind: "input", role: "input", name, type: f32(2) });
  const node = (op: string, ...inputs: readonly Value[]): Node => ({
    kind: "node",
    op,
    inputs,
    attrs: {},
    type: f32(2),
  });
  const [h, x, w] = [input("h"), input("x"), input("w")];
  const product = node("mul", h, w);
  const next = node("add", product, x);
  const twice = node("mul", next, x);
  const body: Graph = {
    name: "decay",
    inputs: [h, x, w],
    nodes: [product, next, twice],
    outputs: [
      { name: "h", value: next },
      { name: "y", value: twice },
    ],
    updates: [],
    origins: new Map(),
  };
  return { body, carried: 1, stacked: 1, iterations, descending };
}

export const SCAN = { scan };
