/** What the losses share, as modules and as functions: their option, and where the classes stand. */

import { Arguments } from "./options.ts";

/** Whether a loss is averaged, summed or left as it is. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** "mean" unless told. */
  readonly reduction?: Reduction;
}

const REDUCTIONS: readonly Reduction[] = ["mean", "sum", "none"];

/** The checked option of a loss, as its op takes it. */
export function readReduction(callee: string, options?: LossOptions): { readonly reduction: Reduction } {
  const given = new Arguments(callee, [options], [], ["reduction"]);
  return { reduction: given.choice("reduction", REDUCTIONS, "mean") };
}

/** The axis on which scores of `rank` dimensions have their classes. */
export const classAxis = (rank: number): number => (rank === 1 ? 0 : 1);
