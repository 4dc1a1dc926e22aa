/**
 * PyTorch's calling convention in TypeScript: arguments come by position, by name in one last object, or both; and
 * what a user may get wrong about them is said here, once for all layers and functions.
 */

import { KilnError } from "../core/errors.ts";

/** One extent for both axes, or [rows, columns]. */
export type Size2d = number | readonly [number, number];
export type Pair = readonly [number, number];

/** The arguments of one call, by name. */
export class Arguments {
  private readonly callee: string;
  private readonly values = new Map<string, unknown>();

  /**
   * Sorts `given` by name: `positional` lists the names in order, `keywordOnly` those that have no position. Only
   * the last of `given` may be an object of named ones.
   */
  constructor(
    callee: string,
    given: readonly unknown[],
    positional: readonly string[],
    keywordOnly: readonly string[] = [],
  ) {
    this.callee = callee;
    const present = withoutTrailingUndefined(given);
    const last = present[present.length - 1];
    const named = isRecord(last) ? last : {};
    const ordered = isRecord(last) ? present.slice(0, -1) : present;
    if (ordered.length > positional.length) {
      throw new KilnError(
        `${callee} takes ${positional.length} arguments by position but got ${ordered.length}`,
      );
    }
    for (const [position, value] of ordered.entries()) {
      if (value !== undefined) this.values.set(positional[position], value);
    }
    const known = [...positional, ...keywordOnly];
    for (const [name, value] of Object.entries(named)) {
      if (!known.includes(name)) {
        throw new KilnError(`${callee} has no option ${name}; its options are ${known.join(", ")}`);
      }
      if (this.values.has(name))
        throw new KilnError(`${callee} is given ${name} twice: by position and by name`);
      if (value !== undefined) this.values.set(name, value);
    }
  }

  /** A whole number of at least `least`. */
  integer(name: string, least: number, fallback?: number): number {
    const value = this.value(name, fallback);
    if (!isInteger(value, least)) throw this.wrong(name, wholeNumber(least), value);
    return value;
  }

  /** A number without a fractional part or one per axis, as it was given. */
  size(name: string, least: number, fallback?: Size2d): Size2d {
    const value = this.value(name, fallback);
    if (isInteger(value, least)) return value;
    if (Array.isArray(value) && value.length === 2 && value.every((extent) => isInteger(extent, least))) {
      return [value[0], value[1]];
    }
    throw this.wrong(name, `${wholeNumber(least)}, or two of them for rows and columns`, value);
  }

  /** As {@link size}, always one per axis. */
  pair(name: string, least: number, fallback?: Size2d): Pair {
    return pairOf(this.size(name, least, fallback));
  }

  /** A finite number of at least `least`. */
  number(name: string, least: number, fallback?: number): number {
    const value = this.value(name, fallback);
    if (typeof value === "number" && Number.isFinite(value) && value >= least) return value;
    const bound = least === Number.NEGATIVE_INFINITY ? "" : ` of at least ${least}`;
    throw this.wrong(name, `a finite number${bound}`, value);
  }

  /** True or false. */
  flag(name: string, fallback: boolean): boolean {
    const value = this.value(name, fallback);
    if (typeof value !== "boolean") throw this.wrong(name, "true or false", value);
    return value;
  }

  /** One of a few words. */
  choice<Word extends string>(name: string, words: readonly Word[], fallback: Word): Word {
    const value = this.value(name, fallback);
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw this.wrong(name, `one of ${words.join(", ")}`, value);
    return word;
  }

  private value(name: string, fallback: unknown): unknown {
    const value = this.values.get(name) ?? fallback;
    if (value === undefined) throw new KilnError(`${this.callee} needs ${name}`);
    return value;
  }

  private wrong(name: string, wanted: string, value: unknown): KilnError {
    return new KilnError(`${this.callee}'s ${name} must be ${wanted}, not ${shown(value)}`);
  }
}

/** The same extent for both axes, unless there are two already. */
export const pairOf = (size: Size2d): Pair => (typeof size === "number" ? [size, size] : size);

/** How Python prints an extent or a pair of them: `2`, `(2, 2)`. */
export const pythonSize = (size: Size2d): string =>
  typeof size === "number" ? String(size) : `(${size.join(", ")})`;

/** How Python prints a truth value. */
export const pythonFlag = (flag: boolean): string => (flag ? "True" : "False");

const wholeNumber = (least: number): string =>
  least === Number.NEGATIVE_INFINITY ? "a whole number" : `a whole number of at least ${least}`;

const isInteger = (value: unknown, least: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const shown = (value: unknown): string =>
  typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);

function withoutTrailingUndefined(list: readonly unknown[]): readonly unknown[] {
  let length = list.length;
  while (length > 0 && list[length - 1] === undefined) length--;
  return list.slice(0, length);
}
