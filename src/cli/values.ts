/** Reads the values of options: each function returns a checked value or throws one line that says what is expected. */

import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { suggestion } from "../core/suggestion.ts";
import type { Arguments } from "./command.ts";

/** A finite number above zero. */
export const positiveNumber = (given: Arguments, name: string, otherwise: number): number =>
  numberWhere(given, name, otherwise, "a positive number", (value) => value > 0);

/** A finite number from zero on. */
export const nonNegativeNumber = (given: Arguments, name: string, otherwise: number): number =>
  numberWhere(given, name, otherwise, "a number of at least 0", (value) => value >= 0);

/** A whole number from `least` on. */
export const wholeNumber = (given: Arguments, name: string, otherwise: number, least: number): number =>
  numberWhere(
    given,
    name,
    otherwise,
    `a whole number of at least ${least}`,
    (value) => Number.isSafeInteger(value) && value >= least,
  );

function numberWhere(
  given: Arguments,
  name: string,
  otherwise: number,
  wanted: string,
  isGood: (value: number) => boolean,
): number {
  const text = given.get(name);
  if (text === undefined) return otherwise;
  const value = /^[-+.\d]/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value) && isGood(value)) return value;
  throw new KilnError(`--${name} must be ${wanted}, not "${text}"`);
}

/** One of `choices`, the first of them by default. */
export function choice<T extends string>(given: Arguments, name: string, choices: readonly T[]): T {
  const text = given.get(name);
  if (text === undefined) return choices[0];
  const found = choices.find((value) => value === text);
  if (found !== undefined) return found;
  const all = choices.length === 1 ? `${choices[0]}` : `one of ${choices.join(", ")}`;
  throw new KilnError(`--${name} must be ${all}, not "${text}"${suggestion(text, choices)}`);
}

/** Shapes such as `64,1,32,32`, one for each time the option is given. */
export function shapes(given: Arguments, name: string): Shape[] {
  return given.all(name).map((text) => {
    const shape = text.split(",").map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : 0));
    if (shape.every((extent) => extent >= 1)) return shape;
    throw new KilnError(`--${name} must be a shape such as 64,1,32,32, not "${text}"`);
  });
}

/** The values of a list that is given to `option`, none of which may occur twice. */
export function distinct<T>(option: string, what: string, values: readonly T[]): readonly T[] {
  if (new Set(values).size < values.length) throw new KilnError(`--${option} names ${what} twice`);
  return values;
}
