/** Gives lines of the model, kernels and their parts the numbers that links are made of. */

import { formatOrigins, type Origin } from "../core/origin.ts";
import { loweredKernels, ownerOf } from "../inspect/kernel-story.ts";
import type { Kernel } from "../loop/types.ts";
import type { Compilation } from "../runtime/figures.ts";
import type { Link } from "./link.ts";

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

  /** The module does not count: a line is one line, whoever runs it. */
  originsOf(origins: readonly Origin[]): readonly number[] {
    return [...new Set(origins.map(({ file, line }) => this.origins.of(`${file}:${line}`)))];
  }

  line(file: string, line: number): Link {
    return { origins: [this.origins.of(`${file}:${line}`)], kernels: [], parts: [] };
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
  const linkOf = (owner: Kernel): Link => ({
    origins: table.originsOf(owner.origins),
    kernels: [table.kernel(owner)],
    parts: [],
  });
  const scheduled = compilation.plan.kernels.map((kernel): [string, Link] => {
    const owner = ownerOf(lowered, kernel.name);
    return [
      kernel.name,
      {
        origins: table.originsOf(kernel.origins),
        kernels: owner === undefined ? [] : [table.kernel(owner)],
        parts: [table.part(kernel)],
      },
    ];
  });
  return {
    lowered: new Map(lowered.map((kernel) => [kernel.name, linkOf(kernel)])),
    scheduled: new Map(scheduled),
  };
}

/** What belongs to any of several kernels. */
export function joinLinks(links: readonly Link[]): Link {
  const all = (pick: (link: Link) => readonly number[]): readonly number[] => [
    ...new Set(links.flatMap(pick)),
  ];
  return { origins: all((l) => l.origins), kernels: all((l) => l.kernels), parts: all((l) => l.parts) };
}
