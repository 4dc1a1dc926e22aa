/** Class targets are checked on the host before they are used: a label without a class would train on nonsense. */

import { KilnError } from "./errors.ts";
import { formatShape, type Shape } from "./shape.ts";

/** Which labels a loss accepts. */
export interface ClassLimit {
  /** Labels lie below this number. */
  readonly classes: number;
  /** The label of targets that do not count, if there is one. */
  readonly ignoreIndex?: number | undefined;
}

/** Throws unless every label names a class or is ignored. */
export function checkClasses(
  labels: ArrayLike<number>,
  shape: Shape,
  { classes, ignoreIndex }: ClassLimit,
): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if ((label >= 0 && label < classes) || label === ignoreIndex) continue;
    const hint = label < 0 && ignoreIndex === undefined ? "; ignoreIndex names a label to leave out" : "";
    throw new KilnError(
      `the label ${label} at position ${i} of the target ${formatShape(shape)} is outside of the ${classes} classes 0..${classes - 1}${hint}`,
    );
  }
}
