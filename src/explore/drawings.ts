/** Drawings of stages, with links from their boxes and groups to what they belong to. */

import { graphPicture } from "../inspect/graph-picture.ts";
import { programPicture } from "../inspect/program-picture.ts";
import { isGraph, type StageDump } from "../ir/artifact.ts";
import { valueNames } from "../ir/print.ts";
import type { Graph } from "../ir/types.ts";
import type { Compilation } from "../runtime/inspection/figures.ts";
import type { Drawing } from "./data.ts";
import { nodeLinks } from "./documents.ts";
import type { KernelLinks, LinkTable } from "./link-table.ts";
import { outlined } from "./outline.ts";
import { groupPhases, type Phase, phasesOf } from "./phases.ts";

/** The ops of a graph, or the kernels of a program. */
export function stageDrawing(
  { name, artifact }: StageDump,
  { stages }: Compilation,
  kernels: KernelLinks,
  table: LinkTable,
): Drawing {
  if (!isGraph(artifact)) {
    const links = name === "lower" ? kernels.lowered : kernels.scheduled;
    return outlined(programPicture(artifact), {
      linkOf: (kernel) => links.get(kernel),
      phaseOf: (kernel) => told(kernels.phases)?.get(kernel),
    });
  }
  const names = valueNames(artifact);
  const links = new Map(
    [...nodeLinks(artifact, kernels, table)].map(([node, link]) => [names.get(node)!, link]),
  );
  const phases = told(phasesByName(artifact, stages, names));
  return outlined(graphPicture(artifact), {
    linkOf: (box) => links.get(box),
    // Values in the body of a loop are named after the loop: `%4.x`.
    phaseOf: (box) => phases?.get(box) ?? phases?.get(box.split(".")[0]),
  });
}

/** The phases of a graph's nodes and kernels, by their names in its text. */
function phasesByName(
  graph: Graph,
  stages: readonly StageDump[],
  names: ReturnType<typeof valueNames>,
): ReadonlyMap<string, Phase> {
  const traced = stages.map((stage) => stage.artifact).find(isGraph)!;
  const phases = phasesOf(graph, traced);
  return new Map([
    ...[...phases].map(([node, phase]) => [names.get(node)!, phase] as const),
    ...groupPhases(graph, phases),
  ]);
}

/** The phases if there are several; a single one would cover the whole graph and need not be shown. */
const told = (phases: ReadonlyMap<string, Phase>): ReadonlyMap<string, Phase> | undefined =>
  new Set(phases.values()).size > 1 ? phases : undefined;
