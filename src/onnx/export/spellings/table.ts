/**
 * The ops that are written as ONNX's own operators, by name. All others are written from their lowering, so that a new
 * op needs no entry: this table only makes graphs shorter and faster.
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

/** The spelling of an op, if it is not written from its lowering. */
export const spellingOf = (op: string): Spelling | undefined => BY_NAME.get(op);
