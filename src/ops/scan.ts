/**
 * The loop of graphs: a body that runs repeatedly, with values that each iteration passes to the next. Its gradient
 * is a loop in the opposite direction, over what the iterations have saved.
 */

import { InternalError, invariant, KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { printResults, printType } from "../ir/print.ts";
import { reachable } from "../ir/rewrite.ts";
import type { Graph, Input, Node, NodeType, TensorType, Value } from "../ir/types.ts";
import { sameType } from "../ir/verify.ts";
import { BOOLEAN, COUNT } from "./declaration.ts";
import { f32, type Narrowed, type OpDef } from "./definition.ts";
import { attrsOf, type Loop, loopOf } from "./loop.ts";
import type { NdArray } from "./ndarray.ts";
import { cotangentsOf, savingLoop } from "./scan-gradient.ts";

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
    "Runs a body `iterations` times: body(carried…, elements…, shared…) returns the next carried values and one " +
    "element of each stacked result. The inputs are the initial carried values, then tensors whose first axis the " +
    "iterations run along (from its end if `descending`), then the shared tensors. The results are the final carried " +
    "values, then those elements, stacked along a new first axis (jax.lax.scan).",
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

/** The results' types; throws if body and inputs do not fit. */
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

/** What remains of a loop if only some results are `used`: it carries what these need. */
function narrowed(inputs: readonly unknown[], loop: Loop, used: ReadonlySet<number>): Narrowed {
  const { body, carried, stacked } = loop;
  const kept = new Set(used);
  const valuesOf = (): Value[] => body.outputs.flatMap(({ value }, k) => (kept.has(k) ? [value] : []));
  let needed = reachable(valuesOf());
  for (let before = -1; before !== kept.size; needed = reachable(valuesOf())) {
    before = kept.size;
    for (let k = 0; k < carried; k++) if (needed.has(body.inputs[k])) kept.add(k);
  }
  // What is carried goes in and comes out, even if the body itself does not use it.
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
