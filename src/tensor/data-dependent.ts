/** PyTorch functions whose result has a shape that depends on values. Programs are compiled for shapes, so each function says what to do instead. */

import { refuse } from "./arguments.ts";

const depends = (callee: string, what: string, advice: string): never =>
  refuse(
    `${callee} gives as many elements as ${what}: a shape that depends on data, which no program has. ${advice}`,
  );

/** Throws, because the result's shape is the number of true elements of the mask. */
export const maskedSelect = (..._given: readonly unknown[]): never =>
  depends(
    "maskedSelect",
    "the mask is true",
    "Keep the shape and leave the others out: where(mask, x, 0), x.mul(mask.float()).sum(), or topk of where(mask, x, -Infinity)",
  );

/** Throws, because the result's shape is the number of nonzero elements. */
export const nonzero = (..._given: readonly unknown[]): never =>
  depends(
    "nonzero",
    "are not 0",
    "Use the mask x.ne(0) itself: where(mask, …), indexPut([mask], …), or argsort of it for positions; outside of programs, filter (await x.array())",
  );

/** Throws, because the result's shape is the number of distinct elements. */
export const unique = (..._given: readonly unknown[]): never =>
  depends(
    "unique",
    "there are different ones",
    "Sort it, and compare neighbours for a mask of those that are new; outside of programs, new Set(await x.data())",
  );
