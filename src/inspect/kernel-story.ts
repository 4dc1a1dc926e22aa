/**
 * One kernel from start to end: the nodes it computes, its loops before and after scheduling, its code, its figures.
 */

import type { Origin } from "../core/origin.ts";
import { isGraph } from "../ir/artifact.ts";
import { kernelNames } from "../ir/kernel-names.ts";
import { valueNames } from "../ir/print.ts";
import type { Graph } from "../ir/types.ts";
import { partNames } from "../loop/parts.ts";
import { printKernel } from "../loop/print.ts";
import type { Kernel } from "../loop/types.ts";
import type { Compilation, KernelInfo } from "../runtime/inspection/figures.ts";

/** Scheduling may turn a kernel into several: packs, lists, partial sums, the kernel itself. */
export interface KernelPart {
  readonly info: KernelInfo;
  readonly scheduled: Kernel;
  /** Its loops as text. */
  readonly text: string;
}

export interface KernelStory {
  readonly name: string;
  readonly origins: readonly Origin[];
  /** The lines of the last graph that become this kernel. */
  readonly nodes: readonly string[];
  /** The plain loops that they become. */
  readonly lowered: string;
  readonly parts: readonly KernelPart[];
}

/** All names that {@link kernelStory} knows: of kernels as they are lowered, and of what scheduling makes of them. */
export const storyNames = (compilation: Compilation): readonly string[] => [
  ...new Set([
    ...loweredKernels(compilation).map(({ name }) => name),
    ...compilation.plan.kernels.flatMap((kernel) => [kernel.name, ...partNames(kernel)]),
  ]),
];

/** The story of the kernel called `name`, or of that part of one; `undefined` if there is none. */
export function kernelStory(compilation: Compilation, name: string): KernelStory | undefined {
  const lowered = loweredKernels(compilation);
  const owner = lowered.find((kernel) => kernel.name === name) ?? ownerOf(lowered, name);
  const scheduled = compilation.plan.kernels.filter((kernel) =>
    owner?.name === name
      ? ownersOf(lowered, kernel).includes(owner)
      : kernel.name === name || partNames(kernel).includes(name),
  );
  if (owner === undefined || scheduled.length === 0) return undefined;
  const infos = new Map(compilation.kernels.map((info) => [info.name, info]));
  return {
    name,
    origins: owner.origins,
    nodes: nodesOf(compilation, owner.name),
    lowered: printKernel(owner),
    parts: scheduled.map((kernel) => ({
      info: infos.get(kernel.name)!,
      scheduled: kernel,
      text: printKernel(kernel),
    })),
  };
}

/** The kernels as fusion named them, before scheduling splits them. */
export function loweredKernels({ stages }: Compilation): readonly Kernel[] {
  const artifact = stages.find((stage) => stage.name === "lower")?.artifact;
  return artifact === undefined || isGraph(artifact) ? [] : artifact.kernels;
}

/** The kernel that `name` is a part of: scheduling names its parts by the kernel and a suffix. */
export function ownerOf(lowered: readonly Kernel[], name: string): Kernel | undefined {
  const owners = lowered.filter((kernel) => name === kernel.name || name.startsWith(`${kernel.name}_`));
  return owners.reduce<Kernel | undefined>(
    (best, kernel) => (best === undefined || kernel.name.length > best.name.length ? kernel : best),
    undefined,
  );
}

/** The lines of the group `name` in the text of the last graph; their order there is that of the nodes. */
function nodesOf({ stages }: Compilation, name: string): readonly string[] {
  const last = stages.findLast(({ artifact }) => isGraph(artifact));
  if (last === undefined || !isGraph(last.artifact)) return [];
  const graph: Graph = last.artifact;
  const { groups = [] } = graph;
  const group = groups[kernelNames(groups).indexOf(name)];
  if (group === undefined) return [];
  const names = valueNames(graph);
  const wanted = new Set(group.nodes.map((node) => names.get(node)));
  return last.text.split("\n").filter((line) => wanted.has(/^ {2}(%\w+): /.exec(line)?.[1] ?? ""));
}

/** The kernels that the parts of a kernel come from, each once. */
export function ownersOf(lowered: readonly Kernel[], kernel: Kernel): readonly Kernel[] {
  return [...new Set(partNames(kernel).flatMap((name) => ownerOf(lowered, name) ?? []))];
}
