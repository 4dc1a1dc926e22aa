/** How much a model may ask for in numbers of its own: what a file says costs nothing to say. */

import { KilnError } from "../core/errors.ts";

/** Numbers that are listed while a model is compiled, iterations, and places along an axis: more than any model has. */
const MOST = 2 ** 24;

/** Throws where `count` of `what` are more than a model has. */
export function checkCount(count: number, what: string): void {
  if (count <= MOST) return;
  throw new KilnError(`it asks for ${count} ${what}, and Kiln makes up to ${MOST}`);
}
