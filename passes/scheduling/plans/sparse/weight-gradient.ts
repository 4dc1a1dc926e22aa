/**
 * The weight gradient over lists: an entry adds its gradient times the taps under its winner. In lanes the input is
 * copied with its channels innermost, so that the taps of a row are contiguous; images run outside of channels then, to
 * stay in the cache meanwhile, and sums are kept in memory from list to list. In single lanes sums may stay in
 * registers.
 */

import { type Affine, coefficientOf, sameAffine, toAffine } from "../../../../src/loop/affine.ts";
import { add, binary, float, int, load, local, mul, variable } from "../../../../src/loop/build.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import { type Schedule, unrolledBy, vectorized } from "../../../../src/loop/schedule.ts";
import { BLOCK } from "../../../../src/loop/sum-blocks.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { withBody } from "../../../../src/loop/used-buffers.ts";
import { axesKey, mapExpressions, substitute } from "../../../../src/loop/walk.ts";
import { type Contraction, extentsOf, onSums } from "../../analysis/contraction.ts";
import { type Coordinate, coordinatesOf } from "../../analysis/coordinates.ts";
import { laneLoop } from "../../analysis/lanes.ts";
import { type GridLoop, iterationsOf, nestLoops, numberOf } from "../../analysis/nest.ts";
import type { SparseContraction } from "../../analysis/sparse-factor.ts";
import { addedUp, epilogueKernel, partialSums } from "../../transforms/accumulate.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { isPackable, type PanelPlan, panelForm, planPanel } from "../../transforms/panel.ts";

import { MULTIPLY_ADD, panelCost } from "../cost.ts";
import { bandsOf, GRADIENT, type ImageLists, imageLists } from "./image-lists.ts";
import {
  type Block,
  bestBlock,
  blockSteps,
  blocksOf,
  entryCost,
  listSteps,
  type SparseForm,
  type TapBlock,
} from "./tap-blocks.ts";

/** The number of chunks that channels are cut into if possible: what threads share. */
const CHUNKS = 4;

/** The loops of a weight gradient, a sum over the positions of the sparse factor, by role. */
interface Loops {
  /** Row and column of the sparse factor, axes of the sum. */
  readonly row: string;
  readonly column: string;
  /** The other axes: the batch, when it is larger than one. */
  readonly images: readonly GridLoop[];
  readonly channels: readonly GridLoop[];
  readonly taps: readonly GridLoop[];
}

interface Parts extends Loops {
  /** The index of the dense factor, in place or in a panel. */
  readonly index: Affine;
  /** Taps that are contiguous under a winner, and how many elements they span. */
  readonly run: readonly GridLoop[];
  readonly length: number;
  /** All other taps; blocks are cut from the last of them. */
  readonly rows: readonly GridLoop[];
}

/** A way to run it. */
interface Shape extends Parts {
  readonly block: Block;
  readonly lanes: number;
  /** Whether sums stay in registers for all lists, rather than being kept in memory from one to the next. */
  readonly inRegisters: boolean;
}

/**
 * The plan for `Σ[n, y, x] sparse(n, co, y, x) · X(n, …)`; `undefined` for other forms, and if more sums of lists would
 * be added up than one accumulator should take. In double precision it may take any number.
 */
export function weightGradient(
  found: SparseContraction,
  machine: Machine,
  sumsInDouble: boolean,
): SparseForm | undefined {
  const { contraction, sparse } = found;
  const { vectorWidth: lanes, registers, costs } = machine;
  const loops = loopsOf(found);
  if (loops === undefined || contraction.window.length > 0) return undefined;
  const layout = layoutOf(found, loops, lanes);
  if (layout === undefined) return undefined;
  const parts = partsOf(loops, layout.index, lanes);
  if (parts === undefined) return undefined;
  const images = iterationsOf(parts.images);
  const windows = sparse.plane[0] * sparse.plane[1];
  const inRegisters = lanes === 1 && (sumsInDouble || images * windows <= BLOCK);
  if (!inRegisters && images * bandsOf(sparse) > BLOCK) return undefined;
  const vectors = Math.ceil(parts.length / lanes);
  const most = lanes === 1 ? registers - 1 : Math.floor((registers - 1) / 2);
  const inner = parts.rows.at(-1)?.extent ?? 1;
  const apart = [...layout.index.terms.keys()].filter((name) => !parts.run.some((tap) => tap.name === name));
  const isAligned = apart.every((name) => coefficientOf(layout.index, name) % lanes === 0);
  const { load } = isAligned ? costs.sparse.aligned : costs.sparse.unaligned;
  const block = bestBlock(machine, inner, vectors, most, load);
  const shape = { ...parts, block, lanes, inRegisters };
  const rows = iterationsOf(parts.rows);
  const lists = images * iterationsOf(parts.channels);
  const perEntry = (rows / inner) * entryCost(machine, block, inner, vectors, load);
  const sums = inRegisters ? 0 : lists * bandsOf(sparse) * rows * vectors * costs.sparse.partialSums;
  return {
    schedule: [
      ...listSteps(found, layout.plan, !inRegisters),
      ...blockSteps(parts.run[0], parts.rows.at(-1), block, lanes),
    ],
    cost:
      MULTIPLY_ADD * (lists * windows * perEntry + sums) +
      costs.sparse.makeEntry * lists * windows +
      (layout.plan === undefined ? 0 : panelCost(layout.plan, machine)) +
      (storesInPlace(contraction, shape) ? 0 : costs.copy.single * iterationsOf(contraction.nest.loops)),
  };
}

/** Carries out the schedule of such a plan, with the dense factor copied as it says; `undefined` for other forms. */
export function buildWeightGradient(found: SparseContraction, schedule: Schedule): Scheduled | undefined {
  const { vectors, lanes } = vectorized(schedule);
  const { dense } = found;
  const loops = loopsOf(found);
  if (loops === undefined || dense.kind !== "load") return undefined;
  const parts = partsOf(loops, toAffine(dense.index), lanes);
  if (parts === undefined) return undefined;
  const rows = unrolledBy(schedule, parts.rows.at(-1)?.name ?? "");
  const inRegisters = !schedule.some((step) => step.kind === "compact" && step.partialSums);
  const shape = { ...parts, block: { rows, vectors }, lanes, inRegisters };
  return new WeightGradient({ ...found, dense }, shape).build(schedule);
}

function loopsOf({ contraction: { core, nest }, sparse }: SparseContraction): Loops | undefined {
  const row = axisOf(sparse.row, core.axes);
  const column = axisOf(sparse.column, core.axes);
  if (row === undefined || column === undefined) return undefined;
  const images = core.axes.filter(({ name }) => name !== row && name !== column);
  const channels = nest.loops.filter(({ name }) => sparse.base.terms.has(name));
  return { row, column, images, channels, taps: nest.loops.filter((loop) => !channels.includes(loop)) };
}

/** The axis that equals a position, if any. */
function axisOf({ constant, terms }: Affine, axes: readonly GridLoop[]): string | undefined {
  const [only] = terms.values();
  if (terms.size !== 1 || constant !== 0 || only.coefficient !== 1) return undefined;
  return axes.find(({ name }) => only.atom.kind === "var" && only.atom.name === name)?.name;
}

/** The layout of the dense factor: for single lanes in place if it is only loaded, else in a panel. */
function layoutOf(
  { contraction, dense }: SparseContraction,
  loops: Loops,
  lanes: number,
): { readonly index: Affine; readonly plan?: PanelPlan } | undefined {
  if (lanes === 1 && dense.kind === "load") return { index: toAffine(dense.index) };
  const extents = extentsOf(contraction);
  if (!isPackable(dense, extents)) return undefined;
  const coordinates = coordinatesOf(dense, extents, new Set());
  const plan = planPanel(dense, lanes === 1 ? coordinates : channelsLast(coordinates, loops));
  return { index: panelForm(plan), plan };
}

/** Images, then the row, then the column, then everything else. */
function channelsLast(coordinates: readonly Coordinate[], { row, column, images }: Loops): Coordinate[] {
  const has = (c: Coordinate, name: string): boolean => c.terms.some((t) => t.name === name);
  const rank = (c: Coordinate): number =>
    images.some(({ name }) => has(c, name)) ? 0 : has(c, row) ? 1 : has(c, column) ? 2 : 3;
  return [...coordinates].sort((a, b) => rank(a) - rank(b));
}

function partsOf(loops: Loops, index: Affine, lanes: number): Parts | undefined {
  if ([...index.terms.values()].some(({ atom }) => atom.kind !== "var")) return undefined;
  if (loops.channels.some(({ name }) => index.terms.has(name))) return undefined;
  const { run, length } = runOf(loops.taps, index, lanes === 1 ? 1 : loops.taps.length);
  if (run.length === 0 && lanes > 1) return undefined;
  return { ...loops, index, run, length, rows: loops.taps.filter((tap) => !run.includes(tap)) };
}

/** The taps that step through contiguous elements, innermost first, at most `most` of them. */
function runOf(taps: readonly GridLoop[], index: Affine, most: number): Pick<Parts, "run" | "length"> {
  const run: GridLoop[] = [];
  let length = 1;
  while (run.length < most) {
    const next = taps.find((tap) => !run.includes(tap) && coefficientOf(index, tap.name) === length);
    if (next === undefined) break;
    run.push(next);
    length *= next.extent;
  }
  return { run, length };
}

/** Elements of one row of taps in the partial sums, whole vectors of them. */
const rowLengthOf = ({ length, lanes }: Shape): number => Math.ceil(length / lanes) * lanes;

/** The position of an output's sum among the partial sums. */
function placeOf(shape: Shape): Expr {
  const { channels, rows, run, index } = shape;
  const element = run
    .map(({ name }) => mul(variable(name), int(coefficientOf(index, name))))
    .reduce(add, int(0));
  return add(mul(numberOf([...channels, ...rows]), int(rowLengthOf(shape))), element);
}

/**
 * Whether sums need no kernel to finish them: they are stored once,
 * or kept where they are stored, in whole contiguous rows.
 */
function storesInPlace({ nest, core }: Contraction, shape: Shape): boolean {
  if (shape.inRegisters) return true;
  const [{ value, index }] = nest.stores;
  const isSum = value.kind === "reduce" && value.op === "sum" && axesKey(value.axes) === axesKey(core.axes);
  if (!isSum || rowLengthOf(shape) !== shape.length) return false;
  return sameAffine(toAffine(index), toAffine(placeOf(shape)));
}

class WeightGradient {
  private readonly found: SparseContraction;
  private readonly dense: Extract<Expr, { kind: "load" }>;
  private readonly shape: Shape;
  private readonly rowLength: number;

  constructor(found: SparseContraction & { readonly dense: Extract<Expr, { kind: "load" }> }, shape: Shape) {
    this.found = found;
    this.dense = found.dense;
    this.shape = shape;
    this.rowLength = rowLengthOf(shape);
  }

  build(schedule: Schedule): Scheduled {
    const { shape } = this;
    const { contraction } = this.found;
    const { kernel, nest } = contraction;
    const lists = imageLists(
      this.found,
      [...shape.images, ...shape.channels],
      coefficientOf(shape.index, shape.row),
      coefficientOf(shape.index, shape.column),
    );
    const main = (buffers: readonly BufferParam[], sums: string): Kernel => ({
      ...withBody(kernel, [...buffers, ...lists.params], this.sections(lists, sums)),
      schedule,
    });
    if (storesInPlace(contraction, shape)) {
      const [{ buffer }] = nest.stores;
      const isAdded = !shape.inRegisters && (shape.images.length > 0 || lists.bands.length > 0);
      const buffers = kernel.buffers.map((b) =>
        b.name === buffer && isAdded ? { ...b, access: "readwrite" as const } : b,
      );
      return { kernels: [lists.kernel, main(buffers, buffer)], scratch: lists.buffers };
    }
    const length = iterationsOf([...shape.channels, ...shape.rows]) * this.rowLength;
    const { param, scratch } = partialSums(kernel, length);
    const sums = main([...kernel.buffers, param], param.name);
    const epilogue = epilogueKernel(contraction, { ...param, access: "read" }, placeOf(shape), shape.lanes);
    return {
      kernels: [lists.kernel, { ...sums, name: `${kernel.name}_sums` }, epilogue],
      scratch: [...lists.buffers, scratch],
    };
  }

  private sections(lists: ImageLists, sums: string): Stmt[] {
    const inner = this.shape.rows.at(-1)?.extent ?? 1;
    const { block, lanes, inRegisters } = this.shape;
    const bodies = blocksOf(inner, this.rowLength / lanes, block, lanes).map((taps) =>
      inRegisters ? this.wholeSums(lists, taps) : this.sumsInMemory(lists, taps, sums),
    );
    return bodies.length === 1 ? bodies[0] : bodies.map((body) => ({ kind: "section", name: "block", body }));
  }

  /** The rows of taps outside of blocks, and the value of the innermost at a row of a block. */
  private get outerRows(): readonly GridLoop[] {
    return this.shape.rows.slice(0, -1);
  }
  private atRow(row: Expr): [string, Expr][] {
    return this.shape.rows.slice(-1).map(({ name }) => [name, row]);
  }

  /** What each entry adds to the sums of a block, `acc0` and so on: its gradient times the taps under its winner. */
  private additions(block: TapBlock): Stmt[] {
    const { row, column, run } = this.shape;
    const { dense } = this;
    const still = [row, column, ...run.map(({ name }) => name)];
    const origin = substitute(dense.index, new Map(still.map((name) => [name, int(0)])));
    return block.points.map(({ row, element }, k): Stmt => {
      const place = substitute(origin, new Map(this.atRow(row)));
      const index = add(add(local("offset", "int32"), place), element);
      const product = binary("mul", GRADIENT, load(dense.buffer, "float32", index));
      return { kind: "assign", name: `acc${k}`, value: add(sumAt(k), product) };
    });
  }

  /** Sums that stay in registers while the lists of all images run. */
  private wholeSums(lists: ImageLists, block: TapBlock): Stmt[] {
    const { shape } = this;
    const { nest, core } = this.found.contraction;
    const [store] = nest.stores;
    const all = nestLoops(
      [...shape.images, ...lists.bands],
      [lists.counted, lists.entries("reduce", this.additions(block))],
      "reduce",
    );
    const stores = block.points.map(({ row, element }, k): Stmt => {
      const run = shape.run.map(({ name }): [string, Expr] => [name, element]);
      const taps = new Map([...this.atRow(row), ...run]);
      const value = substitute(onSums(core.axes, () => sumAt(k))(store.value), taps);
      return { kind: "store", buffer: store.buffer, index: substitute(store.index, taps), value };
    });
    const loops = [...shape.channels, ...this.outerRows, ...block.loops];
    return nestLoops(loops, [...zeros(block), ...all, ...stores]);
  }

  /** Sums that are added up in memory, list by list. */
  private sumsInMemory(lists: ImageLists, block: TapBlock, sums: string): Stmt[] {
    const { images, channels, rows } = this.shape;
    const number = numberOf([...channels, ...rows]);
    const stores = block.points.map(({ row, element }, k): Stmt => {
      const place = substitute(number, new Map(this.atRow(row)));
      const index = add(mul(place, int(this.rowLength)), element);
      const value = addedUp(sums, index, [...images, ...lists.bands], sumAt(k));
      return { kind: "store", buffer: sums, index, value };
    });
    const blocks = nestLoops(
      [...this.outerRows, ...block.loops, ...laneLoop(this.shape.lanes)],
      [...zeros(block), lists.entries("reduce", this.additions(block)), ...stores],
    );
    return this.overImages(nestLoops(lists.bands, [lists.counted, ...blocks], "serial"));
  }

  /** Images run outside of channels, inside of chunks of them. */
  private overImages(list: readonly Stmt[]): Stmt[] {
    const { images, channels } = this.shape;
    const [channel, ...others] = channels;
    const chunks = [CHUNKS, 3, 2].find((n) => channel?.extent % n === 0 && channel.extent > n);
    if (chunks === undefined) return nestLoops(images, nestLoops(channels, list), "serial");
    const size = channel.extent / chunks;
    const chunk = { name: `${channel.name}_chunk`, extent: chunks };
    const inChunk = { name: `${channel.name}_in_chunk`, extent: size };
    const number = add(mul(variable(chunk.name), int(size)), variable(inChunk.name));
    const body = nestLoops(images, nestLoops([inChunk, ...others], list), "serial");
    const at = new Map([[channel.name, number]]);
    return mapExpressions(nestLoops([chunk], body), (e) => substitute(e, at));
  }
}

const sumAt = (k: number): Expr => local(`acc${k}`, "float32");

const zeros = ({ points }: TapBlock): Stmt[] =>
  points.map((_, k): Stmt => ({ kind: "accumulator", name: `acc${k}`, init: float(0) }));
