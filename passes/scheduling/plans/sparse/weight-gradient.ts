/**
 * The weight gradient over winner lists: one list per image and output channel holds where each window's
 * winner stands in the input and what gradient arrives there; a block of taps is accumulated in registers
 * while a list is run.
 */

import { type Affine, coefficientOf, toAffine } from "../../../../src/loop/affine.ts";
import { add, binary, float, int, load, local, mul, variable } from "../../../../src/loop/build.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import type { Schedule, Step } from "../../../../src/loop/schedule.ts";
import { BLOCK } from "../../../../src/loop/sum-blocks.ts";
import type { Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { replaceCore } from "../../transforms/replace-core.ts";
import { bandsOf, type ImageLists, imageLists } from "./image-lists.ts";
import {
  nestLoops,
  type SparseContraction,
  type SparseForm,
  type WeightLoops,
  weightLoops,
} from "./sparse-form.ts";

/**
 * Matches `Σ[n, y, x] sparse(n, co, y, x) · X(n, …, y, x)`: row and column of the sparse factor are reduction
 * variables themselves. Returns `undefined` for other forms. Unless sums are in double, long ones run in blocks.
 */
export function weightGradientForm(
  found: SparseContraction,
  { registers, costs }: Machine,
  sumsInDouble: boolean,
): SparseForm | undefined {
  const loops = loopsOf(found);
  if (loops === undefined) return undefined;
  const { plane } = found.sparse;
  const windows = plane[0] * plane[1];
  const inBlocks = !sumsInDouble && loops.images.reduce((n, { extent }) => n * extent, windows) > BLOCK;
  const bands = inBlocks ? bandsOf(found.sparse) : 1;
  if (inBlocks && loops.images.reduce((n, { extent }) => n * extent, bands) > BLOCK) return undefined;
  const work = [...loops.images, ...found.contraction.nest.loops].reduce((n, l) => n * l.extent, windows);
  return {
    schedule: scheduleOf(found, blockOf(loops.taps, registers), inBlocks),
    cost: 2 * work * costs.sparse.step,
  };
}

/** Carries out the schedule of such a form; `undefined` for other contractions. */
export function buildWeightGradient(found: SparseContraction, schedule: Schedule): Scheduled | undefined {
  const loops = loopsOf(found);
  if (loops === undefined) return undefined;
  const inBlocks = schedule.some((step) => step.kind === "compact" && step.inBands);
  const block = schedule.flatMap((step) => {
    const loop = step.kind === "unroll" && loops.taps.find(({ name }) => name === step.loop);
    return loop ? [{ loop, size: step.by }] : [];
  });
  const parts = { ...loops, block, inBlocks, bands: inBlocks ? bandsOf(found.sparse) : 1 };
  return new WeightGradient(found, parts, schedule).build();
}

/** The loops of a weight gradient whose dense factor is read in place. */
function loopsOf({ contraction, sparse, dense }: SparseContraction): WeightLoops | undefined {
  const loops = weightLoops(contraction, sparse);
  const index = toAffine(dense.index);
  const isPlain = [...index.terms.values()].every(({ atom }) => atom.kind === "var");
  return isPlain && !loops?.channels.some(({ name }) => index.terms.has(name)) ? loops : undefined;
}

const scheduleOf = ({ sparse }: SparseContraction, block: Parts["block"], inBlocks: boolean): Schedule => [
  { kind: "compact", operand: sparse.operand, ...(inBlocks && { inBands: true }) },
  ...block.map(({ loop, size }): Step => ({ kind: "unroll", loop: loop.name, by: size })),
];

interface Parts extends WeightLoops {
  /** Lists of each image and channel; where there are many entries in all, every list has sums of its own. */
  readonly bands: number;
  readonly inBlocks: boolean;
  /** How much of the innermost loops over taps is accumulated at once. */
  readonly block: readonly { readonly loop: GridLoop; readonly size: number }[];
}

/** Whole innermost loops while they fit, then as much of the next one as does. */
function blockOf(taps: readonly GridLoop[], registers: number): { loop: GridLoop; size: number }[] {
  const block: { loop: GridLoop; size: number }[] = [];
  let room = registers - 1;
  for (const loop of [...taps].reverse()) {
    if (room < 2) break;
    const size = Math.min(loop.extent, room);
    block.push({ loop, size });
    room = Math.floor(room / size);
    if (size < loop.extent) break;
  }
  return block;
}

class WeightGradient {
  private readonly found: SparseContraction;
  private readonly parts: Parts;
  private readonly schedule: Schedule;
  private readonly kernel: Kernel;
  private readonly index: Affine;

  constructor(found: SparseContraction, parts: Parts, schedule: Schedule) {
    this.schedule = schedule;
    this.found = found;
    this.parts = parts;
    this.kernel = found.contraction.kernel;
    this.index = toAffine(found.dense.index);
  }

  build() {
    const { kernel, parts } = this;
    const strideOf = (name: string): number => coefficientOf(this.index, name);
    const lists = imageLists(
      kernel,
      this.found.sparse,
      [...parts.images, ...parts.channels],
      parts.bands,
      strideOf(parts.row),
      strideOf(parts.column),
    );
    const sources = new Set([this.found.sparse.gradient, this.found.sparse.winner]);
    const mainKernel: Kernel = {
      ...kernel,
      buffers: [...kernel.buffers.filter((b) => !sources.has(b.name)), ...lists.params],
      body: this.sections(lists),
      schedule: this.schedule,
    };
    return { kernels: [lists.kernel, mainKernel], scratch: lists.buffers };
  }

  /** One section per combination of whole blocks and remainders. */
  private sections(lists: ImageLists): Stmt[] {
    const starts = this.parts.block.map(({ loop, size }) => {
      const list: { start: Expr; size: number; iterations: number }[] = [];
      const whole = Math.floor(loop.extent / size);
      if (whole > 0)
        list.push({
          start: whole === 1 ? int(0) : mul(variable(loop.name), int(size)),
          size,
          iterations: whole,
        });
      if (loop.extent % size > 0)
        list.push({ start: int(whole * size), size: loop.extent % size, iterations: 1 });
      return { loop, list };
    });
    const combine = (
      k: number,
      chosen: readonly { loop: GridLoop; start: Expr; size: number; iterations: number }[],
    ): Stmt[][] => {
      if (k === starts.length) return [this.blockBody(lists, chosen)];
      return starts[k].list.flatMap((part) => combine(k + 1, [...chosen, { loop: starts[k].loop, ...part }]));
    };
    const bodies = combine(0, []);
    return bodies.length === 1 ? bodies[0] : bodies.map((body) => ({ kind: "section", name: "block", body }));
  }

  private blockBody(
    lists: ImageLists,
    chosen: readonly { loop: GridLoop; start: Expr; size: number; iterations: number }[],
  ): Stmt[] {
    const { images, channels, taps } = this.parts;
    const [store] = this.found.contraction.nest.stores;
    const blocked = new Map(chosen.map((c) => [c.loop.name, c]));
    const points = chosen.reduce<ReadonlyMap<string, Expr>[]>(
      (all, { loop, start, size }) =>
        Array.from({ length: size }, (_, k) => k).flatMap((k) =>
          all.map((point) => new Map([...point, [loop.name, add(start, int(k))]])),
        ),
      [new Map()],
    );
    const zeroed = new Map([
      [this.parts.row, int(0)],
      [this.parts.column, int(0)],
    ]);
    const gradient = local("gradient", "float32");
    const sum = this.parts.inBlocks ? "part" : "acc";
    const iteration: Stmt[] = [
      { kind: "let", name: "offset", value: lists.offset },
      { kind: "let", name: "gradient", value: lists.gradient },
      ...points.map((point, k): Stmt => {
        const index = add(
          local("offset", "int32"),
          substitute(substitute(this.found.dense.index, zeroed), point),
        );
        const product = binary("mul", gradient, load(this.found.dense.buffer, "float32", index));
        return { kind: "assign", name: `${sum}${k}`, value: add(local(`${sum}${k}`, "float32"), product) };
      }),
    ];
    const zeros = (name: string): Stmt[] =>
      points.map((_, k): Stmt => ({ kind: "accumulator", name: `${name}${k}`, init: float(0) }));
    const list: Stmt[] = [
      ...(this.parts.inBlocks ? zeros("part") : []),
      { kind: "let", name: "count", value: lists.count },
      {
        kind: "for",
        name: "entry",
        extent: { count: "count", most: lists.most },
        loop: "reduce",
        body: iteration,
      },
      ...(this.parts.inBlocks ? points : []).map((_, k): Stmt => {
        const value = add(local(`acc${k}`, "float32"), local(`part${k}`, "float32"));
        return { kind: "assign", name: `acc${k}`, value };
      }),
    ];
    const body: Stmt[] = [
      ...zeros("acc"),
      ...nestLoops([...images, ...lists.bands], "reduce", list),
      ...points.map((point, k): Stmt => {
        const value = replaceCore(store.value, this.found.contraction.core, local(`acc${k}`, "float32"));
        return {
          kind: "store",
          buffer: store.buffer,
          index: substitute(store.index, point),
          value: substitute(value, point),
        };
      }),
    ];
    const loops = [...channels, ...taps].flatMap((loop): GridLoop[] => {
      const c = blocked.get(loop.name);
      if (c === undefined) return [loop];
      return c.iterations === 1 ? [] : [{ name: loop.name, extent: c.iterations }];
    });
    return nestLoops(loops, "grid", body);
  }
}
