/** Decides which kernels of a range become one. */

import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Kernel } from "../../src/loop/types.ts";
import type { LiveBytes } from "./live-bytes.ts";

/** At most this many kernels, besides those that pack, become one: a profile has to show what takes the time. */
const MOST_KERNELS = 4;

/** Kernels that run as one, by their indices in the program. */
interface Group {
  readonly members: number[];
}

/**
 * How a kernel depends on an earlier one: it has to wait for all threads, or only has to run later on the same thread.
 */
type Dependence = "waits" | "follows";
type Needs = ReadonlyMap<number, Dependence>;

/** How much memory joining may take. */
export interface Limits {
  readonly live: LiveBytes;
  /** Bytes that may be alive at once. */
  readonly most: number;
  /** Bytes that may be packed for kernels that become one: more would leave the caches before it is read. */
  readonly packed: number;
}

export class KernelGroups {
  private readonly kernels: readonly Kernel[];
  private readonly from: number;
  private readonly to: number;
  private readonly limits: Limits;
  /** The groups of all kernels placed so far, in the order they run. */
  private readonly groups: Group[] = [];
  /** For a group, the group that runs before it and holds the packing for which there was no other place. */
  private readonly before = new Map<Group, Group>();
  private readonly needs: ReadonlyMap<number, Needs>;
  private readonly packs: ReadonlySet<number>;

  constructor(
    { kernels, buffers }: LoweredProgram,
    { from, to }: { readonly from: number; readonly to: number },
    limits: Limits,
  ) {
    this.kernels = kernels;
    this.from = from;
    this.to = to;
    this.limits = limits;
    this.needs = needsOf(kernels, from, to);
    const scratch = new Set(buffers.filter(({ role }) => role === "scratch").map(({ name }) => name));
    const packs = new Set<number>();
    // A kernel that packs what was itself packed stays where it is.
    for (let k = from; k < to; k++)
      if (isPack(kernels[k], scratch) && ![...this.needs.get(k)!.keys()].some((on) => packs.has(on)))
        packs.add(k);
    this.packs = packs;
  }

  /** The indices of the kernels, those that become one together, in the order they run. */
  inOrder(): readonly (readonly number[])[] {
    for (let k = this.from; k < this.to; k++) if (!this.packs.has(k)) this.place(k);
    for (const k of this.packs) this.placePack(k);
    return this.groups
      .flatMap((group) => [...[this.before.get(group)].flatMap((g) => g ?? []), group])
      .map(({ members }) => members.sort((a, b) => a - b));
  }

  /** Places a kernel in the group that runs last, or in a new one. */
  private place(k: number): void {
    const last = this.groups[this.groups.length - 1];
    const joins =
      last !== undefined &&
      last.members.length < MOST_KERNELS &&
      this.earliest(k) < this.groups.length &&
      this.areAsMany(k, last) &&
      this.hasRoom([...last.members, k]);
    if (joins) last.members.push(k);
    else this.groups.push({ members: [k] });
  }

  /** The first group that a kernel may be in, or the number of groups if it has to wait for the last one. */
  private earliest(k: number): number {
    let earliest = 0;
    for (const [on, dependence] of this.needs.get(k)!) {
      // A kernel that packs runs before the group of `k`, and not before its own inputs are computed.
      const needed = this.packs.has(on) ? [...this.needs.get(on)!.keys()] : [on];
      const waits = this.packs.has(on) || dependence === "waits";
      for (const other of needed) earliest = Math.max(earliest, this.groupOf(other) + (waits ? 1 : 0));
    }
    return earliest;
  }

  private groupOf(k: number): number {
    return this.groups.findIndex(({ members }) => members.includes(k));
  }

  private areAsMany(k: number, { members }: Group): boolean {
    const counts = new Set([k, ...members].flatMap((m) => this.kernels[m].threads ?? []));
    return counts.size <= 1;
  }

  /** Whether there is memory for all that kernels need while they run as one, and for what is packed for them. */
  private hasRoom(members: readonly number[]): boolean {
    const { live, packed } = this.limits;
    const packs = new Set(
      members.flatMap((k) => [...this.needs.get(k)!.keys()].filter((on) => this.packs.has(on))),
    );
    // A panel that is too large by itself leaves the caches anyway.
    const bytes = [...packs]
      .map((k) => live.filledBy(this.kernels[k]))
      .reduce((sum, own) => (own > packed ? sum : sum + own), 0);
    return bytes <= packed && this.fit([...members, ...packs]);
  }

  /** Whether there is memory for all that is alive while these kernels run. */
  private fit(members: readonly number[]): boolean {
    const { live, most } = this.limits;
    return live.within(Math.min(...members), Math.max(...members)) <= most;
  }

  /** Places a packing kernel in the last group that runs before the reader of its panel. */
  private placePack(k: number): void {
    let end = this.groups.length;
    for (let reader = k + 1; reader < this.to; reader++)
      if (this.needs.get(reader)!.has(k)) end = Math.min(end, this.groupOf(reader));
    const reader = this.groups[end];
    const aside = reader && this.before.get(reader);
    if (aside !== undefined && this.areAsMany(k, aside) && this.fit([...aside.members, k])) {
      aside.members.push(k);
      return;
    }
    for (let at = end - 1; at >= this.earliest(k); at--) {
      if (!this.areAsMany(k, this.groups[at])) continue;
      // If it takes too much memory from here on, it takes no less from earlier on.
      if (!this.mayPackEarly(k, this.groups[at])) break;
      this.groups[at].members.push(k);
      return;
    }
    if (reader === undefined) this.groups.push({ members: [k] });
    else {
      if (aside !== undefined) this.groups.splice(end, 0, aside);
      this.before.set(reader, { members: [k] });
    }
  }

  /** Whether there is memory for a packed panel from the time of a group on. */
  private mayPackEarly(k: number, { members }: Group): boolean {
    const { live, most } = this.limits;
    const bytes = live.filledBy(this.kernels[k]);
    const first = Math.min(...members);
    const fits = Math.max(live.within(first, Math.max(...members)), live.most(first, k)) + bytes <= most;
    if (fits) live.lengthen(bytes, first, k);
    return fits;
  }
}

/** Whether a kernel packs for others: it fills scratch, and its time is counted with that of the kernel it packs for. */
function isPack({ buffers, estimate, nominalFlops }: Kernel, scratch: ReadonlySet<string>): boolean {
  const isHelper = estimate === undefined && nominalFlops === 0;
  return isHelper && buffers.every(({ name, access }) => access === "read" || scratch.has(name));
}

/** For each kernel in [from, to), the earlier ones that have to run before it. */
function needsOf(kernels: readonly Kernel[], from: number, to: number): ReadonlyMap<number, Needs> {
  const all = new Map<number, Needs>();
  const uses = new Map<string, { readonly k: number; readonly writes: boolean }[]>();
  for (let k = from; k < to; k++) {
    const own = new Map<number, Dependence>();
    for (const { name, access } of kernels[k].buffers) {
      const writes = access !== "read";
      const earlier = uses.get(name) ?? [];
      for (const other of earlier) {
        if (!writes && !other.writes) continue;
        const areAlone = kernels[k].threads === undefined && kernels[other.k].threads === undefined;
        own.set(other.k, areAlone ? "follows" : "waits");
      }
      uses.set(name, [...earlier, { k, writes }]);
    }
    all.set(k, own);
  }
  return all;
}
