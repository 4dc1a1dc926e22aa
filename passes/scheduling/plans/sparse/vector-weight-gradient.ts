/**
 * The weight gradient over winner lists in lanes: with channels innermost, the taps of a row lie contiguous under
 * every winner, so that one entry of a list adds a whole row of taps. One list per image and channel; the
 * sums of a channel wait in scratch from image to image.
 */

import { type Affine, addAffine, coefficientOf, toAffine } from "../../../../src/loop/affine.ts";
import {
  add,
  and,
  binary,
  compare,
  float,
  int,
  load,
  local,
  mul,
  select,
  variable,
} from "../../../../src/loop/build.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import type { ProgramBuffer } from "../../../../src/loop/program.ts";
import { type Schedule, type Step, unrolledBy, vectorized } from "../../../../src/loop/schedule.ts";
import { BLOCK } from "../../../../src/loop/sum-blocks.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { axesKey, mapExpressions, substitute } from "../../../../src/loop/walk.ts";
import { type Contraction, extentsOf, type Reduce } from "../../analysis/contraction.ts";
import { type Coordinate, coordinatesOf } from "../../analysis/coordinates.ts";
import { LANE } from "../../analysis/lanes.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import type { SparseFactor } from "../../analysis/sparse-factor.ts";
import { copySchedule } from "../../transforms/copy.ts";
import { epilogueKernel } from "../../transforms/epilogue-kernel.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { onNests } from "../../transforms/nests.ts";
import {
  buildPanel,
  cacheStep,
  isPackable,
  type Panel,
  type PanelPlan,
  panelForm,
  planPanel,
} from "../../transforms/panel.ts";
import { MULTIPLY_ADD, panelCost } from "../cost.ts";
import { bandsOf, type ImageLists, imageLists } from "./image-lists.ts";
import { loopOver, nestLoops, type SparseForm, type WeightLoops, weightLoops } from "./sparse-form.ts";
import { type Block, bestBlock, entryCost, type Stretch, stretchesOf } from "./tap-blocks.ts";

/** Channels are cut into so many chunks where they can be: what threads share. */
const CHUNKS = 4;

interface Parts extends Omit<WeightLoops, "taps"> {
  /** Lists of each image and channel. */
  readonly bands: number;
  /** Taps that lie contiguous under a winner, and how many elements they span. */
  readonly run: readonly GridLoop[];
  readonly length: number;
  /** All other taps. */
  readonly rows: readonly GridLoop[];
}

/** The plan for `Σ[n, y, x] sparse(n, co, y, x) · X(n, …)`; `undefined` for other forms. */
export function weightVectors(
  contraction: Contraction,
  sparse: SparseFactor,
  dense: Expr,
  machine: Machine,
): SparseForm | undefined {
  const { vectorWidth: width, registers, costs } = machine;
  const matched = matchOf(contraction, sparse, dense, width);
  if (matched === undefined) return undefined;
  const { plan, parts } = matched;
  const vectors = Math.ceil(parts.length / width);
  const rowCount = sizeOf(parts.rows);
  const block = bestBlock(machine, rowCount, vectors, Math.floor((registers - 1) / 2), 1);
  const lists = sizeOf(parts.images) * sizeOf(parts.channels) * parts.bands;
  const entries = (lists / parts.bands) * sparse.plane[0] * sparse.plane[1];
  const perEntry = entryCost(machine, block, rowCount, vectors, 1);
  const sums = rowCount * vectors * costs.sparse.partialSums;
  const form = new WeightVectors(contraction, sparse, plan, parts, block, width);
  const cost =
    MULTIPLY_ADD * (entries * perEntry + lists * sums) +
    costs.sparse.makeEntry * entries +
    panelCost(plan, machine) +
    (form.writesInPlace ? 0 : costs.copy.single * sizeOf(contraction.nest.loops));
  return { schedule: form.schedule, cost };
}

/** Carries out the schedule of such a plan; `undefined` for other forms. */
export function buildWeightVectors(
  contraction: Contraction,
  sparse: SparseFactor,
  dense: Expr,
  schedule: Schedule,
): Scheduled | undefined {
  const split = vectorized(schedule);
  const matched = matchOf(contraction, sparse, dense, split.lanes);
  if (matched === undefined) return undefined;
  const { plan, parts } = matched;
  const rows = parts.rows.reduce((by, { name }) => unrolledBy(schedule, name) * by, 1);
  const block = { rows, vectors: split.vectors };
  return new WeightVectors(contraction, sparse, plan, parts, block, split.lanes).build();
}

/** The loops of a weight gradient by what they are to it, and the panel of the dense factor. */
function matchOf(
  contraction: Contraction,
  sparse: SparseFactor,
  dense: Expr,
  width: number,
): { readonly plan: PanelPlan; readonly parts: Parts } | undefined {
  const loops = weightLoops(contraction, sparse);
  const extents = extentsOf(contraction);
  if (loops === undefined || !isPackable(dense, extents) || contraction.window.length > 0) return undefined;
  const { row, column, images, channels, taps } = loops;
  const coordinates = channelsLast(coordinatesOf(dense, extents, new Set()), row, column, images);
  if (coordinates.some(({ terms }) => terms.some((t) => channels.some((c) => c.name === t.name))))
    return undefined;
  const plan: PanelPlan = { ...planPanel(dense, coordinates), slack: width };
  const run = runOf(taps, panelForm(plan));
  if (run.loops.length === 0) return undefined;
  const rows = taps.filter((tap) => !run.loops.includes(tap));
  if (rows.length > 1 || images.length > 1) return undefined;
  const bands = bandsOf(sparse);
  if (bands * sizeOf(images) > BLOCK) return undefined;
  return { plan, parts: { row, column, images, channels, bands, run: run.loops, length: run.length, rows } };
}

const isSum = (value: Expr, core: Reduce): boolean =>
  value.kind === "reduce" && value.op === "sum" && axesKey(value.axes) === axesKey(core.axes);

const sizeOf = (loops: readonly GridLoop[]): number => loops.reduce((n, l) => n * l.extent, 1);

/** Images, then the row, then the column, then whatever else there is. */
function channelsLast(
  coordinates: readonly Coordinate[],
  row: string,
  column: string,
  images: readonly GridLoop[],
): Coordinate[] {
  const has = (c: Coordinate, name: string): boolean => c.terms.some((t) => t.name === name);
  const rank = (c: Coordinate): number =>
    images.some(({ name }) => has(c, name)) ? 0 : has(c, row) ? 1 : has(c, column) ? 2 : 3;
  return [...coordinates].sort((a, b) => rank(a) - rank(b));
}

/** The taps that step through contiguous elements, innermost first. */
function runOf(taps: readonly GridLoop[], index: Affine): { loops: GridLoop[]; length: number } {
  const loops: GridLoop[] = [];
  let length = 1;
  for (;;) {
    const next = taps.find((tap) => !loops.includes(tap) && coefficientOf(index, tap.name) === length);
    if (next === undefined) return { loops, length };
    loops.push(next);
    length *= next.extent;
  }
}

class WeightVectors {
  private readonly contraction: Contraction;
  private readonly sparse: SparseFactor;
  private readonly plan: PanelPlan;
  private readonly parts: Parts;
  private readonly block: Block;
  private readonly width: number;
  private readonly kernel: Kernel;
  /** Elements of one row of taps in the partial sums, whole vectors of them. */
  private readonly rowLength: number;

  constructor(
    contraction: Contraction,
    sparse: SparseFactor,
    plan: PanelPlan,
    parts: Parts,
    block: Block,
    width: number,
  ) {
    this.contraction = contraction;
    this.sparse = sparse;
    this.plan = plan;
    this.parts = parts;
    this.block = block;
    this.width = width;
    this.kernel = contraction.kernel;
    this.rowLength = Math.ceil(parts.length / width) * width;
  }

  build(): Scheduled {
    const { kernel, parts } = this;
    const panel = buildPanel(this.plan, kernel, `${kernel.name}_panel`);
    const index = panelForm(this.plan);
    const lists = imageLists(
      kernel,
      this.sparse,
      [...parts.images, ...parts.channels],
      parts.bands,
      coefficientOf(index, parts.row),
      coefficientOf(index, parts.column),
    );
    const copy = onNests(panel.kernel, copySchedule(panel.kernel, this.width));
    const before = [copy, lists.kernel];
    const scratch = [panel.scratch, ...lists.buffers];
    const main = (sums: BufferParam): Kernel => ({
      ...kernel,
      buffers: [...lists.params, { ...panel.param, access: "read" }, sums],
      scalars: [],
      body: this.sections(lists, panel, sums.name),
      schedule: this.schedule,
    });
    if (this.writesInPlace) {
      const [{ buffer }] = this.contraction.nest.stores;
      const result = kernel.buffers.filter((b) => b.name === buffer);
      const access = parts.images.length === 0 && parts.bands === 1 ? "write" : "readwrite";
      return { kernels: [...before, ...result.map((param) => main({ ...param, access }))], scratch };
    }
    const length = sizeOf(parts.channels) * sizeOf(parts.rows) * this.rowLength;
    const name = `${kernel.name}_partial`;
    const partial = { name, dtype: "float32", length } as const;
    const buffer: ProgramBuffer = {
      name,
      dtype: "float32",
      shape: [length],
      role: "scratch",
      value: `partial sums of ${kernel.name}`,
    };
    return {
      kernels: [
        ...before,
        { ...main({ ...partial, access: "readwrite" }), name: `${kernel.name}_sums` },
        epilogueKernel(this.contraction, { ...partial, access: "read" }, this.place, this.width),
      ],
      scratch: [...scratch, buffer],
    };
  }

  /** Whether the kernel stores nothing but the sums, and stores them where they would wait: whole rows, side by side. */
  get writesInPlace(): boolean {
    const { nest, core } = this.contraction;
    const [store, ...others] = nest.stores;
    if (others.length > 0 || this.rowLength !== this.parts.length || !isSum(store.value, core)) return false;
    const { constant, terms } = addAffine(toAffine(store.index), toAffine(this.place), -1);
    return constant === 0 && [...terms.values()].every(({ coefficient }) => coefficient === 0);
  }

  get schedule(): Schedule {
    const { parts, block, sparse } = this;
    const [run] = parts.run;
    return [
      { kind: "compact", operand: sparse.operand },
      cacheStep(this.plan, sparse.operand === "left" ? "right" : "left"),
      { kind: "vectorize", loop: run.name, vectors: block.vectors, lanes: this.width, tail: "padded" },
      ...parts.rows.map(({ name }): Step => ({ kind: "unroll", loop: name, by: block.rows })),
    ];
  }

  private sections(lists: ImageLists, panel: Panel, partial: string): Stmt[] {
    const { parts, block } = this;
    const rows = stretchesOf("tap", sizeOf(parts.rows), block.rows);
    const vectors = stretchesOf("vector", this.rowLength / this.width, block.vectors);
    const bodies = rows.flatMap((r) => vectors.map((v) => this.blockBody(lists, panel, partial, r, v)));
    return bodies.length === 1 ? bodies[0] : bodies.map((body) => ({ kind: "section", name: "block", body }));
  }

  /** Runs each list once for every block: an entry's gradient times the taps under its winner. */
  private blockBody(
    lists: ImageLists,
    panel: Panel,
    partial: string,
    rows: Stretch,
    vectors: Stretch,
  ): Stmt[] {
    const { parts, width } = this;
    const [channel, ...others] = parts.channels;
    const lane = variable(LANE);
    const first = mul(vectors.start, int(width));
    const points = Array.from({ length: rows.size * vectors.size }, (_, k) => {
      const row = add(rows.start, int(Math.floor(k / vectors.size)));
      return { row, element: add(add(first, int((k % vectors.size) * width)), lane) };
    });
    const panelIndex = panel.load.kind === "load" ? panel.load.index : int(0);
    const still = [parts.row, parts.column, ...parts.run.map(({ name }) => name)];
    const origin = substitute(panelIndex, new Map(still.map((name) => [name, int(0)])));
    const gradient = local("gradient", "float32");
    const iteration = points.map(({ row, element }, k): Stmt => {
      const place = substitute(origin, new Map(parts.rows.map(({ name }) => [name, row])));
      const index = add(add(local("offset", "int32"), place), element);
      const product = binary("mul", gradient, load(panel.param.name, "float32", index));
      return { kind: "assign", name: `acc${k}`, value: add(local(`acc${k}`, "float32"), product) };
    });
    const number = parts.channels.reduce<Expr>(
      (n, l) => add(mul(n, int(l.extent)), variable(l.name)),
      int(0),
    );
    const starts = [...parts.images, ...lists.bands].map(({ name }) => compare("eq", variable(name), int(0)));
    const isFirst = starts.length === 0 ? undefined : starts.reduce(and);
    const store = points.map(({ row, element }, k): Stmt => {
      const index = add(mul(add(mul(number, int(sizeOf(parts.rows))), row), int(this.rowLength)), element);
      const sum = local(`acc${k}`, "float32");
      const before = isFirst && select(isFirst, float(0), load(partial, "float32", index));
      return { kind: "store", buffer: partial, index, value: before === undefined ? sum : add(before, sum) };
    });
    const lanes: Stmt[] = [
      ...points.map((_, k): Stmt => ({ kind: "accumulator", name: `acc${k}`, init: float(0) })),
      {
        kind: "for",
        name: "entry",
        extent: { count: "count", most: lists.most },
        loop: "reduce",
        body: [
          { kind: "let", name: "offset", value: lists.offset },
          { kind: "let", name: "gradient", value: lists.gradient },
          ...iteration,
        ],
      },
      ...store,
    ];
    const blocks = nestLoops([...rows.loops, ...vectors.loops], "grid", [
      { kind: "for", name: LANE, extent: width, loop: "vector", body: lanes },
    ]);
    const list = lists.bands.reduce<Stmt[]>(
      (body, { name, extent }) => [loopOver(name, extent, body)],
      [{ kind: "let", name: "count", value: lists.count }, ...blocks],
    );
    return this.overImages(channel, others, list);
  }

  /** Images run outside of channels, inside of chunks of them: an image stays in the cache meanwhile. */
  private overImages(channel: GridLoop | undefined, others: readonly GridLoop[], list: Stmt[]): Stmt[] {
    const { images } = this.parts;
    const serial = (body: Stmt[]): Stmt[] =>
      images.reduceRight<Stmt[]>(
        (inner, { name, extent }) => [{ kind: "for", name, extent, loop: "serial", body: inner }],
        body,
      );
    if (channel === undefined) return serial(list);
    const chunks = [CHUNKS, 3, 2].find((n) => channel.extent % n === 0 && channel.extent > n);
    if (chunks === undefined) return serial(nestLoops([channel, ...others], "grid", list));
    const size = channel.extent / chunks;
    const inChunk = `${channel.name}_in_chunk`;
    const number = new Map([
      [channel.name, add(mul(variable(`${channel.name}_chunk`), int(size)), variable(inChunk))],
    ]);
    const inner = nestLoops([{ name: inChunk, extent: size }, ...others], "grid", list);
    const chunk = nestLoops([{ name: `${channel.name}_chunk`, extent: chunks }], "grid", serial(inner));
    return mapExpressions(chunk, (e) => substitute(e, number));
  }

  /** Where the sum of an output stands among the partial sums. */
  private get place(): Expr {
    const { parts } = this;
    const row = [...parts.channels, ...parts.rows].reduce<Expr>(
      (n, l) => add(mul(n, int(l.extent)), variable(l.name)),
      int(0),
    );
    const index = panelForm(this.plan);
    const element = parts.run
      .map(({ name }) => mul(variable(name), int(coefficientOf(index, name))))
      .reduce(add, int(0));
    return add(mul(row, int(this.rowLength)), element);
  }
}
