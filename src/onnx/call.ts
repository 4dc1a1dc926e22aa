/** One node while it runs: operators read their inputs and attributes from it, with errors that name the node. */

import { KilnError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Attribute, AttributeValues } from "./attributes.ts";
import type { Constant } from "./constant.ts";
import type { Node, OnnxGraph } from "./graph.ts";
import type { ElementType } from "./port.ts";
import { UnknownNumbersError, UnsupportedError } from "./unsupported.ts";
import type { Value } from "./value.ts";

/** The context of a node: the values that graphs in it read, and how the module runs. */
export interface Surroundings {
  /** The version of the node's operator set. */
  readonly opset: number;
  /** Whether the module is in training mode. */
  readonly training: boolean;
  /** Whether batch normalisation uses batch statistics in training mode, whatever the file says. */
  readonly trainsBatchNorm: boolean;
  /** Runs a graph from an attribute; it may read the values in scope at the node. */
  runGraph(graph: OnnxGraph, inputs: readonly Value[]): readonly Value[];
}

export class Call {
  readonly node: Node;
  readonly inputs: readonly (Value | undefined)[];
  readonly around: Surroundings;
  private readonly attributes: ReadonlyMap<string, Attribute>;

  constructor(
    node: Node,
    inputs: readonly (Value | undefined)[],
    attributes: ReadonlyMap<string, Attribute>,
    around: Surroundings,
  ) {
    this.node = node;
    this.inputs = inputs;
    this.attributes = attributes;
    this.around = around;
  }

  /** The same node with other inputs. */
  withInputs(inputs: readonly (Value | undefined)[]): Call {
    return new Call(this.node, inputs, this.attributes, this.around);
  }

  get opset(): number {
    return this.around.opset;
  }

  /** The node's name for messages that do not begin with it. */
  get title(): string {
    return `the node ${this.node.name} (${this.node.op})`;
  }

  /** An error of this node; the interpreter adds the node's name. */
  fail(message: string): never {
    throw new KilnError(message);
  }

  /** An error for something that ONNX allows but Kiln does not support. */
  lacks(message: string): never {
    throw new UnsupportedError(message);
  }

  /** The input at a position; throws if there is none. */
  value(position: number): Value {
    return this.inputs[position] ?? this.fail(`its input ${position} is missing`);
  }

  /** That input as a tensor. */
  tensor(position: number): Tensor {
    return this.value(position).tensor;
  }

  /** The tensor of an optional input. */
  optional(position: number): Tensor | undefined {
    return this.inputs[position]?.tensor;
  }

  has(position: number): boolean {
    return this.inputs[position] !== undefined;
  }

  /** All inputs from a position on. */
  values(from = 0): readonly Value[] {
    return this.inputs.slice(from).map((_, k) => this.value(from + k));
  }

  /** The tensors of all inputs from a position on. */
  tensors(from = 0): readonly Tensor[] {
    return this.values(from).map(({ tensor }) => tensor);
  }

  /** The numbers of an input that must be known when the model is compiled. */
  constant(position: number): Constant {
    const { known, name } = this.value(position);
    if (known !== undefined) return known;
    throw new UnknownNumbersError(
      `its input ${name} is computed when the program runs, but shapes depend on it: Kiln needs it at compile time. If it is an input of the model, give it to importOnnx as constants: { ${JSON.stringify(name)}: … }`,
    );
  }

  /** Those numbers as a list. */
  numbers(position: number): readonly number[] {
    return [...this.constant(position).data];
  }

  /** The only number of such an input. */
  number(position: number): number {
    const { shape, data } = this.constant(position);
    if (data.length !== 1) this.fail(`its input ${position} must be one number, not ${formatShape(shape)}`);
    return data[0];
  }

  hasAttribute(name: string): boolean {
    return this.attributes.has(name);
  }

  private attribute<Kind extends keyof AttributeValues>(
    name: string,
    kind: Kind,
  ): AttributeValues[Kind] | undefined {
    const found = this.attributes.get(name);
    if (found === undefined) return undefined;
    if (found.kind !== kind)
      this.fail(`its attribute ${name} must be of the kind ${kind}, not ${found.kind}`);
    return found.value as AttributeValues[Kind];
  }

  int(name: string, fallback?: number): number {
    return this.attribute(name, "int") ?? fallback ?? this.lacking(name);
  }

  flag(name: string, fallback = false): boolean {
    return this.int(name, Number(fallback)) !== 0;
  }

  float(name: string, fallback?: number): number {
    return this.attribute(name, "float") ?? fallback ?? this.lacking(name);
  }

  /** A string, which is one of `allowed`. */
  string<const Text extends string>(name: string, allowed: readonly Text[], fallback: Text): Text {
    const text = this.attribute(name, "string") ?? fallback;
    return (
      allowed.find((candidate) => candidate === text) ??
      this.lacks(`its ${name} is ${JSON.stringify(text)}, where Kiln knows ${allowed.join(", ")}`)
    );
  }

  text(name: string, fallback: string): string {
    return this.attribute(name, "string") ?? fallback;
  }

  ints(name: string): readonly number[] | undefined {
    return this.attribute(name, "ints");
  }

  floats(name: string): readonly number[] | undefined {
    return this.attribute(name, "floats");
  }

  strings(name: string): readonly string[] | undefined {
    return this.attribute(name, "strings");
  }

  attached(name: string): Constant | undefined {
    return this.attribute(name, "tensor");
  }

  graph(name: string): OnnxGraph {
    return this.attribute(name, "graph") ?? this.lacking(name);
  }

  /** A value that newer versions of an operator take as an input and older ones as an attribute. */
  intsFrom(position: number, name: string): readonly number[] | undefined {
    return this.has(position) ? this.numbers(position) : this.ints(name);
  }

  /** The element type that an attribute gives by its number in files. */
  typeAttribute(name: string): number | undefined {
    return this.attribute(name, "int");
  }

  /** The element type of the first input. */
  get type(): ElementType {
    return this.value(0).type;
  }

  /** The number of outputs that the node names. */
  get outputCount(): number {
    return this.node.outputs.length;
  }

  /** Whether anything may read the output at a position. */
  wants(position: number): boolean {
    return (this.node.outputs[position] ?? "") !== "";
  }

  private lacking(name: string): never {
    return this.fail(`it has no attribute ${name}`);
  }
}
