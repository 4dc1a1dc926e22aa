/**
 * The weight gradient over winner lists: one list per image and output channel holds where each window's
 * winner stands in the input and what gradient arrives there; a block of taps is accumulated in registers
 * while a list is run.
 */

import { type Affine, coefficientOf, toAffine } from "../../src/loop/affine.ts";
import {
  add,
  binary,
  cast,
  compare,
  div,
  float,
  int,
  load,
  local,
  mod,
  mul,
  variable,
} from "../../src/loop/build.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { substitute } from "../../src/loop/walk.ts";
import { hoistIndices } from "../hoist-indices.ts";
import type { GridLoop } from "../materialize.ts";
import { replaceCore } from "./replace-core.ts";
import {
  baseOf,
  type ListSpec,
  listBuffer,
  loopOver,
  nestLoops,
  type SparseContraction,
  type WinnerForm,
} from "./winner-form.ts";

/** Cost of one multiply-add of a list: its own load and test, and a share of the list's. */
const STEP_COST = 2.1;

/**
 * Matches `Σ[n, y, x] sparse(n, co, y, x) · X(n, …, y, x)`: row and column of the sparse factor are reduction
 * variables themselves. Returns `undefined` for other forms.
 */
export function weightGradientForm(found: SparseContraction, registers: number): WinnerForm | undefined {
  const { contraction, sparse, dense } = found;
  const row = onlyName(sparse.row);
  const column = onlyName(sparse.column);
  const reduced = contraction.core.axes.map((axis) => axis.name);
  if (row === undefined || column === undefined || !reduced.includes(row) || !reduced.includes(column))
    return undefined;
  const images = contraction.core.axes.filter(({ name }) => name !== row && name !== column);
  const index = toAffine(dense.index);
  if ([...index.terms.values()].some(({ atom }) => atom.kind !== "var")) return undefined;
  const { loops } = contraction.nest;
  const channels = loops.filter(({ name }) => sparse.base.terms.has(name));
  if (channels.some(({ name }) => index.terms.has(name))) return undefined;
  const taps = loops.filter(({ name }) => !sparse.base.terms.has(name));
  const block = blockOf(taps, registers);
  const windows = sparse.plane[0] * sparse.plane[1];
  const work = [...images, ...loops].reduce((n, loop) => n * loop.extent, windows);
  return {
    cost: 2 * work * STEP_COST,
    build: () => new WeightGradient(found, { row, column, images, channels, taps, block }).build(),
  };
}

interface Parts {
  readonly row: string;
  readonly column: string;
  /** Reduction axes beside row and column: the batch, when it is larger than one. */
  readonly images: readonly GridLoop[];
  readonly channels: readonly GridLoop[];
  readonly taps: readonly GridLoop[];
  /** How much of the innermost loops over taps is accumulated at once. */
  readonly block: readonly { readonly loop: GridLoop; readonly size: number }[];
}

const onlyName = (form: Affine): string | undefined => {
  const [only] = form.terms.values();
  const plain =
    form.terms.size === 1 && form.constant === 0 && only.coefficient === 1 && only.atom.kind === "var";
  return plain && only.atom.kind === "var" ? only.atom.name : undefined;
};

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
  private readonly kernel: Kernel;
  private readonly index: Affine;
  private readonly windows: number;
  private readonly lists: number;

  constructor(found: SparseContraction, parts: Parts) {
    this.found = found;
    this.parts = parts;
    this.kernel = found.contraction.kernel;
    this.index = toAffine(found.dense.index);
    const [rows, columns] = found.sparse.plane;
    this.windows = rows * columns;
    this.lists = [...parts.images, ...parts.channels].reduce((n, loop) => n * loop.extent, 1);
  }

  build() {
    const { kernel, lists, windows } = this;
    const strideOf = (name: string): number => coefficientOf(this.index, name);
    const [windowRows, windowColumns] = this.found.sparse.window;
    const reach =
      (this.found.sparse.plane[0] * windowRows - 1) * strideOf(this.parts.row) +
      (this.found.sparse.plane[1] * windowColumns - 1) * strideOf(this.parts.column);
    const scratch = (suffix: string, ...spec: ListSpec) =>
      listBuffer(`${kernel.name}_${suffix}`, this.found.sparse.gradient, ...spec);
    const offsets = scratch("offsets", "int32", lists * windows, [0, reach]);
    const values = scratch("values", "float32", lists * windows);
    const counts = scratch("counts", "int32", lists, [0, windows]);
    const all = [offsets, values, counts];
    const params = all.map(({ param }): BufferParam => param);
    const sources = new Set([this.found.sparse.gradient, this.found.sparse.winner]);
    const listKernel: Kernel = {
      ...kernel,
      name: `${kernel.name}_lists`,
      ops: ["winner_lists"],
      buffers: [
        ...kernel.buffers.filter((b) => sources.has(b.name)),
        ...params.map((p) => ({ ...p, access: "write" as const })),
      ],
      scalars: [],
      body: hoistIndices(this.listBody(offsets.param.name, values.param.name, counts.param.name)),
      schedule: "winner-lists, one list per image and channel",
      nominalFlops: 0,
    };
    const mainKernel: Kernel = {
      ...kernel,
      buffers: [
        ...kernel.buffers.filter((b) => !sources.has(b.name)),
        ...params.map((p) => ({ ...p, access: "read" as const })),
      ],
      body: this.sections(offsets.param.name, values.param.name, counts.param.name),
      schedule: `winner-lists, ${this.parts.block.map(({ loop, size }) => `${loop.name} by ${size}`).join(" × ")} taps in registers`,
    };
    return { kernels: [listKernel, mainKernel], scratch: all.map(({ buffer }) => buffer) };
  }

  /** The number of the list for the current image and channel. */
  private get listNumber(): Expr {
    return [...this.parts.images, ...this.parts.channels].reduce<Expr>(
      (n, { name, extent }) => add(mul(n, int(extent)), variable(name)),
      int(0),
    );
  }

  private listBody(offsets: string, values: string, counts: string): Stmt[] {
    const { sparse } = this.found;
    const { windows } = this;
    const [rows, columns] = sparse.plane;
    const [windowRows, windowColumns] = sparse.window;
    const rowStride = coefficientOf(this.index, this.parts.row);
    const columnStride = coefficientOf(this.index, this.parts.column);
    const at = add(add(baseOf(sparse.base), mul(variable("py"), int(columns))), variable("px"));
    const winner = local("winner", "int32");
    const offset = [
      mul(variable("py"), int(windowRows * rowStride)),
      mul(variable("px"), int(windowColumns * columnStride)),
      mul(div(winner, int(windowColumns)), int(rowStride)),
      mul(mod(winner, int(windowColumns)), int(columnStride)),
    ].reduce(add);
    const gradient = local("gradient", "float32");
    const window: Stmt[] = [
      { kind: "let", name: "winner", value: cast(load(sparse.winner, "uint8", at), "int32") },
      { kind: "let", name: "gradient", value: load(sparse.gradient, "float32", at) },
      {
        kind: "append",
        count: "count",
        capacity: windows,
        condition: compare("ne", gradient, float(0)),
        base: mul(this.listNumber, int(windows)),
        values: [
          { buffer: offsets, value: offset },
          { buffer: values, value: gradient },
        ],
      },
    ];
    const list: Stmt[] = [
      { kind: "accumulator", name: "count", init: int(0), range: [0, windows] },
      loopOver("py", rows, [loopOver("px", columns, window)]),
      { kind: "store", buffer: counts, index: this.listNumber, value: local("count", "int32") },
    ];
    return nestLoops([...this.parts.images, ...this.parts.channels], "grid", list);
  }

  /** One section per combination of whole blocks and remainders. */
  private sections(offsets: string, values: string, counts: string): Stmt[] {
    const starts = this.parts.block.map(({ loop, size }) => {
      const list: { start: Expr; size: number; turns: number }[] = [];
      const whole = Math.floor(loop.extent / size);
      if (whole > 0)
        list.push({ start: whole === 1 ? int(0) : mul(variable(loop.name), int(size)), size, turns: whole });
      if (loop.extent % size > 0) list.push({ start: int(whole * size), size: loop.extent % size, turns: 1 });
      return { loop, list };
    });
    const combine = (
      k: number,
      chosen: readonly { loop: GridLoop; start: Expr; size: number; turns: number }[],
    ): Stmt[][] => {
      if (k === starts.length) return [this.blockBody(offsets, values, counts, chosen)];
      return starts[k].list.flatMap((part) => combine(k + 1, [...chosen, { loop: starts[k].loop, ...part }]));
    };
    const bodies = combine(0, []).map((body) => hoistIndices(body));
    return bodies.length === 1 ? bodies[0] : bodies.map((body) => ({ kind: "section", name: "block", body }));
  }

  private blockBody(
    offsets: string,
    values: string,
    counts: string,
    chosen: readonly { loop: GridLoop; start: Expr; size: number; turns: number }[],
  ): Stmt[] {
    const { windows } = this;
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
    const entry = add(mul(this.listNumber, int(windows)), variable("entry"));
    const zeroed = new Map([
      [this.parts.row, int(0)],
      [this.parts.column, int(0)],
    ]);
    const gradient = local("gradient", "float32");
    const turn: Stmt[] = [
      { kind: "let", name: "offset", value: load(offsets, "int32", entry) },
      { kind: "let", name: "gradient", value: load(values, "float32", entry) },
      ...points.map((point, k): Stmt => {
        const index = add(
          local("offset", "int32"),
          substitute(substitute(this.found.dense.index, zeroed), point),
        );
        const product = binary("mul", gradient, load(this.found.dense.buffer, "float32", index));
        return { kind: "assign", name: `acc${k}`, value: add(local(`acc${k}`, "float32"), product) };
      }),
    ];
    const list: Stmt[] = [
      { kind: "let", name: "count", value: load(counts, "int32", this.listNumber) },
      { kind: "for", name: "entry", extent: { count: "count", most: windows }, loop: "reduce", body: turn },
    ];
    const body: Stmt[] = [
      ...points.map((_, k): Stmt => ({ kind: "accumulator", name: `acc${k}`, init: float(0) })),
      ...nestLoops(images, "reduce", list),
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
      return c.turns === 1 ? [] : [{ name: loop.name, extent: c.turns }];
    });
    return nestLoops(loops, "grid", body);
  }
}
