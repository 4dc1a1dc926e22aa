/** Drawings of stages whose boxes know what they belong to. */

import { graphPicture } from "../inspect/graph-picture.ts";
import type { Box } from "../inspect/picture.ts";
import { programPicture } from "../inspect/program-picture.ts";
import { svgText } from "../inspect/svg.ts";
import { isGraph, type StageDump } from "../ir/artifact.ts";
import { valueNames } from "../ir/print.ts";
import type { Drawing } from "./data.ts";
import { nodeLinks } from "./documents.ts";
import { type Link, NO_LINK } from "./link.ts";
import type { KernelLinks, LinkTable } from "./link-table.ts";

/** The ops of a graph, or the kernels of a program. */
export async function stageDrawing(
  { name, artifact }: StageDump,
  kernels: KernelLinks,
  table: LinkTable,
): Promise<Drawing> {
  const picture = isGraph(artifact) ? graphPicture(artifact) : programPicture(artifact);
  const links = linksByName();
  const boxes = picture.boxes
    .filter(({ kind }) => kind === "op" || kind === "kernel")
    .map((box: Box) => ({ box: box.id, name: box.name, link: links.get(box.name) ?? NO_LINK }));
  return { svg: await svgText(picture), boxes };

  function linksByName(): ReadonlyMap<string, Link> {
    if (!isGraph(artifact)) return name === "lower" ? kernels.lowered : kernels.scheduled;
    const names = valueNames(artifact);
    return new Map([...nodeLinks(artifact, kernels, table)].map(([node, link]) => [names.get(node)!, link]));
  }
}
