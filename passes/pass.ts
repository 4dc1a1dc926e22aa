/** Defines a pass: a named, documented function from one immutable value to another. */

import { mapBodies } from "../src/ir/rewrite.ts";
import type { Graph } from "../src/ir/types.ts";
import { opTable } from "../src/ops/registry.ts";

/** The result of a pass as dumps show it. */
export interface StageInfo {
  /** The stage's name, as `kiln dump --stage` takes it. */
  readonly name: string;
  readonly doc: string;
}

export interface Pass<I, O> extends StageInfo {
  run(input: I): O;
}

/** A pass that is applied to the bodies of loops as well, the innermost first. */
export const inBodies = (pass: Pass<Graph, Graph>): Pass<Graph, Graph> => ({
  ...pass,
  run: (graph) => pass.run(mapBodies(graph, opTable, (body) => inBodies(pass).run(body))),
});
