/**
 * Contractions whose innermost loops step together, as the rows and columns of a 1×1 convolution do: joined into one
 * long loop, they fill lanes whatever the extent of a row.
 */

import type { Kernel } from "../../../src/loop/types.ts";
import { withBody } from "../../../src/loop/used-buffers.ts";
import { type Contraction, contractionOf } from "./contraction.ts";
import { joinLoops } from "./join-loops.ts";
import { statementsOf } from "./nest.ts";

/** Cached, since the strategy and `apply` analyse the same kernels. */
const known = new WeakMap<Kernel, Contraction>();

/**
 * The contraction of a kernel with its innermost loops joined, in a new kernel; unchanged if they do not step together.
 */
export function flatContractionOf(kernel: Kernel): Contraction | undefined {
  const found = known.get(kernel) ?? flatContractionIn(kernel);
  if (found !== undefined) known.set(kernel, found);
  return found;
}

function flatContractionIn(kernel: Kernel): Contraction | undefined {
  const contraction = contractionOf(kernel);
  const nest = contraction && joinLoops(contraction.nest);
  if (nest === undefined || nest === contraction?.nest) return contraction;
  return contractionOf(withBody(kernel, kernel.buffers, statementsOf(nest)));
}
