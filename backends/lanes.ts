/** What expressions are to the lanes of the vector loop around them: the same in all, growing evenly, or anything else. */

import { invariant } from "../src/core/errors.ts";
import { toAffine } from "../src/loop/affine.ts";
import type { Expr } from "../src/loop/types.ts";
import { freeNames } from "../src/loop/walk.ts";

/** What stands for a name, as far as lanes go. In a vector loop an integer grows by `laneStep` from lane to lane. */
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

/** Whether the lanes of a vector loop see different values behind this name. */
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

/** Whether the lanes of the vector loop around see different values of `e`. */
export function varies(e: Expr, scope: LaneScope): boolean {
  for (const name of freeNames(e)) if (isVarying(placeOf(name, scope))) return true;
  return false;
}

/** What `e` grows by from lane to lane, where it grows evenly; `undefined` for any other dependence on the lane. */
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
