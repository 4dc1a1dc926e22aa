/** What users give to functions of tensors, checked before anything is read of it, in the name of the function they called. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import { describe } from "../ops/definition.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** Throws, with the line of the model that is being traced. */
export const refuse = (message: string): never =>
  withOrigin(() => {
    throw new KilnError(message);
  });

/** A tensor argument: the tensor itself, or a number in a tensor made by `make`. */
export function asOperand(callee: string, value: Tensor | number, make: (value: number) => Tensor): Tensor {
  if (typeof value === "number" || typeof value === "boolean") return make(Number(value));
  requireTensor(callee, value);
  return value;
}

/** Throws for what is no tensor. */
export function requireTensor(callee: string, value: unknown): asserts value is Tensor {
  if (typeof (value as Tensor | undefined)?.dtype === "string" && Array.isArray((value as Tensor).shape))
    return;
  const isNumbers = Array.isArray(value) || ArrayBuffer.isView(value);
  refuse(
    `${callee} is given ${describeValue(value)} where it expects a tensor${isNumbers ? ": tensor([...]) makes one" : ""}`,
  );
}

/** Throws unless the tensor holds floats, which `callee` computes with. */
export function requireFloats(callee: string, input: Tensor): void {
  requireTensor(callee, input);
  if (input.dtype !== "float32")
    refuse(`${callee} expects float32 tensors but got ${describe(input)}; use .float()`);
}

/** Whether reduced axes stay with extent 1: by position, or by name as `{ keepdim: true }`. */
export type Keepdim = boolean | { readonly keepdim?: boolean };

/** What the only named argument of `callee` is, `fallback` by default; throws for another name or another type. */
export function readOnlyOption<Name extends string, T extends number | boolean>(
  callee: string,
  options: { readonly [Key in Name]?: T },
  name: Name,
  fallback: T,
): T {
  return withOrigin(() => {
    checkOptionNames(callee, options, { [name]: true });
    const { [name]: value = fallback } = options;
    if (typeof value === typeof fallback) return value as T;
    const wanted = typeof fallback === "number" ? "a number" : "true or false";
    throw new KilnError(`${callee}'s ${name} must be ${wanted}, not ${describeValue(value)}`);
  });
}

/** What `keepdim` says, false by default. */
export const readKeepdim = (callee: string, given: Keepdim | undefined): boolean =>
  given === undefined || typeof given === "boolean"
    ? (given ?? false)
    : readOnlyOption(callee, given, "keepdim", false);

/** The options of `add` and `sub`. */
export interface AlphaOptions {
  /** What the other operand is multiplied by (default: 1). */
  readonly alpha?: number;
}

/** The factor of `add` and `sub`. */
export const readAlpha = (callee: string, options: AlphaOptions = {}): number =>
  readOnlyOption(callee, options, "alpha", 1);
