/** Distances between all pairs of vectors (torch.cdist, torch.pdist). */

import { KilnError } from "../core/errors.ts";
import { describe } from "../ops/definition.ts";
import { refuse, requireFloats } from "./arguments.ts";
import { triuIndices } from "./likes.ts";
import { indexSelect } from "./lookup.ts";
import { norm } from "./norms.ts";
import { where } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/**
 * The p-norms of the differences between the vectors x1[…,P,M] and x2[…,R,M], whose batches are broadcast: […,P,R]. The
 * gradient at distance 0 is 0. Of p = ∞ all elements that are as far apart as the farthest get the whole gradient.
 */
export function cdist(x1: Tensor, x2: Tensor, p = 2): Tensor {
  for (const x of [x1, x2]) requireFloats("cdist", x);
  const width = (x: Tensor): number | undefined => x.shape.at(-1);
  if (x1.ndim < 2 || x2.ndim < 2 || width(x1) !== width(x2))
    return refuse(
      `cdist needs lists of vectors of one length, […,P,M] and […,R,M], not ${describe(x1)} and ${describe(x2)}`,
    );
  requireNorm("cdist", p);
  const differences = x1.unsqueeze(-2).sub(x2.unsqueeze(-3));
  return lengths(differences, p);
}

/** The p-norms along the last axis; of nothing they are 0. */
function lengths(differences: Tensor, p: number): Tensor {
  if (differences.shape.at(-1) === 0) return differences.sum(-1);
  return p === Number.POSITIVE_INFINITY ? farthest(differences.abs()) : norm(differences, p, -1);
}

/** The largest along the last axis; the differences that carry its gradient are 0. */
function farthest(sizes: Tensor): Tensor {
  const largest = sizes.detach().amax(-1, true);
  const finite = where(sizes.isfinite(), sizes, 0);
  const carried = where(sizes.eq(largest), finite.sub(finite.detach()), 0);
  return largest.squeeze(-1).add(carried.sum(-1));
}

/**
 * The p-norms of the differences between each of the vectors x[N,M] and those after it: a list of N·(N-1)/2. Its
 * gradient searches all pairs for each vector, N³·M/2 operations: for many vectors the gradient of cdist(x, x) is
 * faster.
 */
export function pdist(x: Tensor, p = 2): Tensor {
  requireFloats("pdist", x);
  if (x.ndim !== 2) return refuse(`pdist needs a list of vectors [N,M], not ${describe(x)}`);
  requireNorm("pdist", p);
  const places = triuIndices(x.shape[0], x.shape[0], 1);
  const [firsts, seconds] = [0, 1].map((which) => indexSelect(x, 0, places.select(0, which)));
  return lengths(firsts.sub(seconds), p);
}

function requireNorm(callee: string, p: number): void {
  if (p >= 0) return;
  withOrigin(() => {
    throw new KilnError(`${callee}'s p must be 0 or more, not ${p}`);
  });
}
