/** Twins of a loss under each reduction, named as test/fixtures names its cases. */

import type { nn } from "kiln-js";
import type { testModuleCases } from "./module-cases.ts";

type Twin = ReturnType<Parameters<typeof testModuleCases>[1][string]>;

const REDUCTIONS: readonly nn.Reduction[] = ["mean", "sum", "none"];

/** One twin for each reduction; `make` takes the option. */
export const eachReduction = (
  name: string,
  make: (option: { readonly reduction: nn.Reduction }) => Twin,
  reductions: readonly nn.Reduction[] = REDUCTIONS,
): Record<string, () => Twin> =>
  Object.fromEntries(reductions.map((reduction) => [`${name} ${reduction}`, () => make({ reduction })]));
