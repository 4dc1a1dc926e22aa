/** How a panel is filled: in lanes along the axis in which the source is contiguous, without asking guards where they let a box through. */

import { coefficientOf, occursInside, toAffine } from "../../../src/loop/affine.ts";
import type { Schedule } from "../../../src/loop/schedule.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { nestsOf } from "../analysis/nest.ts";
import { interiorOf } from "./clear.ts";

/** How often an element may be copied, on average, for lanes to pay. */
const MOST_REPEATED = 1.4;

/** Whether an extent fills vectors well enough that the last one may do some elements twice. */
export const fills = (extent: number, width: number): boolean =>
  extent >= width && Math.ceil(extent / width) * width <= MOST_REPEATED * extent;

/** The schedule of a copy; one that follows no pattern is made as it stands. */
export function copySchedule(kernel: Kernel, width: number): Schedule {
  if (width === 1) return [];
  const [nest] = nestsOf(kernel);
  const interior = interiorOf(nest);
  const [store] = interior?.stores ?? [];
  if (interior === undefined || store.value.kind !== "load") return [];
  const source = toAffine(store.value.index);
  const axis = interior.loops.find(
    ({ name, extent }) =>
      fills(extent, width) && coefficientOf(source, name) === 1 && !occursInside(source, name),
  );
  if (axis === undefined) return [];
  const order = [...interior.loops.filter((l) => l !== axis), axis].map(({ name }) => name);
  return [
    ...(nest.stores[0].value.kind === "load" ? [] : [{ kind: "clear", lanes: width } as const]),
    ...(interior.loops.at(-1) === axis ? [] : [{ kind: "reorder", loops: order } as const]),
    { kind: "vectorize", loop: axis.name, vectors: 1, lanes: width, tail: "shifted" },
  ];
}
