/** Where the names of a kernel live in its C function, and what that means for indices inside vector loops. */

import { toAffine } from "../../../src/loop/affine.ts";
import type { RangeContext } from "../../../src/loop/range.ts";
import type { BufferParam, Expr } from "../../../src/loop/types.ts";
import { placeOf } from "../../lanes.ts";
import type { MathFunction } from "./math.ts";

/** What a name stands for: in a vector loop an integer is that of lane 0, and grows by `laneStep` from lane to lane. */
export type Place =
  | { readonly kind: "integer"; readonly text: string; readonly laneStep: number }
  | { readonly kind: "value"; readonly text: string; readonly isVector: boolean };

/** The names known at a point of a kernel, and in a lane-by-lane form the current lane. */
export interface Scope {
  readonly places: ReadonlyMap<string, Place>;
  readonly ranges: RangeContext;
  /** The number of lanes of the surrounding vector loop; 1 if there is none. */
  readonly lanes: number;
  readonly lane?: number;
}

/** What printing one function knows and collects. */
export interface FunctionContext {
  /** The most lanes that a vector loop has. */
  readonly lanes: number;
  readonly buffers: ReadonlyMap<string, BufferParam>;
  /** The elementary functions that are called. */
  readonly used: Set<MathFunction>;
  /** The scalar inputs that are read, each with the type that it is read as. */
  readonly scalars: Set<string>;
  /** The name of a buffer, which is recorded as one that the function reads or writes. */
  access(buffer: string): string;
  /** A new name. */
  temporary(): string;
}

/** Smaller numbers of lanes that vector loops may also have: halves of the most, down to the fewest that have types. */
export const fewerLanes = (most: number): readonly number[] =>
  most > FEWEST_LANES ? [most / 2, ...fewerLanes(most / 2)] : [];

const FEWEST_LANES = 4;

/** The name of a type or a function for all lanes, given the number of lanes. */
export const nameForLanes = (name: string, lanes: number, most: number): string =>
  lanes === most ? name : `of${lanes}_${name}`;

/** Prints an integer expression that is not a sum. */
type PrintInteger = (e: Expr, scope: Scope) => string;

/** An integer as a sum of its parts: inside a vector loop the value in the lane of `scope`, or else in lane 0. */
export function printSum(e: Expr, scope: Scope, print: PrintInteger): string {
  const form = toAffine(e);
  const parts: string[] = [];
  let { constant } = form;
  for (const { atom, coefficient } of form.terms.values()) {
    const place = atom.kind === "var" || atom.kind === "local" ? placeOf(atom.name, scope) : undefined;
    if (place?.kind === "integer") constant += coefficient * place.laneStep * (scope.lane ?? 0);
    const text = place?.kind === "integer" ? place.text : print(atom, scope);
    if (text !== "0") parts.push(coefficient === 1 ? text : `${text} * ${coefficient}`);
  }
  if (constant !== 0 || parts.length === 0) parts.push(`${constant}`);
  const sum = parts.join(" + ").replaceAll("+ -", "- ");
  return parts.length === 1 && !sum.includes(" ") ? sum : `(${sum})`;
}
