/** Checks indices before they are used: a label without a class would train on nonsense, a row that does not exist would read zeros. */

import { KilnError } from "./errors.ts";
import type { Origin } from "./origin.ts";
import { formatShape, type Shape } from "./shape.ts";

/** The range of an operation's indices. */
export interface IndexLimit {
  /**
   * What they name: classes of a loss, rows of a table, positions along an axis, how long sequences are, or whether whole
   * numbers have left int32, which is 0 where they have not.
   */
  readonly of: "class" | "row" | "position" | "length" | "overflow";
  /** Indices are less than this number. */
  readonly below: number;
  /** The smallest index: 0, unless negative ones count from the end or they are lengths. */
  readonly least?: number | undefined;
  /** The label of targets that are ignored, if there is one. */
  readonly ignoreIndex?: number | undefined;
  /** The operation that reads them. */
  readonly op: string;
  /** The place in the model, if that is known. */
  readonly origins?: readonly Origin[] | undefined;
}

/** Throws unless every index is within the limit, or is ignored. */
export function checkIndices(indices: ArrayLike<number>, shape: Shape, limit: IndexLimit): void {
  const { below, least = 0, ignoreIndex } = limit;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i];
    if ((index >= least && index < below) || index === ignoreIndex) continue;
    throw outOfLimit(index, limit, { position: i, shape });
  }
}

/** Means "no index is out of its limit": below every int32, and a number on GPUs too, some of which lack infinities. */
export const NO_FAULT = -(2 ** 40);

/** Whether a program found one among indices that it computes; `found` is what it left in the output for this. */
export const isOutOfLimit = (found: number): boolean => found > NO_FAULT;

/** The error for an index outside of its limit; `at` says where it is, if known. */
export function outOfLimit(
  index: number,
  limit: IndexLimit,
  at?: { readonly position: number; readonly shape: Shape },
): KilnError {
  const place = (whole: string): string =>
    at === undefined
      ? `, computed for ${whole},`
      : ` at position ${at.position} of ${whole} ${formatShape(at.shape)}`;
  return new KilnError(described(index, limit, place), limit.origins);
}

function described(index: number, limit: IndexLimit, place: (whole: string) => string): string {
  const { of, below, least = 0, ignoreIndex, op } = limit;
  const range = below === 0 ? "of which there are none" : `${least}..${below - 1}`;
  switch (of) {
    case "class": {
      const hint =
        index < 0 && (ignoreIndex === undefined || ignoreIndex === -100)
          ? "; ignoreIndex names a label to leave out"
          : "";
      return `the label ${index}${place("the target")} is outside of the ${below} classes ${range}${hint}`;
    }
    case "row":
      return `the index ${index}${place("the input")} is outside of the embedding's ${below} rows ${range}`;
    case "position":
      return `${op} is given the index ${index}${place("its index")}, outside of the ${below} positions ${range} along its axis`.replace(
        ",,",
        ",",
      );
    case "length":
      return `${op} must be in ${range}, but ${index}${place("the list")} does not`;
    case "overflow":
      return op;
    default:
      return of satisfies never;
  }
}

/** The names of the outputs in which programs report invalid computed indices. */
export const indexFaultName = (k: number): string => `index.${k}`;
export const isIndexFault = ({ name }: { readonly name: string }): boolean => name.startsWith("index.");
