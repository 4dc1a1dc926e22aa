/** Folds what unrolling made constant: a load behind a guard that never holds must not stay in the code. */

import { binary, compare, select } from "../../../src/loop/build.ts";
import { rewriter } from "../../../src/loop/walk.ts";
import type { Nest } from "../analysis/nest.ts";

/**
 * The nest with constants folded and nothing else: full simplification would take quotients apart that the
 * remaining guards bound as a whole.
 */
export function foldGuards(nest: Nest): Nest {
  const fold = rewriter((e) => {
    switch (e.kind) {
      case "compare":
        return compare(e.op, e.a, e.b);
      case "select":
        return select(e.condition, e.a, e.b);
      case "binary":
        return binary(e.op, e.a, e.b);
      default:
        return e;
    }
  });
  return { ...nest, stores: nest.stores.map((s) => ({ ...s, value: fold(s.value) })) };
}
