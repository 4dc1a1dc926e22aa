/** Where the names of a kernel live in its function: integers also as byte offsets, values also as vectors. */

import type { ExprType } from "../../../src/loop/types.ts";
import type { Local } from "../encode/instructions.ts";

/**
 * An integer name. Locals for it exist only if they are used: its value, and its value times 4, as in
 * indices of 4-byte elements. In a vector loop the locals hold the value of lane 0.
 */
export interface IntegerPlace {
  readonly kind: "integer";
  readonly name: string;
  /** Its step from one lane to the next; 0 if all lanes have the same. */
  readonly laneStep: number;
  /** False for accumulators, whose changes a second local would miss. */
  readonly mayScale: boolean;
  /** True for the variable of a vector loop itself, which is 0 in lane 0 and needs no local. */
  readonly isLane: boolean;
  elements: Local | undefined;
  bytes: Local | undefined;
}

/** Any other name; a vector holds one 32-bit number per lane, booleans as masks of ones. */
export interface ValuePlace {
  readonly kind: "value";
  readonly local: Local;
  readonly isVector: boolean;
}

/**
 * A value that all lanes of the surrounding vector loop share. As above, locals exist only if used: the scalar, and a
 * vector that holds it in every lane, so that an element is loaded
 * and broadcast in one instruction however often it is used.
 */
export interface UniformPlace {
  readonly kind: "uniform";
  readonly name: string;
  readonly dtype: ExprType;
  scalar: Local | undefined;
  splat: Local | undefined;
}

export type Place = IntegerPlace | ValuePlace | UniformPlace;

export const integerPlace = (
  name: string,
  options: { readonly laneStep?: number; readonly mayScale?: boolean; readonly isLane?: boolean } = {},
): IntegerPlace => ({
  kind: "integer",
  name,
  laneStep: options.laneStep ?? 0,
  mayScale: options.mayScale ?? true,
  isLane: options.isLane ?? false,
  elements: undefined,
  bytes: undefined,
});

export const uniformPlace = (name: string, dtype: ExprType): UniformPlace => ({
  kind: "uniform",
  name,
  dtype,
  scalar: undefined,
  splat: undefined,
});
