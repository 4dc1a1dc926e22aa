/** The operators that are elementary functions: those a backend takes from a library or computes by its own formula. */

import type { ElementaryFunction } from "./types.ts";

const FUNCTIONS: Readonly<Record<ElementaryFunction, true>> = {
  ...{ exp: true, log: true, expm1: true, log1p: true },
  ...{ sin: true, cos: true, tan: true, asin: true, acos: true, atan: true },
  ...{ sinh: true, cosh: true, tanh: true, asinh: true, acosh: true, atanh: true },
};

export const ELEMENTARY = Object.keys(FUNCTIONS) as readonly ElementaryFunction[];

export const isElementary = (op: string): op is ElementaryFunction => Object.hasOwn(FUNCTIONS, op);
