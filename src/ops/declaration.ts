/**
 * The inputs and attributes of an op, declared once in its definition: how many inputs, and which attributes of which
 * kind. They are checked in one place before every op's typing rule, which can then rely on them.
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { suggestion } from "../core/suggestion.ts";
import { isBody } from "../ir/body.ts";
import type { Attr, Attrs, TensorType } from "../ir/types.ts";
import { describe } from "./definition.ts";

/** How many inputs an op takes: exactly so many, or from a least to a most number, which may be infinite. */
export type Arity = number | readonly [least: number, most: number];

/** The kinds of attributes. Bounds are inclusive. */
type AttributeKind =
  /** Any number; with bounds, not NaN. */
  | { readonly kind: "number"; readonly least?: number; readonly most?: number }
  /** An integer. */
  | { readonly kind: "int"; readonly least?: number; readonly most?: number }
  /** Integers: so many, one per axis of the first input, or any number of them. */
  | { readonly kind: "ints"; readonly count?: number | "rank"; readonly least?: number }
  /** The index of an axis of the first input, or of its result if that has one axis more. */
  | { readonly kind: "axis"; readonly isNew?: true }
  /** Axes of the first input, none twice; from the first to the last unless `inAnyOrder`. */
  | { readonly kind: "axes"; readonly inAnyOrder?: true }
  | { readonly kind: "boolean" }
  /** A body. */
  | { readonly kind: "graph" }
  | { readonly kind: "text"; readonly among?: readonly string[] };

export type Attribute = AttributeKind & { readonly isOptional?: true };

/** All attributes of an op by name; there are no others. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** The inputs and attributes of a definition. */
export interface Declaration {
  readonly name: string;
  readonly arity: Arity;
  readonly attributes: Attributes;
}

/** Kinds of attributes that several ops have. */
export const NUMBER = { kind: "number" } as const;
export const BOOLEAN = { kind: "boolean" } as const;
export const TEXT = { kind: "text" } as const;
export const AXIS = { kind: "axis" } as const;
/** An index, or the value that stands for none. */
export const INDEX = { kind: "int", least: -(2 ** 31), most: 2 ** 31 - 1 } as const;
/** A number of things. */
export const COUNT = { kind: "int", least: 0 } as const;
/** The attributes of all reductions over axes. */
export const REDUCTION_ATTRIBUTES = { axes: { kind: "axes" }, keepdim: BOOLEAN } as const;
/** The extents of a tensor. */
export const SHAPE_LIST = { kind: "ints", least: 0 } as const;
/** One integer per axis of the first input. */
export const PER_AXIS = { kind: "ints", count: "rank" } as const;
export const PER_AXIS_FROM_0 = { ...PER_AXIS, least: 0 } as const;
/** [rows, columns] of what cannot be empty, and of what can. */
export const PAIR = { kind: "ints", count: 2, least: 1 } as const;
export const PAIR_FROM_0 = { kind: "ints", count: 2, least: 0 } as const;

/** Throws a {@link KilnError} that names the op, what was found and what is expected, unless the declaration allows both. */
export function requireDeclared(declaration: Declaration, inputs: readonly TensorType[], attrs: Attrs): void {
  const { name: op, arity, attributes } = declaration;
  const least = typeof arity === "number" ? arity : arity[0];
  const most = typeof arity === "number" ? arity : arity[1];
  if (inputs.length < least || inputs.length > most)
    throw new KilnError(`${op} takes ${countOf(least, most)}, not ${inputs.length}`);
  for (const name in attrs) {
    if (!Object.hasOwn(attributes, name)) throw unknownAttribute(declaration, name);
  }
  for (const name in attributes) {
    const attribute = attributes[name];
    const value: Attr | undefined = attrs[name];
    if (value === undefined ? attribute.isOptional : isAllowed(attribute, value, inputs)) continue;
    const expected = expectation(attribute, inputs);
    throw new KilnError(
      value === undefined
        ? `${op} needs the attribute ${name}, ${expected}`
        : `${op} needs ${expected} as ${name}, not ${spelled(value)}`,
    );
  }
}

function isAllowed(attribute: Attribute, value: Attr, inputs: readonly TensorType[]): boolean {
  switch (attribute.kind) {
    case "number": {
      const { least, most } = attribute;
      if (typeof value !== "number") return false;
      return (least === undefined || value >= least) && (most === undefined || value <= most);
    }
    case "int": {
      const { least = -Infinity, most = Infinity } = attribute;
      return isWhole(value) && value >= least && value <= most;
    }
    case "ints":
      return Array.isArray(value) && areInts(value, attribute, inputs);
    case "axis":
      return isWhole(value) && value >= 0 && value < inputs[0].shape.length + (attribute.isNew ? 1 : 0);
    case "axes":
      return Array.isArray(value) && areAxes(value, inputs[0].shape, attribute.inAnyOrder === true);
    case "boolean":
      return typeof value === "boolean";
    case "graph":
      return isBody(value);
    case "text":
      return typeof value === "string" && (attribute.among?.includes(value) ?? true);
    default:
      return attribute satisfies never;
  }
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

function areInts(
  list: readonly unknown[],
  { count, least = Number.NEGATIVE_INFINITY }: AttributeKind & { readonly kind: "ints" },
  inputs: readonly TensorType[],
): boolean {
  if (count !== undefined && list.length !== (count === "rank" ? inputs[0].shape.length : count))
    return false;
  for (const item of list) {
    if (!isWhole(item) || item < least) return false;
  }
  return true;
}

function areAxes(axes: readonly unknown[], { length: rank }: Shape, inAnyOrder: boolean): boolean {
  let last = -1;
  for (let k = 0; k < axes.length; k++) {
    const axis = axes[k];
    if (!isWhole(axis) || axis < 0 || axis >= rank) return false;
    if (inAnyOrder ? axes.indexOf(axis) !== k : axis <= last) return false;
    last = axis;
  }
  return true;
}

/** The allowed values of an attribute, in words. */
function expectation(attribute: Attribute, inputs: readonly TensorType[]): string {
  const first = (): string => describe(inputs[0]);
  switch (attribute.kind) {
    case "number":
      return `a number${between(attribute.least, attribute.most)}`;
    case "int":
      return `a whole number${between(attribute.least, attribute.most)}`;
    case "ints": {
      const bounds = between(attribute.least, undefined);
      if (attribute.count === "rank") return `one whole number${bounds} per axis of ${first()}`;
      return `${attribute.count === undefined ? "a list of" : attribute.count} whole numbers${bounds}`;
    }
    case "axis":
      return attribute.isNew ? `the place of a new axis beside those of ${first()}` : `an axis of ${first()}`;
    case "axes":
      return `different axes of ${first()}${attribute.inAnyOrder ? "" : " in order"}`;
    case "boolean":
      return "true or false";
    case "graph":
      return "a graph";
    case "text":
      return attribute.among === undefined ? "a text" : `one of ${attribute.among.join(", ")}`;
    default:
      return attribute satisfies never;
  }
}

function between(least: number | undefined, most: number | undefined): string {
  if (least === undefined) return most === undefined ? "" : ` up to ${most}`;
  return most === undefined ? ` from ${least} on` : ` from ${least} to ${most}`;
}

function countOf(least: number, most: number): string {
  const inputs = (count: number): string => (count === 1 ? "1 input" : `${count} inputs`);
  if (least === most) return inputs(least);
  if (most === Number.POSITIVE_INFINITY) return `at least ${inputs(least)}`;
  return most === least + 1 ? `${least} or ${inputs(most)}` : `${least} to ${inputs(most)}`;
}

function unknownAttribute({ name: op, attributes }: Declaration, name: string): KilnError {
  const names = Object.keys(attributes);
  const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  return new KilnError(`${op} has no attribute ${name}${suggestion(name, names)}; ${known}`);
}

function spelled(value: Attr): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (isBody(value)) return `the graph ${value.name}`;
  return typeof value === "object" ? formatShape(value) : String(value);
}
