/** A model from an ONNX file as a module: its forward runs the file's graph, its parameters are the initializers. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { MEMBERS } from "../nn/brand.ts";
import { Buffer } from "../nn/buffer.ts";
import type { Named } from "../nn/members.ts";
import { Module } from "../nn/module.ts";
import { Parameter } from "../nn/parameter.ts";
import { bounded } from "../tensor/lookup.ts";
import { Tensor } from "../tensor/tensor.ts";
import { nameValues } from "../trace/value-names.ts";
import { type Constant, tensorFrom } from "./constant.ts";
import { dtypeOf } from "./element-types.ts";
import type { Node, OnnxGraph } from "./graph.ts";
import { type Role, rolesOf } from "./initializers.ts";
import { exactPlaceOf, type Model, runModel } from "./interpreter.ts";
import { listingOf } from "./listing.ts";
import { Part } from "./parts.ts";
import type { Extent, Port } from "./port.ts";
import { UnsupportedError } from "./unsupported.ts";
import { Value } from "./value.ts";

/** @internal The parts of an OnnxModule. */
export interface ModuleSource extends Omit<Model, "moduleOf"> {
  /** Inputs of the graph whose numbers are known. */
  readonly constants: ReadonlyMap<string, Constant>;
  /** Whether a parameter of that name is frozen. */
  isFrozen(name: string): boolean;
}

/**
 * A model from an ONNX file, made by {@link importOnnx}. It takes the graph's inputs, in order, and returns a tensor,
 * or a list of tensors if the graph has several outputs: `OnnxModule<Tensor[]>` tells the type checker so.
 */
export class OnnxModule<Output extends Tensor | Tensor[] = Tensor> extends Module<Output> {
  /** The inputs of `forward`: names, ONNX's element types, and extents, of which symbolic ones are strings. */
  readonly inputs: readonly Port[];
  /** The results of `forward`. */
  readonly outputs: readonly Port[];
  readonly #parts = new Part();
  readonly #model: Model;
  /** The parameters and buffers by their names in the graph. */
  readonly #states = new Map<string, Value>();
  readonly #constants: ReadonlyMap<string, Constant>;

  /** @internal */
  constructor({ constants, isFrozen, ...source }: ModuleSource) {
    super();
    const { graph, functions, file } = source;
    this.inputs = graph.inputs.filter(({ name }) => !constants.has(name));
    this.outputs = graph.outputs;
    const roles = rolesOf(graph, functions);
    const isConstant = ([name]: readonly [string, Constant]): boolean => roles.get(name) === "constant";
    for (const [name, initializer] of graph.initializers)
      if (roles.get(name) !== "constant") this.#hold(name, initializer, roles.get(name)!, isFrozen(name));
    this.#constants = new Map([...[...graph.initializers].filter(isConstant), ...constants]);
    // Initializers that became states are not stored twice.
    const rest = { ...graph, initializers: new Map<string, Constant>() };
    this.#model = { ...source, graph: rest, moduleOf: (node) => this.#moduleOf(node) };
    nameValues(this, namesOf(file, graph));
  }

  #hold(name: string, initializer: Constant, role: Role, isFrozen: boolean): void {
    const numbers = tensorFrom(initializer, name);
    const tensor = role === "buffer" ? new Buffer(numbers) : new Parameter(numbers, !isFrozen);
    this.#parts.hold(name, tensor);
    this.#states.set(name, Value.of(initializer.type, tensor, name));
  }

  override forward(...inputs: unknown[]): Output {
    const given = new Map(this.#states);
    for (const [name, constant] of this.#constants) given.set(name, Value.known(constant, name));
    if (inputs.length !== this.inputs.length) {
      const names = this.inputs.map(({ name }) => name).join(", ");
      throw new KilnError(
        `${this.#model.file} takes ${this.inputs.length} inputs (${names}), not ${inputs.length}`,
      );
    }
    for (const [k, port] of this.inputs.entries()) given.set(port.name, inputValue(port, inputs[k]));
    const outputs = runModel(this.#model, this.training, given).map(({ tensor }) => tensor);
    return (outputs.length === 1 ? outputs[0] : outputs) as Output;
  }

  /** @internal The nodes of the file, one on each line: the lines that dumps and the explorer refer to. */
  get listing(): string {
    return listingOf(this.#model.graph, this.#model.functions);
  }

  override *[MEMBERS](): Iterable<Named<unknown>> {
    yield* this.#parts[MEMBERS]();
  }

  /** The module whose parameters a node reads, or the one that its name leads to. */
  #moduleOf(node: Node): object {
    const read = node.inputs.find((name) => name.includes(".") && this.#states.has(name));
    const path = (read ?? node.scope)?.split(".") ?? pathIn(node.name);
    const part = this.#parts.innermost(path);
    return part === this.#parts ? this : part;
  }
}

/** `/layer1/layer1.0/conv1/Conv` as the path `layer1`, `0`, `conv1`, `Conv`: each scope repeats the one around it. */
function pathIn(name: string): readonly string[] {
  let path = "";
  for (const scope of name.split("/").filter((part) => part !== ""))
    path = path === "" || scope.startsWith(`${path}.`) ? scope : `${path}.${scope}`;
  return path.split(".");
}

/** Names of values, which dumps show, by the node that computes them. */
const namesOf = (file: string, { nodes }: OnnxGraph): ReadonlyMap<string, string> =>
  new Map(
    nodes.flatMap((node) => (node.outputs[0] ? [[exactPlaceOf(file, node), node.outputs[0]] as const] : [])),
  );

function inputValue({ name, type, shape }: Port, input: unknown): Value {
  if (!(input instanceof Tensor))
    throw new KilnError(`the input ${name} must be a tensor, not ${describeValue(input)}`);
  if (type === undefined)
    throw new UnsupportedError(
      `the input ${name} is not a tensor of numbers, and Kiln supports nothing else`,
    );
  const dtype = dtypeOf(type);
  if (input.dtype !== dtype)
    throw new KilnError(`the input ${name} (${type}) must be ${dtype}, not ${input.dtype}`);
  if (shape !== undefined && !fits(shape, input.shape))
    throw new KilnError(
      `the input ${name} must have the shape [${shape}], not ${formatShape(input.shape)}: extents that are numbers are fixed in the file`,
    );
  // uint64 is limited to the non-negative numbers of int32.
  const isHeld = type === "uint64";
  return Value.of(type, isHeld ? bounded(`the input ${name} (uint64)`, input, 0, 2 ** 31 - 1) : input, name);
}

const fits = (declared: readonly Extent[], shape: readonly number[]): boolean =>
  declared.length === shape.length &&
  declared.every((extent, axis) => typeof extent === "string" || extent === shape[axis]);
