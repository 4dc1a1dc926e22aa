/**
 * Orders kernels so that less memory is alive at once. Walking back from the end, a kernel that frees less than it
 * stores is placed as soon as all its readers have been placed: a weight gradient that is larger than its
 * operands waits until memory is free, and one that is smaller comes before more is stored. Everything else keeps the
 * order of the graph, and so does the whole program if the new order takes no less memory.
 */

import { movedBy, usesOf } from "../../src/loop/loops.ts";
import { arenaBytesOf, peakOf } from "../../src/loop/plan.ts";
import type { LoweredProgram } from "../../src/loop/program.ts";
import type { Pass } from "../pass.ts";

export const orderKernels: Pass<LoweredProgram, LoweredProgram> = {
  name: "order",
  doc: "Kernels that store more than they free run as late as possible, if less memory is alive at once then.",
  run(program) {
    // Prepared programs have been ordered.
    if (program.preparedTo !== undefined) return program;
    const ordered = inOrder(program, new Backwards(program).order());
    return peakOf(ordered) < peakOf(program) ? ordered : program;
  },
};

/** Kernels that always follow each other: those of a loop, those that hand each other scratch, the commit. */
interface Unit {
  readonly from: number;
  readonly to: number;
}

function unitsOf(program: LoweredProgram): Unit[] {
  const { kernels, buffers, loops = [], commitFrom } = program;
  const uses = usesOf(program);
  const scratch = buffers.flatMap(({ name, role }) => {
    const use = role === "scratch" ? uses.get(name) : undefined;
    return use === undefined ? [] : [{ from: use.first, to: use.last + 1 }];
  });
  const reach = kernels.map((_, k) => k + 1);
  for (const { from, to } of [...scratch, ...loops, { from: commitFrom, to: kernels.length }])
    if (from < to) reach[from] = Math.max(reach[from], to);
  const units: Unit[] = [];
  for (let from = 0; from < kernels.length; ) {
    let to = reach[from];
    for (let k = from; k < to; k++) to = Math.max(to, reach[k]);
    units.push({ from, to });
    from = to;
  }
  return units;
}

/** A buffer of the arena, and the units that touch it. */
interface Held {
  readonly bytes: number;
  readonly isInput: boolean;
  readonly units: number[];
  /** How many of these have not been placed yet. */
  left: number;
  isAlive: boolean;
}

/** Places units, the last one first. */
class Backwards {
  private readonly units: readonly Unit[];
  private readonly held: readonly (readonly Held[])[];
  /** The units that each one waits for, and how many unplaced units wait for it. */
  private readonly needs: readonly ReadonlySet<number>[];
  private readonly waiting: number[];
  private readonly isPlaced: boolean[];
  /** Units that may come next and reduce the memory alive. */
  private readonly shrinking = new Set<number>();
  private readonly endsWithCommit: boolean;

  constructor(program: LoweredProgram) {
    this.units = unitsOf(program);
    const accesses = this.units.map((unit) => accessesOf(program, unit));
    this.held = heldBy(program, accesses);
    this.needs = needsOf(accesses);
    this.waiting = this.units.map(() => 0);
    for (const needed of this.needs) for (const unit of needed) this.waiting[unit]++;
    this.isPlaced = this.units.map(() => false);
    this.endsWithCommit = program.commitFrom < program.kernels.length;
  }

  order(): readonly Unit[] {
    const { units } = this;
    const order: Unit[] = [];
    const place = (unit: number): void => {
      this.place(unit);
      order.push(units[unit]);
    };
    let last = units.length - 1;
    if (this.endsWithCommit) place(last--);
    for (const unit of units.keys()) this.look(unit);
    for (; last >= 0; last--) {
      while (this.shrinking.size > 0) place(Math.max(...this.shrinking));
      // The readers of the last remaining unit come after it, and have been placed.
      if (!this.isPlaced[last]) place(last);
    }
    return order.reverse();
  }

  private place(unit: number): void {
    this.isPlaced[unit] = true;
    this.shrinking.delete(unit);
    const changed = new Set<number>();
    for (const held of this.held[unit]) {
      held.left--;
      if (!held.isAlive || held.left === 1) for (const other of held.units) changed.add(other);
      held.isAlive = true;
    }
    for (const needed of this.needs[unit]) if (--this.waiting[needed] === 0) changed.add(needed);
    for (const other of changed) this.look(other);
  }

  /** Checks whether a unit may come next and less memory is alive before it than after it. */
  private look(unit: number): void {
    if (this.isPlaced[unit] || this.waiting[unit] > 0) return;
    let more = 0;
    for (const { bytes, isInput, left, isAlive } of this.held[unit]) {
      if (!isAlive) more += bytes;
      if (left === 1 && !isInput) more -= bytes;
    }
    if (more < 0) this.shrinking.add(unit);
    else this.shrinking.delete(unit);
  }
}

/** The buffers that a unit touches, and whether it writes them. */
type Accesses = ReadonlyMap<string, boolean>;

function accessesOf({ kernels, loops = [] }: LoweredProgram, { from, to }: Unit): Accesses {
  const accesses = new Map<string, boolean>();
  const touch = (name: string, writes: boolean): void => {
    accesses.set(name, writes || accesses.get(name) === true);
  };
  for (const { buffers } of kernels.slice(from, to))
    for (const { name, access } of buffers) touch(name, access !== "read");
  for (const loop of loops) {
    if (loop.from < from || loop.to > to) continue;
    for (const move of movedBy(loop)) {
      touch(move.from, false);
      touch(move.to, true);
    }
  }
  return accesses;
}

/** The arena buffers that each unit touches; scratch takes as much wherever the unit is. */
function heldBy(program: LoweredProgram, accesses: readonly Accesses[]): Held[][] {
  const outputs = new Set(program.outputs.map(({ buffer }) => buffer));
  const held = new Map<string, Held>();
  for (const buffer of program.buffers) {
    const { name, role } = buffer;
    if (role === "state" || role === "scratch") continue;
    const bytes = arenaBytesOf(buffer, program);
    held.set(name, { bytes, isInput: role === "input", units: [], left: 0, isAlive: outputs.has(name) });
  }
  return accesses.map((touched, unit) =>
    [...touched.keys()].flatMap((name) => {
      const one = held.get(name);
      if (one === undefined) return [];
      one.units.push(unit);
      one.left++;
      return [one];
    }),
  );
}

/**
 * The units that each one comes after: the earlier writer of a
 * buffer, and those that read it before it is written again.
 */
function needsOf(accesses: readonly Accesses[]): Set<number>[] {
  const writers = new Map<string, number>();
  const readers = new Map<string, number[]>();
  return accesses.map((touched, unit) => {
    const needs = new Set<number>();
    for (const [name, writes] of touched) {
      const writer = writers.get(name);
      if (writer !== undefined) needs.add(writer);
      const since = readers.get(name) ?? [];
      if (writes) {
        for (const reader of since) needs.add(reader);
        writers.set(name, unit);
        readers.set(name, []);
      } else if (since.push(unit) === 1) readers.set(name, since);
    }
    return needs;
  });
}

/** The program with its kernels in the order of these units. */
function inOrder(program: LoweredProgram, units: readonly Unit[]): LoweredProgram {
  const { kernels, loops } = program;
  const order = units.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, k) => from + k));
  const place = new Map(order.map((kernel, k) => [kernel, k]));
  const moved = loops?.map((loop) => {
    const from = place.get(loop.from)!;
    return { ...loop, from, to: from + loop.to - loop.from };
  });
  return {
    ...program,
    kernels: order.map((k) => kernels[k]),
    ...(moved && { loops: moved.sort((a, b) => a.from - b.from || b.to - a.to) }),
  };
}
