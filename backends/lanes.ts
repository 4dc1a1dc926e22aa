/**
 * Classifies expressions by how they vary over the lanes of the vector
 * loop around them: not at all, by a constant step, or otherwise.
 */

import { invariant } from "../src/core/errors.ts";
import { toAffine } from "../src/loop/affine.ts";
import type { Expr } from "../src/loop/types.ts";
import { freeNames } from "../src/loop/walk.ts";

/**
 * What a name stands for, as far as lanes matter. In a vector loop an integer grows by `laneStep` from lane to lane.
 */
export type LanePlace =
  | { readonly kind: "integer"; readonly laneStep: number }
  | { readonly kind: "value"; readonly isVector: boolean }
  | { readonly kind: "uniform" };

/** The names known at a point of a kernel. */
export interface LaneScope<Place extends LanePlace = LanePlace> {
  readonly places: ReadonlyMap<string, Place>;
}

export function placeOf<Place extends LanePlace>(name: string, { places }: LaneScope<Place>): Place {
  const place = places.get(name);
  invariant(place !== undefined, `${name} has no place`);
  return place;
}

/** Whether the lanes of a vector loop see different values of this name. */
function isVarying(place: LanePlace): boolean {
  switch (place.kind) {
    case "integer":
      return place.laneStep !== 0;
    case "value":
      return place.isVector;
    case "uniform":
      return false;
    default:
      return place satisfies never;
  }
}

/** Whether the lanes of the surrounding vector loop see different values of `e`. */
export function varies(e: Expr, scope: LaneScope): boolean {
  for (const name of freeNames(e)) if (isVarying(placeOf(name, scope))) return true;
  return false;
}

/** The step of `e` from lane to lane, if it is constant; `undefined` for any other dependence on the lane. */
export function laneStepOf(e: Expr, scope: LaneScope): number | undefined {
  if (!varies(e, scope)) return 0;
  let step = 0;
  for (const { atom, coefficient } of toAffine(e).terms.values()) {
    if (atom.kind === "var" || atom.kind === "local") {
      const place = placeOf(atom.name, scope);
      if (place.kind === "integer") step += coefficient * place.laneStep;
      else if (isVarying(place)) return undefined;
    } else if (varies(atom, scope)) return undefined;
  }
  return step;
}
