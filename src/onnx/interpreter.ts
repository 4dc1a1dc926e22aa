/**
 * Runs the graph of a model through Kiln's tensor functions, node by node, while it is traced: the recorded operations
 * are the model's program. Known values are computed here, so that shapes are numbers.
 */

import { InternalError, KilnError } from "../core/errors.ts";
import { insideModule } from "../tensor/context.ts";
import { Tensor } from "../tensor/tensor.ts";
import { atPlace, type Place } from "../trace/origins.ts";
import type { Attribute } from "./attributes.ts";
import { Call, type Surroundings } from "./call.ts";
import { dtypeOf } from "./element-types.ts";
import type { Node, OnnxFunction, OnnxGraph } from "./graph.ts";
import { type Operator, type Result, resultList } from "./operator.ts";
import { findOperator } from "./operators/registry.ts";
import type { ElementType } from "./port.ts";
import { UnsupportedError } from "./unsupported.ts";
import { Value } from "./value.ts";
import { runExactly } from "./whole-numbers.ts";
import { wrapped, wrappedConstant } from "./words.ts";

/** Values by their names in a graph, and those of the enclosing graphs. */
class Scope {
  private readonly values = new Map<string, Value>();
  private readonly outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.outer = outer;
  }

  get(name: string): Value | undefined {
    return this.values.get(name) ?? this.outer?.get(name);
  }

  set(name: string, value: Value): void {
    this.values.set(name, value);
  }
}

/** Everything that stays the same while a model's graph is run. */
export interface Model {
  /** Its name in messages and origins. */
  readonly file: string;
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
  readonly opsets: ReadonlyMap<string, number>;
  readonly trainsBatchNorm: boolean;
  /** The module that a node of that name belongs to. */
  readonly moduleOf: (node: Node) => object;
}

/** One run: the model's part and this run's own. */
interface Run {
  readonly model: Model;
  readonly training: boolean;
}

/** Runs the graph of a model with its `initializers` and `inputs` by name; returns its outputs in order. */
export function runModel(
  model: Model,
  training: boolean,
  given: ReadonlyMap<string, Value>,
): readonly Value[] {
  const scope = new Scope();
  for (const [name, value] of given) scope.set(name, value);
  return runNodes({ model, training }, model.graph, scope, new Map());
}

/** Runs the nodes of a graph in a scope that has its inputs. */
function runNodes(
  run: Run,
  { nodes, outputs }: Pick<OnnxGraph, "nodes"> & { readonly outputs: readonly { readonly name: string }[] },
  scope: Scope,
  passed: ReadonlyMap<string, Attribute>,
): readonly Value[] {
  for (const node of nodes) runNode(run, node, scope, passed);
  return outputs.map(({ name }) => computed(scope, name));
}

/** The value of that name, which comes before its reader; operators need not compute all of their outputs. */
function computed(scope: Scope, name: string): Value {
  const value = scope.get(name);
  if (value === undefined) throw new UnsupportedError(`Kiln does not compute ${name}, which is read`);
  return value;
}

function runNode(run: Run, node: Node, scope: Scope, passed: ReadonlyMap<string, Attribute>): void {
  const { model } = run;
  const results = insideModule(model.moduleOf(node), () =>
    atPlace(placeOf(model, node), () => {
      try {
        return resultsOf(run, node, scope, passed);
      } catch (error) {
        throw error instanceof KilnError ? inNode(node, error) : error;
      }
    }),
  );
  for (const [k, name] of node.outputs.entries()) {
    const value = results[k];
    if (name !== "" && value !== undefined) scope.set(name, value.named(name));
  }
}

/** Errors that already name their node. */
const NAMED = new WeakSet<KilnError>();

/** The error with the name of the node that cannot run. */
function inNode({ name, op }: Node, error: KilnError): KilnError {
  if (NAMED.has(error)) return error;
  const message = `the node ${name} (${op}): ${error.message}`;
  const Own = error.constructor as new (message: string) => KilnError;
  const named = new Own(message);
  NAMED.add(named);
  return named;
}

/** The node's place in the file, as dumps show it: `model.onnx:14` is the fourteenth. */
const placeOf = ({ file }: Model, node: Node): Place => ({
  file,
  line: node.number,
  exact: exactPlaceOf(file, node),
});

/** A node as a key. */
export const exactPlaceOf = (file: string, node: Node): string => `${file}:${node.number}:1`;

function resultsOf(
  run: Run,
  node: Node,
  scope: Scope,
  passed: ReadonlyMap<string, Attribute>,
): readonly (Value | undefined)[] {
  const { model, training } = run;
  const inputs = node.inputs.map((name) => (name === "" ? undefined : computed(scope, name)));
  const attributes = resolved(node.attributes, passed);
  const called = model.functions.find(({ name, domain }) => name === node.op && domain === node.domain);
  if (called !== undefined) return runFunction(run, called, inputs, attributes);
  const operator = findOperator(node.domain, node.op);
  if (operator === undefined) throw new InternalError("operators are looked for before a model runs");
  const around: Surroundings = {
    opset: model.opsets.get(node.domain) ?? 1,
    training,
    trainsBatchNorm: model.trainsBatchNorm,
    runGraph: (graph, values) => {
      const inner = new Scope(scope);
      for (const [name, initializer] of graph.initializers) inner.set(name, Value.known(initializer, name));
      for (const [k, { name }] of graph.inputs.entries()) inner.set(name, values[k].named(name));
      return runNodes(run, graph, inner, passed);
    },
  };
  const call = new Call(node, inputs, attributes, around);
  const results = foldedOrRun(operator, call);
  return results.map((result, k) => result && valueFrom(result, operator, call, node.outputs[k] ?? ""));
}

/** How many numbers are computed here at most: larger arrays are data, and left to the program. */
const MOST_FOLDED = 2 ** 16;

function foldedOrRun(operator: Operator, call: Call): readonly (Result | undefined)[] {
  const areKnown = call.inputs.every(
    (input) => input === undefined || (input.known !== undefined && input.known.data.length <= MOST_FOLDED),
  );
  const folded = areKnown ? operator.fold?.(call) : undefined;
  return folded === undefined ? runExactly(operator, call) : resultList(folded);
}

function valueFrom(result: Result, operator: Operator, call: Call, name: string): Value {
  if (result instanceof Value) return result;
  if (!(result instanceof Tensor))
    return Value.known(operator.wraps ? wrappedConstant(result) : result, name);
  const type =
    call.inputs.find((input) => input && dtypeOf(input.type) === result.dtype)?.type ?? defaultType(result);
  return Value.of(type, operator.wraps ? wrapped(type, result) : result, name);
}

const defaultType = ({ dtype }: Tensor): ElementType =>
  dtype === "float32" ? "float" : dtype === "bool" ? "bool" : "int64";

/** The attributes of a node in a function, some of which come from the calling node. */
function resolved(
  attributes: ReadonlyMap<string, Attribute>,
  passed: ReadonlyMap<string, Attribute>,
): ReadonlyMap<string, Attribute> {
  return new Map(
    [...attributes].flatMap(([name, attribute]) => {
      const found = attribute.kind === "reference" ? passed.get(attribute.value) : attribute;
      return found === undefined ? [] : [[name, found] as const];
    }),
  );
}

function runFunction(
  run: Run,
  called: OnnxFunction,
  inputs: readonly (Value | undefined)[],
  attributes: ReadonlyMap<string, Attribute>,
): readonly Value[] {
  const scope = new Scope();
  for (const [k, name] of called.inputs.entries()) {
    const value = inputs[k];
    if (value !== undefined) scope.set(name, value.named(name));
  }
  const passed = new Map([...called.defaults, ...attributes]);
  return runNodes(
    run,
    { nodes: called.nodes, outputs: called.outputs.map((name) => ({ name })) },
    scope,
    passed,
  );
}
