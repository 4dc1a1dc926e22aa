/** Turns the nodes of a graph back into versions that wait to be computed: how derived graphs become tensors. */

import { invariant } from "../core/errors.ts";
import { topologicalOrder } from "../core/topological.ts";
import { RESULT } from "../ir/body.ts";
import type { Value } from "../ir/types.ts";
import { Version } from "./version.ts";

/** Gives the version of any value of a graph; `known` holds its inputs, and whatever else is there already. */
export function replayer(known: ReadonlyMap<Value, Version>): (value: Value) => Version {
  const versions = new Map(known);
  const firsts = new Map<Version, Version>();
  /** What stands for all results of an op is read by way of its first one. */
  const first = (version: Version): Version => {
    const { dtype, shape, others } = version.type;
    if (others === undefined) return version;
    const own =
      firsts.get(version) ??
      Version.from({ dtype, shape }, { op: RESULT, inputs: [version], attrs: { index: 0 } });
    firsts.set(version, own);
    return own;
  };
  return (root) => {
    const missing = topologicalOrder([root], (value) =>
      value.kind === "node" && !versions.has(value) ? value.inputs : [],
    );
    for (const value of missing) {
      if (versions.has(value)) continue;
      invariant(value.kind !== "input", "a version is given for each of the graph's inputs");
      const inputs = value.inputs.map((input) => {
        const version = versions.get(input)!;
        return value.op === RESULT ? version : first(version);
      });
      versions.set(value, Version.from(value.type, { op: value.op, inputs, attrs: value.attrs }));
    }
    return first(versions.get(root)!);
  };
}
