/** ParameterList and ParameterDict: parameters in an order or by name, for a model's own forward to use. */

import { describeValue } from "../../core/describe-value.ts";
import type { DType } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { isParameter, MEMBERS } from "../brand.ts";
import { checkName, type Named } from "../members.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";

/** A parameter as it is, and a tensor as the first numbers of one. */
function parameterOf(callee: string, name: string, value: Tensor): Parameter {
  if (isParameter(value)) return value;
  if (value instanceof Tensor) return new Parameter(value, value.dtype === "float32");
  throw new KilnError(`${callee}'s ${name} must be a tensor or a parameter, not ${describeValue(value)}`);
}

/** A parameter's line in the printed text of what holds it, where `type` is what PyTorch calls its dtype there. */
const lineOf = (name: string, type: string, { shape }: Parameter): string =>
  `  (${name}): Parameter containing: [torch.${type} of size ${shape.join("x")}]`;

/** Holds parameters so that a model finds them under `0`, `1`, … (torch.nn.ParameterList). */
export class ParameterList extends Module implements Iterable<Parameter> {
  #parameters: Parameter[] = [];

  constructor(values: Iterable<Tensor> = []) {
    super();
    if (typeof values?.[Symbol.iterator] !== "function" || values instanceof Tensor)
      throw new KilnError("ParameterList takes one list of parameters: new nn.ParameterList([a, b])");
    this.extend(values);
  }

  /** The number of parameters. */
  get length(): number {
    return this.#parameters.length;
  }

  /** The parameter at a position; a negative one counts from the end. */
  at(index: number): Parameter {
    return this.#parameters[this.#position(index)];
  }

  /** Puts another parameter in the place of the one at `index`. */
  set(index: number, value: Tensor): this {
    const position = this.#position(index);
    this.#parameters = this.#parameters.with(position, parameterOf("ParameterList", String(position), value));
    return this;
  }

  /** Adds a parameter at the end. */
  append(value: Tensor): this {
    return this.extend([value]);
  }

  /** Adds several parameters at the end. */
  extend(values: Iterable<Tensor>): this {
    const first = this.length;
    const added = [...values].map((value, k) => parameterOf("ParameterList", String(first + k), value));
    this.#parameters = [...this.#parameters, ...added];
    return this;
  }

  /** The parameters in order. */
  values(): IterableIterator<Parameter> {
    return this.#parameters.values();
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return this.values();
  }

  forward(): Tensor {
    throw new KilnError("ParameterList has no forward: use its parameters one by one");
  }

  override *[MEMBERS](): Iterable<Named<unknown>> {
    for (const [k, parameter] of this.#parameters.entries()) yield [String(k), parameter];
    yield* super[MEMBERS]();
  }

  override extraRepr(): string {
    return this.#parameters.map((parameter, k) => lineOf(String(k), parameter.dtype, parameter)).join("\n");
  }

  #position(index: number): number {
    const position = index < 0 ? index + this.length : index;
    if (Number.isInteger(index) && position >= 0 && position < this.length) return position;
    throw new KilnError(`index ${index} is out of range for a ParameterList of ${this.length} parameters`);
  }
}

/** Parameters by name: an object, pairs, or another ParameterDict's `items()`. */
export type ParametersByName = Readonly<Record<string, Tensor>> | Iterable<Named<Tensor>>;

/** How PyTorch's ParameterDict prints dtypes. */
const TYPE_NAMES: Readonly<Partial<Record<DType, string>>> = {
  float32: "FloatTensor",
  int32: "IntTensor",
  bool: "BoolTensor",
};

/** Holds parameters so that a model finds them under their names (torch.nn.ParameterDict). */
export class ParameterDict extends Module implements Iterable<string> {
  readonly #parameters = new Map<string, Parameter>();

  constructor(parameters: ParametersByName = {}) {
    super();
    this.update(parameters);
  }

  /** The number of parameters. */
  get length(): number {
    return this.#parameters.size;
  }

  /** Whether there is one with this name. */
  has(name: string): boolean {
    return this.#parameters.has(name);
  }

  /** The parameter of this name; throws if there is none. */
  get(name: string): Parameter {
    const parameter = this.#parameters.get(name);
    if (parameter !== undefined) return parameter;
    throw new KilnError(
      `ParameterDict has no parameter ${name}: it has ${[...this.keys()].join(", ") || "none"}`,
    );
  }

  /** Adds a parameter, or replaces the one of this name in its place. */
  set(name: string, value: Tensor): this {
    checkName("parameter", name);
    this.#parameters.set(name, parameterOf("ParameterDict", name, value));
    return this;
  }

  /** Sets several parameters. */
  update(parameters: ParametersByName): this {
    const pairs =
      Symbol.iterator in parameters ? (parameters as Iterable<Named<Tensor>>) : Object.entries(parameters);
    for (const [name, value] of pairs) this.set(name, value);
    return this;
  }

  /** Removes the parameter of this name. */
  pop(name: string): Parameter {
    const parameter = this.get(name);
    this.#parameters.delete(name);
    return parameter;
  }

  /** Removes all of them. */
  clear(): void {
    this.#parameters.clear();
  }

  /** The names, in order. */
  keys(): IterableIterator<string> {
    return this.#parameters.keys();
  }

  /** The values, in order. */
  values(): IterableIterator<Parameter> {
    return this.#parameters.values();
  }

  /** Pairs of a name and its value, in order. */
  items(): IterableIterator<[string, Parameter]> {
    return this.#parameters.entries();
  }

  /** The names, as in Python. */
  [Symbol.iterator](): Iterator<string> {
    return this.keys();
  }

  forward(): Tensor {
    throw new KilnError("ParameterDict has no forward: use its parameters by name");
  }

  override *[MEMBERS](): Iterable<Named<unknown>> {
    yield* this.#parameters;
    yield* super[MEMBERS]();
  }

  override extraRepr(): string {
    const named = [...this.#parameters];
    return named.map(([name, own]) => lineOf(name, TYPE_NAMES[own.dtype] ?? own.dtype, own)).join("\n");
  }
}
