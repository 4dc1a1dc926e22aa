/** Limits of the sizes that a model may ask for: a large number costs nothing in a file. */

import { KilnError } from "../core/errors.ts";

/** For numbers that are listed at compile time, iterations, and positions along an axis: more than any model has. */
const MOST = 2 ** 24;

/** Throws if `count` of `what` exceeds the limit. */
export function checkCount(count: number, what: string): void {
  if (count <= MOST) return;
  throw new KilnError(`it asks for ${count} ${what}, and Kiln makes up to ${MOST}`);
}
