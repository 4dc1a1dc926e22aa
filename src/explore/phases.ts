/** Divides a training step into forward pass, backward pass and update, so that each can be drawn separately. */

import { isGraph } from "../ir/artifact.ts";
import { kernelNames } from "../ir/kernel-names.ts";
import type { Graph, Value } from "../ir/types.ts";
import type { Compilation } from "../runtime/inspection/figures.ts";

export type Phase = "forward" | "backward" | "update";

/** In execution order. */
export const PHASES: readonly Phase[] = ["forward", "backward", "update"];

/**
 * The phase of every node. Everything that the outputs and updates of the `traced` model depend on is the forward pass;
 * everything else that depends on inputs which the step adds, such as the learning rate, is the update; the rest is the
 * backward pass.
 */
export function phasesOf(graph: Graph, traced: Graph): ReadonlyMap<Value, Phase> {
  const returned = new Set(traced.outputs.map(({ name }) => name));
  const changed = new Set(traced.updates.map(({ target }) => target.name));
  const forward = new Set<Value>([
    ...graph.outputs.filter(({ name }) => returned.has(name)).map(({ value }) => value),
    ...graph.updates.filter(({ target }) => changed.has(target.name)).map(({ value }) => value),
  ]);
  for (const node of graph.nodes.toReversed()) {
    if (forward.has(node)) for (const input of node.inputs) forward.add(input);
  }
  const known = new Set(traced.inputs.map(({ name }) => name));
  const update = new Set<Value>(graph.inputs.filter(({ name }) => !known.has(name)));
  const phases = new Map<Value, Phase>();
  for (const node of graph.nodes) {
    if (!forward.has(node) && node.inputs.some((input) => update.has(input))) update.add(node);
    phases.set(node, forward.has(node) ? "forward" : update.has(node) ? "update" : "backward");
  }
  return phases;
}

/** The phase of every group of `graph`, by the name of its kernel: the earliest phase of the values it stores. */
export function groupPhases(
  { groups = [] }: Graph,
  phases: ReadonlyMap<Value, Phase>,
): ReadonlyMap<string, Phase> {
  const names = kernelNames(groups);
  return new Map(
    groups.map(({ stores }, k) => {
      const stored = stores.map((node) => phases.get(node) ?? "forward");
      return [names[k], PHASES.find((phase) => stored.includes(phase)) ?? "forward"];
    }),
  );
}

/** The phase of every lowered kernel. */
export function loweredPhases({ stages }: Compilation): ReadonlyMap<string, Phase> {
  const graphs = stages.map(({ artifact }) => artifact).filter(isGraph);
  const [traced, last] = [graphs.at(0), graphs.at(-1)];
  return traced === undefined || last === undefined ? new Map() : groupPhases(last, phasesOf(last, traced));
}
