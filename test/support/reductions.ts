/** Counterparts of a loss under each reduction, named as in test/fixtures. */

import type { nn } from "kiln-js";
import type { testModuleCases } from "./module-cases.ts";

type Twin = ReturnType<Parameters<typeof testModuleCases>[1][string]>;

const REDUCTIONS: readonly nn.Reduction[] = ["mean", "sum", "none"];

/** One counterpart for each reduction; `make` gets the option. */
export const eachReduction = (
  name: string,
  make: (option: { readonly reduction: nn.Reduction }) => Twin,
  reductions: readonly nn.Reduction[] = REDUCTIONS,
): Record<string, () => Twin> =>
  Object.fromEntries(reductions.map((reduction) => [`${name} ${reduction}`, () => make({ reduction })]));
