/** Turns the nodes of a graph back into versions that wait to be computed: how derived graphs become tensors. */

import { invariant } from "../core/errors.ts";
import type { Value } from "../ir/types.ts";
import { Version } from "./version.ts";

/** Gives the version of any value of a graph; `known` holds its inputs, and whatever else is there already. */
export function replayer(known: ReadonlyMap<Value, Version>): (value: Value) => Version {
  const versions = new Map(known);
  const replay = (value: Value): Version => {
    const found = versions.get(value);
    if (found !== undefined) return found;
    invariant(value.kind !== "input", "a version is given for each of the graph's inputs");
    const version = Version.from(value.type, {
      op: value.op,
      inputs: value.inputs.map(replay),
      attrs: value.attrs,
    });
    versions.set(value, version);
    return version;
  };
  return replay;
}
