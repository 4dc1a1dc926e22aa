/** All functions of tensors that random models are made of. A new function is a line in one of the tables. */

import { ARRANGEMENTS } from "./arrangements.ts";
import { CREATIONS } from "./creations.ts";
import { ELEMENT_FUNCTIONS, WHOLE_FUNCTIONS } from "./elements.ts";
import type { FunctionTable } from "./entry.ts";
import { IN_PLACE, LOOKUPS } from "./lookups.ts";
import { PRODUCTS, REDUCTIONS } from "./products.ts";

/** By kind: Kiln's name of the function, with a word for its use if there are several. */
export const FUNCTIONS: FunctionTable = {
  ...ELEMENT_FUNCTIONS,
  ...WHOLE_FUNCTIONS,
  ...ARRANGEMENTS,
  ...LOOKUPS,
  ...IN_PLACE,
  ...REDUCTIONS,
  ...PRODUCTS,
  ...CREATIONS,
};
