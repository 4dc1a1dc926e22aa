/** Finds all operators of a model that Kiln does not have before it is read, so that one error lists them all. */

import { plainDomain } from "./graph.ts";
import { findOperator } from "./operators/registry.ts";
import type { ModelProto, NodeProto } from "./proto/onnx_pb.ts";

/** How many nodes of an operator a message names. */
const MOST_NAMED = 3;

/** A description of what is missing; `undefined` if nothing is. */
export function missingOperators(model: ModelProto): string | undefined {
  const own = new Set(model.functions.map(({ domain, name }) => keyOf(domain, name)));
  const missing = new Map<string, string[]>();
  const visit = (nodes: readonly NodeProto[]): void => {
    for (const { opType, domain, name, output, attribute } of nodes) {
      const key = keyOf(domain, opType);
      if (!own.has(key) && findOperator(plainDomain(domain), opType) === undefined)
        missing.set(key, [...(missing.get(key) ?? []), name || output[0] || "without a name"]);
      for (const { g, graphs } of attribute)
        for (const graph of [...(g ? [g] : []), ...graphs]) visit(graph.node);
    }
  };
  for (const nodes of [model.graph?.node ?? [], ...model.functions.map(({ node }) => node)]) visit(nodes);
  if (missing.size === 0) return undefined;
  const listed = [...missing].map(([operator, names]) => {
    const rest = names.length - MOST_NAMED;
    return `${operator} (${names.slice(0, MOST_NAMED).join(", ")}${rest > 0 ? ` and ${rest} more` : ""})`;
  });
  const count = missing.size === 1 ? "an operator" : `${missing.size} operators`;
  return `needs ${count} that Kiln does not have: ${listed.join("; ")}`;
}

const keyOf = (domain: string, name: string): string =>
  plainDomain(domain) === "" ? name : `${domain}.${name}`;
