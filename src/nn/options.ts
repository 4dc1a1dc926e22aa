/**
 * PyTorch's calling convention in TypeScript: arguments are given by position, by name in one last object, or both.
 * Errors of users in calls are reported here, once for all layers and functions.
 */

import { KilnError } from "../core/errors.ts";
import { suggestion } from "../core/suggestion.ts";
import { Tensor } from "../tensor/tensor.ts";

/** One extent, by itself or in a list. */
export type Size1d = number | readonly [number];
/** One extent for both axes, or [rows, columns]. */
export type Size2d = number | readonly [number, number];
/** One number, for the only axis. */
export type Single = readonly [number];
/** A number for each of two axes: rows, columns. */
export type Pair = readonly [number, number];
/** A number for each of three axes: depth, rows, columns. */
export type Triple = readonly [number, number, number];
/** One extent for all three axes, or [depth, rows, columns]. */
export type Size3d = number | Triple;
/** How many axes a layer slides along. */
export type Rank = 1 | 2 | 3;
/** Extents of as many axes as a layer slides along. */
export type Size<R extends Rank> = R extends 1 ? Size1d : R extends 2 ? Size2d : Size3d;
/** The same, always one number per axis. */
export type Extents<R extends Rank> = R extends 1 ? Single : R extends 2 ? Pair : Triple;

/** An extent that may be left open. */
type Open = number | null;
/** Sizes that may leave extents open. */
export type OpenSize1d = Open | readonly [Open];
/** As {@link OpenSize1d}, for two axes. */
export type OpenSize2d = Open | readonly [Open, Open];
/** As {@link OpenSize1d}, for three axes. */
export type OpenSize3d = Open | readonly [Open, Open, Open];
export type OpenSize<R extends Rank> = R extends 1 ? OpenSize1d : R extends 2 ? OpenSize2d : OpenSize3d;

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
    const known = [...positional, ...keywordOnly];
    if (last instanceof Tensor)
      throw new KilnError(`${callee} takes its options in one object, { ${known[0]}: … }, not a tensor`);
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
    for (const [name, value] of Object.entries(named)) {
      if (!known.includes(name)) {
        throw new KilnError(
          `${callee} has no option ${name}${suggestion(name, known)}; its options are ${known.join(", ")}`,
        );
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

  /** Whether null is given, if that means something else than the default. */
  isNull(name: string): boolean {
    return this.values.get(name) === null;
  }

  /** Whether a value is given; null counts as none. */
  has(name: string): boolean {
    return (this.values.get(name) ?? undefined) !== undefined;
  }

  /** A whole number or one for each of `rank` axes, as it was given. */
  size<R extends Rank>(name: string, rank: R, least: number, fallback?: Size<R>): Size<R> {
    const value = this.value(name, fallback);
    if (isInteger(value, least)) return value as Size<R>;
    if (Array.isArray(value) && value.length === rank && value.every((extent) => isInteger(extent, least))) {
      return [...value] as unknown as Size<R>;
    }
    throw this.wrong(name, `${wholeNumber(least)}${SEVERAL[rank - 1]}`, value);
  }

  /** As {@link size}, always one per axis. */
  extents<R extends Rank>(name: string, rank: R, least: number, fallback?: Size<R>): Extents<R> {
    return extentsOf(this.size(name, rank, least, fallback), rank);
  }

  /** A size in which null stands for an extent that stays what it is; as it was given. */
  openSize<R extends Rank>(name: string, rank: R, least: number): OpenSize<R> {
    const value = this.values.get(name);
    if (value === undefined) throw new KilnError(`${this.callee} needs ${name}`);
    const isExtent = (extent: unknown): boolean => (extent ?? null) === null || isInteger(extent, least);
    if (Array.isArray(value) && value.length === rank && value.every(isExtent)) {
      return value.map((extent) => extent ?? null) as unknown as OpenSize<R>;
    }
    if (isExtent(value)) return value as OpenSize<R>;
    throw this.wrong(name, `${wholeNumber(least)} or null${SEVERAL[rank - 1]}`, value);
  }

  /** A list of whole numbers, at least one of them. */
  integers(name: string): readonly number[] {
    const value = this.value(name, undefined);
    const isList = Array.isArray(value) && value.length > 0;
    if (isList && value.every((item) => isInteger(item, Number.NEGATIVE_INFINITY))) return [...value];
    throw this.wrong(name, "a list of whole numbers", value);
  }

  /** A value as it was given. */
  given(name: string): unknown {
    return this.values.get(name);
  }

  /** One number for all axes or a list with one for each, as it was given; `isFit` says which numbers there may be. */
  perAxis(name: string, isFit: (value: number) => boolean, wanted: string): number | readonly number[] {
    const value = this.value(name, undefined);
    const isOne = (item: unknown): boolean => typeof item === "number" && isFit(item);
    if (isOne(value)) return value as number;
    if (Array.isArray(value) && value.length > 0 && value.every(isOne)) return [...value];
    throw this.wrong(name, `${wanted}, or a list with one for each axis`, value);
  }

  /** A tensor, if there is one. */
  tensor(name: string): Tensor | undefined {
    if (!this.has(name)) return undefined;
    const value = this.values.get(name);
    if (value instanceof Tensor) return value;
    throw this.wrong(name, "a tensor", value);
  }

  /** A function, if one is given. */
  callable<Fn extends (...given: never[]) => unknown>(name: string): Fn | undefined {
    const value = this.values.get(name);
    return typeof value === "function" ? (value as Fn) : undefined;
  }

  /** A list of positive whole numbers; a single one counts as a list. */
  shape(name: string): readonly number[] {
    const value = this.value(name, undefined);
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length > 0 && list.every((extent) => isInteger(extent, 1))) return list as readonly number[];
    throw this.wrong(name, "a positive whole number or a list of them", value);
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

  /** Like {@link choice}, if something other than a string is allowed too: then `undefined`. */
  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    return typeof this.values.get(name) === "string" ? this.choice(name, words, words[0]) : undefined;
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

/** One extent for each axis: a single number counts for all. */
export const extentsOf = <R extends Rank>(size: Size<R>, rank: R): Extents<R> =>
  (typeof size === "number" ? new Array<number>(rank).fill(size) : size) as Extents<R>;

/** How Python prints an extent or a tuple of them: `2`, `(2,)`, `(2, None)`. */
export function pythonSize(size: number | null | readonly (number | null)[]): string {
  const shown = (extent: number | null): string => (extent === null ? "None" : String(extent));
  if (size === null || typeof size === "number") return shown(size);
  return `(${size.map(shown).join(", ")}${size.length === 1 ? "," : ""})`;
}

/** How Python prints a float: `1.0`, `0.01`, `1e-05`. */
export function pythonFloat(value: number): string {
  const [mantissa, exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** How Python prints a truth value. */
export const pythonFlag = (flag: boolean): string => (flag ? "True" : "False");

/** The names of values that may replace one number, by the number of axes. */
const SEVERAL = [
  "",
  ", or two of them for rows and columns",
  ", or three of them for depth, rows and columns",
];

const wholeNumber = (least: number): string =>
  least === Number.NEGATIVE_INFINITY ? "a whole number" : `a whole number of at least ${least}`;

const isInteger = (value: unknown, least: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Tensor);

const shown = (value: unknown): string =>
  typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);

function withoutTrailingUndefined(list: readonly unknown[]): readonly unknown[] {
  let length = list.length;
  while (length > 0 && list[length - 1] === undefined) length--;
  return list.slice(0, length);
}
