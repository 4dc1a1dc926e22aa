/** Gives lines of the model, kernels and their parts the numbers that links are made of. */

import { formatOrigins, type Origin } from "../core/origin.ts";
import { loweredKernels, ownersOf } from "../inspect/kernel-story.ts";
import { isGraph } from "../ir/artifact.ts";
import { isConstant } from "../ir/builder.ts";
import { kernelNames } from "../ir/kernel-names.ts";
import { valueNames } from "../ir/print.ts";
import { partNames } from "../loop/parts.ts";
import type { Kernel } from "../loop/types.ts";
import type { Compilation } from "../runtime/inspection/figures.ts";
import { type Link, NO_LINK } from "./link.ts";

/** Numbers in the order in which texts are first met. */
class Numbers {
  private readonly known = new Map<string, number>();

  of(text: string): number {
    const number = this.known.get(text) ?? this.known.size;
    this.known.set(text, number);
    return number;
  }
}

/** Numbers that mean the same for all backends: kernels are one where name and lines are the same. */
export class LinkTable {
  private readonly origins = new Numbers();
  private readonly kernels = new Numbers();
  private readonly parts = new Numbers();
  private readonly nodes = new Numbers();

  /** The module does not count: a line is one line, whoever runs it. */
  originsOf(origins: readonly Origin[]): readonly number[] {
    return [...new Set(origins.map(({ file, line }) => this.origins.of(`${file}:${line}`)))];
  }

  line(file: string, line: number): Link {
    return { ...NO_LINK, origins: [this.origins.of(`${file}:${line}`)] };
  }

  /** A node by its name in the graphs behind `partition`, whose passes add and remove none. */
  node(name: string): number {
    return this.nodes.of(name);
  }

  kernel({ name, origins }: Kernel): number {
    return this.kernels.of(`${name} ${formatOrigins(origins)}`);
  }

  part({ name, origins }: Kernel): number {
    return this.parts.of(`${name} ${formatOrigins(origins)}`);
  }
}

/** The links of one compilation's kernels, by name: `lowered` as fusion named them, `scheduled` as they run. */
export interface KernelLinks {
  readonly lowered: ReadonlyMap<string, Link>;
  readonly scheduled: ReadonlyMap<string, Link>;
}

export function kernelLinks(compilation: Compilation, table: LinkTable): KernelLinks {
  const lowered = loweredKernels(compilation);
  const nodes = nodesByKernel(compilation, table);
  const linkOf = (owner: Kernel): Link => ({
    origins: table.originsOf(owner.origins),
    nodes: nodes.get(owner.name) ?? [],
    kernels: [table.kernel(owner)],
    parts: [],
  });
  const made = scheduledKernels(compilation);
  const byName = new Map(made.map((kernel) => [kernel.name, kernel]));
  const scheduled = made.map((kernel): [string, Link] => {
    const owners = ownersOf(lowered, kernel);
    const parts = partNames(kernel).flatMap((name) => byName.get(name) ?? []);
    return [
      kernel.name,
      {
        origins: table.originsOf(kernel.origins),
        nodes: [...new Set(owners.flatMap(({ name }) => nodes.get(name) ?? []))],
        kernels: owners.map((owner) => table.kernel(owner)),
        parts: [...new Set([kernel, ...parts].map((part) => table.part(part)))],
      },
    ];
  });
  return {
    lowered: new Map(lowered.map((kernel) => [kernel.name, linkOf(kernel)])),
    scheduled: new Map(scheduled),
  };
}

/** Every kernel that scheduling has made, as it is last: some are not in the plan, for another one has made their panel. */
function scheduledKernels({ stages, plan }: Compilation): readonly Kernel[] {
  const made = stages.flatMap(({ artifact }) => (isGraph(artifact) ? [] : artifact.kernels));
  const known = new Map(made.filter((k) => k.schedule !== undefined).map((k) => [k.name, k]));
  return [...new Map([...known, ...plan.kernels.map((k) => [k.name, k] as const)]).values()];
}

/** The nodes that each kernel computes; constants are written into many kernels, and belong to none. */
function nodesByKernel({ stages }: Compilation, table: LinkTable): ReadonlyMap<string, readonly number[]> {
  const graph = stages.map(({ artifact }) => artifact).findLast(isGraph);
  if (graph === undefined) return new Map();
  const names = valueNames(graph);
  const titles = kernelNames(graph.groups ?? []);
  return new Map(
    (graph.groups ?? []).map(({ nodes }, k) => [
      titles[k],
      nodes.filter((node) => !isConstant(node)).map((node) => table.node(names.get(node)!)),
    ]),
  );
}

/** What belongs to any of several kernels. */
export function joinLinks(links: readonly Link[]): Link {
  const all = (pick: (link: Link) => readonly number[]): readonly number[] => [
    ...new Set(links.flatMap(pick)),
  ];
  return {
    origins: all((l) => l.origins),
    nodes: all((l) => l.nodes),
    kernels: all((l) => l.kernels),
    parts: all((l) => l.parts),
  };
}
