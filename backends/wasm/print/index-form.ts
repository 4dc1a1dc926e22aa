/**
 * Indices as addresses: affine forms over locals, with byte offsets if there are any, and constants in the instruction.
 */

import { byteSize } from "../../../src/core/dtype.ts";
import { addAffine, toAffine } from "../../../src/loop/affine.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { placeOf } from "../../lanes.ts";
import { type Instruction, i32, operation, placeIn } from "../encode/instructions.ts";
import type { FunctionContext, Scope } from "./context.ts";
import type { Address } from "./representation.ts";

/** Prints an integer expression that is not a sum. */
export type PrintInteger = (e: Expr, scope: Scope) => Instruction;

interface Sum {
  readonly terms: readonly Instruction[];
  readonly constant: number;
}

/** `scale·e` as instructions to be added and a constant. Inside a vector loop without a lane: the value of lane 0. */
function scaledSum(e: Expr, scale: number, scope: Scope, context: FunctionContext, print: PrintInteger): Sum {
  const form = toAffine(e);
  const terms: Instruction[] = [];
  let constant = scale * form.constant;
  for (const { atom, coefficient } of form.terms.values()) {
    const factor = scale * coefficient;
    const place = atom.kind === "var" || atom.kind === "local" ? placeOf(atom.name, scope) : undefined;
    if (place?.kind !== "integer") {
      terms.push(times(print(atom, scope), factor));
      continue;
    }
    constant += factor * place.laneStep * (scope.lane ?? 0);
    if (place.isLane) continue;
    if (factor === 4 && place.mayScale) terms.push(context.integer(place, "bytes"));
    else terms.push(times(context.integer(place, "elements"), factor));
  }
  return { terms, constant };
}

function times(value: Instruction, factor: number): Instruction {
  if (factor === 1) return value;
  const shift = Math.log2(factor);
  return Number.isInteger(shift)
    ? operation("i32.shl", value, i32(shift))
    : operation("i32.mul", value, i32(factor));
}

const sumOf = (terms: readonly Instruction[]): Instruction | undefined =>
  terms.length === 0 ? undefined : terms.reduce((a, b) => operation("i32.add", a, b));

/** `scale·e` as one value. */
export function scaledInteger(
  e: Expr,
  scale: number,
  scope: Scope,
  context: FunctionContext,
  print: PrintInteger,
): Instruction {
  const { terms, constant } = scaledSum(e, scale, scope, context, print);
  const sum = sumOf(terms);
  if (sum === undefined) return i32(constant);
  return constant === 0 ? sum : operation("i32.add", sum, i32(constant));
}

/**
 * The address of `buffer[index]`. Constants go into the instruction if the rest cannot be negative: the
 * engine adds them without wrapping around.
 */
export function addressOf(
  buffer: string,
  index: Expr,
  scope: Scope,
  context: FunctionContext,
  print: PrintInteger,
): Address {
  const size = byteSize(context.buffers.get(buffer)!.dtype);
  const { terms: own, constant } = scaledSum(index, size, scope, context, print);
  const copy = context.copyOffset(buffer);
  const terms = copy === undefined ? own : [...own, copy];
  const total = context.addressOf(buffer) + constant;
  const sum = sumOf(terms);
  if (sum === undefined) return { address: i32(0), offset: total, buffer };
  const form = toAffine(index);
  const rest = addAffine(form, { constant: form.constant, terms: new Map() }, -1);
  const mayFold = total >= 0 && scope.ranges.rangeOfAffine(rest).low >= 0;
  return mayFold
    ? { address: sum, offset: total, buffer }
    : { address: operation("i32.add", sum, placeIn(buffer, total)), offset: 0, buffer: undefined };
}
