/**
 * The ops that are written in an operator of ONNX's own, by name. An op that is not here is written from its lowering, so
 * that a new op needs nothing: this table makes graphs shorter and faster, and no other thing of them.
 */

import type { OpName } from "../../../ops/registry.ts";
import type { Spelling } from "../spelling.ts";
import { ARRANGEMENT } from "./arrangement.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { POOLING } from "./pooling.ts";
import { PRODUCTS } from "./products.ts";
import { RANDOM } from "./random.ts";
import { REDUCTIONS } from "./reductions.ts";
import { LOOPS } from "./scan.ts";

const SPELLINGS = {
  ...ELEMENTWISE,
  ...ARRANGEMENT,
  ...PRODUCTS,
  ...REDUCTIONS,
  ...POOLING,
  ...LOOPS,
  ...RANDOM,
} satisfies Partial<Record<OpName, Spelling>>;

const BY_NAME: ReadonlyMap<string, Spelling> = new Map<string, Spelling>(Object.entries(SPELLINGS));

/** How an op is spelled, where that is not by its lowering. */
export const spellingOf = (op: string): Spelling | undefined => BY_NAME.get(op);
