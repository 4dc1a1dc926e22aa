/** Parameters that `forward` uses and the model does not have: for training that is an error, in evaluation they do have numbers. */

import type { Trace } from "../session.ts";
import type { Traceable } from "../traceable.ts";
import type { Mistake } from "./mistake.ts";

/** The first of them, unless `detach` or `noGrad` says that it is meant as a constant. */
export function captured(model: Traceable, { graph, states }: Trace): Mistake[] {
  const own = new Set([...model.namedParameters(), ...model.namedBuffers()].map(([name]) => name));
  const foreign = [...states].filter(
    ([name, { isLeaf, requiresGrad }]) => !own.has(name) && isLeaf && requiresGrad,
  );
  for (const [name, { dtype, shape }] of foreign) {
    const reader = graph.nodes.find(
      ({ op, inputs }) =>
        op !== "detach" && inputs.some((value) => value.kind === "input" && value.name === name),
    );
    if (reader === undefined) continue;
    const message =
      `${model.constructor.name} uses a parameter ${dtype}[${shape}] that is not part of it, so it is neither trained nor ` +
      "saved nor loaded: keep layers and parameters in fields, lists of them in nn.ModuleList; noGrad or detach() says " +
      "that it is a constant";
    return [{ module: model, message, place: graph.origins.get(reader)?.[0] }];
  }
  return [];
}
