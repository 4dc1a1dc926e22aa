/** Assigns numbers to lines of the model, kernels and their parts; links consist of these numbers. */

import { formatOrigins, type Line, moduleOf, type Origin } from "../core/origin.ts";
import { loweredKernels, ownersOf } from "../inspect/kernel-story.ts";
import { isGraph } from "../ir/artifact.ts";
import { isConstant } from "../ir/builder.ts";
import { kernelNames } from "../ir/kernel-names.ts";
import { valueNames } from "../ir/print.ts";
import { partNames } from "../loop/parts.ts";
import type { Kernel } from "../loop/types.ts";
import type { Compilation } from "../runtime/inspection/figures.ts";
import { type Link, NO_LINK } from "./link.ts";
import { loweredPhases, PHASES, type Phase } from "./phases.ts";

/** Numbers texts in the order of their first use. */
class Numbers {
  private readonly known = new Map<string, number>();

  of(text: string): number {
    const number = this.known.get(text) ?? this.known.size;
    this.known.set(text, number);
    return number;
  }
}

/** Numbers that are shared by all backends: kernels with the same name and the same lines count as one. */
export class LinkTable {
  private readonly lines = new Numbers();
  private readonly sites = new Numbers();
  private readonly kernels = new Numbers();
  private readonly parts = new Numbers();
  private readonly nodes = new Numbers();

  /** Where something comes from. Only `sites` depend on which module runs a line. */
  placesOf(origins: readonly Origin[]): Pick<Link, "origins" | "callers" | "sites"> {
    const numbers = (lines: readonly Line[]): readonly number[] => [
      ...new Set(lines.map(({ file, line }) => this.lines.of(`${file}:${line}`))),
    ];
    const sites = origins.map(({ file, line, module }) => this.sites.of(`${file}:${line} ${module}`));
    return {
      origins: numbers(origins),
      callers: numbers(origins.flatMap(({ callers = [] }) => callers)),
      sites: [...new Set(sites)],
    };
  }

  line(file: string, line: number): Link {
    const numbers = [this.lines.of(`${file}:${line}`)];
    return { ...NO_LINK, origins: numbers, calls: numbers };
  }

  /** A node by its name in the graphs after `partition`, where passes no longer add or remove nodes. */
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

/** The links of one compilation's kernels, by name: `lowered` after fusion, `scheduled` as they run. */
export interface KernelLinks {
  readonly lowered: ReadonlyMap<string, Link>;
  readonly scheduled: ReadonlyMap<string, Link>;
  /** The module that each kernel belongs to. */
  readonly modules: ReadonlyMap<string, string>;
  /** The phase of the training step that each kernel belongs to. */
  readonly phases: ReadonlyMap<string, Phase>;
}

export function kernelLinks(compilation: Compilation, table: LinkTable): KernelLinks {
  const lowered = loweredKernels(compilation);
  const nodes = nodesByKernel(compilation, table);
  const linkOf = (owner: Kernel): Link => ({
    ...NO_LINK,
    ...table.placesOf(owner.origins),
    nodes: nodes.get(owner.name) ?? [],
    kernels: [table.kernel(owner)],
  });
  const made = scheduledKernels(compilation);
  const byName = new Map(made.map((kernel) => [kernel.name, kernel]));
  const scheduled = made.map((kernel): [string, Link] => {
    const owners = ownersOf(lowered, kernel);
    const parts = partNames(kernel).flatMap((name) => byName.get(name) ?? []);
    return [
      kernel.name,
      {
        ...NO_LINK,
        ...table.placesOf(kernel.origins),
        nodes: [...new Set(owners.flatMap(({ name }) => nodes.get(name) ?? []))],
        kernels: owners.map((owner) => table.kernel(owner)),
        parts: [...new Set([kernel, ...parts].map((part) => table.part(part)))],
      },
    ];
  });
  const phases = loweredPhases(compilation);
  return {
    lowered: new Map(lowered.map((kernel) => [kernel.name, linkOf(kernel)])),
    scheduled: new Map(scheduled),
    modules: new Map([...lowered, ...made].map(({ name, origins }) => [name, moduleOf(origins)])),
    phases: new Map([...phases, ...made.flatMap((kernel) => phaseOfPart(kernel, lowered, phases))]),
  };
}

/** The phase of a scheduled kernel; one that combines several lowered kernels has the earliest of their phases. */
function phaseOfPart(
  kernel: Kernel,
  lowered: readonly Kernel[],
  phases: ReadonlyMap<string, Phase>,
): readonly (readonly [string, Phase])[] {
  const own = ownersOf(lowered, kernel).map(({ name }) => phases.get(name));
  const first = PHASES.find((phase) => own.includes(phase));
  return first === undefined ? [] : [[kernel.name, first]];
}

/** The final version of every scheduled kernel; those whose panel another kernel already packs are not in the plan. */
function scheduledKernels({ stages, plan }: Compilation): readonly Kernel[] {
  const made = stages.flatMap(({ artifact }) => (isGraph(artifact) ? [] : artifact.kernels));
  const known = new Map(made.filter((k) => k.schedule !== undefined).map((k) => [k.name, k]));
  return [...new Map([...known, ...plan.kernels.map((k) => [k.name, k] as const)]).values()];
}

/** The nodes that each kernel computes; constants are inlined into many kernels and belong to none. */
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

/** The union of several links. */
export function joinLinks(links: readonly Link[]): Link {
  const distinct = [...new Set(links)];
  const all = (kind: keyof Link): readonly number[] => {
    const numbers = new Set<number>();
    for (const link of distinct) for (const number of link[kind]) numbers.add(number);
    return [...numbers];
  };
  return {
    origins: all("origins"),
    callers: all("callers"),
    calls: all("calls"),
    sites: all("sites"),
    nodes: all("nodes"),
    kernels: all("kernels"),
    parts: all("parts"),
  };
}
