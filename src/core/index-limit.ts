/** Indices that users feed are checked on the host before they are used: a label without a class would train on nonsense. */

import { KilnError } from "./errors.ts";
import { formatShape, type Shape } from "./shape.ts";

/** Which numbers an input may hold that names classes or rows. */
export interface IndexLimit {
  readonly of: "class" | "row";
  /** Indices lie below this number. */
  readonly below: number;
  /** The label of targets that do not count, if there is one. */
  readonly ignoreIndex?: number | undefined;
}

/** Throws unless every index names a class or a row, or is ignored. */
export function checkIndices(indices: ArrayLike<number>, shape: Shape, limit: IndexLimit): void {
  const { below, ignoreIndex } = limit;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i];
    if ((index >= 0 && index < below) || index === ignoreIndex) continue;
    throw new KilnError(describe(index, i, formatShape(shape), limit));
  }
}

function describe(index: number, position: number, shape: string, limit: IndexLimit): string {
  const { of, below, ignoreIndex } = limit;
  switch (of) {
    case "class": {
      const hint = index < 0 && ignoreIndex === undefined ? "; ignoreIndex names a label to leave out" : "";
      return `the label ${index} at position ${position} of the target ${shape} is outside of the ${below} classes 0..${below - 1}${hint}`;
    }
    case "row":
      return `the index ${index} at position ${position} of the input ${shape} is outside of the embedding's ${below} rows 0..${below - 1}`;
    default:
      return of satisfies never;
  }
}
