/**
 * The input gradient over winner lists: for each window of an image the channels whose gradient is alive are
 * listed by the column in which they won; the patch of the input under the window is accumulated row by row
 * in registers over those lists and then added into the image.
 */

import { type Affine, coefficientOf, toAffine } from "../../../../src/loop/affine.ts";
import {
  add,
  and,
  binary,
  compare,
  div,
  float,
  int,
  load,
  local,
  mod,
  mul,
  select,
  sub,
  variable,
} from "../../../../src/loop/build.ts";
import { countFlops } from "../../../../src/loop/flops.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import { type Schedule, unrolledBy } from "../../../../src/loop/schedule.ts";
import type { Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { usedBuffers } from "../../../../src/loop/used-buffers.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import { winnerAt } from "../../analysis/sparse-factor.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { onNests } from "../../transforms/nests.ts";
import { replaceCore } from "../../transforms/replace-core.ts";
import {
  baseOf,
  type ListSpec,
  listBuffer,
  loopOver,
  nestLoops,
  type SparseContraction,
  type SparseForm,
} from "./sparse-form.ts";

/** Names of everything that takes part; extents come from the loops. */
export interface InputGradientParts {
  /** The image, when the batch is larger than one. */
  readonly images: readonly GridLoop[];
  /** Input channels, when there are several. */
  readonly inputs: readonly GridLoop[];
  readonly rows: GridLoop;
  readonly columns: GridLoop;
  /** Output channels, when there are several. */
  readonly outputs: readonly GridLoop[];
  readonly tapRows: GridLoop;
  readonly tapColumns: GridLoop;
  /** Where row 0 of the input stands in the accumulated image. */
  readonly top: number;
  readonly left: number;
}

/**
 * Matches `Σ[co, ky, kx] sparse(n, co, y - ky + t, x - kx + l) · W(co, ci, ky, kx)`, the transposed convolution
 * with unit stride and dilation. Returns `undefined` for other forms.
 */
export function inputGradientForm(
  found: SparseContraction,
  { registers, costs }: Machine,
): SparseForm | undefined {
  const parts = inputGradientParts(found);
  if (parts === undefined) return undefined;
  const width = parts.tapColumns.extent + found.sparse.window[1] - 1;
  if (width + 2 > registers) return undefined;
  const height = parts.tapRows.extent + found.sparse.window[0] - 1;
  const tile = Math.max(1, Math.min(height, Math.floor(registers / width)));
  const work =
    [...parts.images, ...parts.inputs, ...parts.outputs].reduce((n, loop) => n * loop.extent, 1) *
    found.sparse.plane[0] *
    found.sparse.plane[1] *
    height *
    parts.tapColumns.extent;
  return {
    schedule: scheduleOf(found, parts, tile),
    cost: 2 * work * costs.sparse.step,
  };
}

/** Carries out the schedule of such a form; `undefined` for other contractions. */
export function buildInputGradient(found: SparseContraction, schedule: Schedule): Scheduled | undefined {
  const parts = inputGradientParts(found);
  return parts && new InputGradient(found, parts, unrolledBy(schedule, parts.tapRows.name), schedule).build();
}

const scheduleOf = ({ sparse }: SparseContraction, { tapRows }: InputGradientParts, by: number): Schedule => [
  { kind: "compact", operand: sparse.operand },
  { kind: "unroll", loop: tapRows.name, by },
];

/** The loops of the transposed convolution that `found` is, or `undefined` when it is none. */
export function inputGradientParts({
  contraction,
  sparse,
  dense,
}: SparseContraction): InputGradientParts | undefined {
  const { loops } = contraction.nest;
  const { axes } = contraction.core;
  const vertical = differenceOf(sparse.row, loops, axes);
  const horizontal = differenceOf(sparse.column, loops, axes);
  if (vertical === undefined || horizontal === undefined) return undefined;
  const index = toAffine(dense.index);
  if (index.constant !== 0 || [...index.terms.values()].some(({ atom }) => atom.kind !== "var"))
    return undefined;
  const taken = new Set([vertical.tap.name, horizontal.tap.name]);
  const outputs = axes.filter(({ name }) => !taken.has(name));
  const spatial = new Set([vertical.position.name, horizontal.position.name]);
  const others = loops.filter(({ name }) => !spatial.has(name));
  const images = others.filter(({ name }) => sparse.base.terms.has(name) && !index.terms.has(name));
  const inputs = others.filter(({ name }) => index.terms.has(name) && !sparse.base.terms.has(name));
  if (images.length + inputs.length !== others.length || images.length > 1 || inputs.length > 1)
    return undefined;
  if (
    outputs.length > 1 ||
    outputs.some(({ name }) => !sparse.base.terms.has(name) || !index.terms.has(name))
  )
    return undefined;
  return {
    images,
    inputs,
    outputs,
    rows: vertical.position,
    columns: horizontal.position,
    tapRows: vertical.tap,
    tapColumns: horizontal.tap,
    top: vertical.shift,
    left: horizontal.shift,
  };
}

/** Takes `position - tap + shift` apart. */
function differenceOf(form: Affine, loops: readonly GridLoop[], axes: readonly GridLoop[]) {
  const position = loops.find(({ name }) => coefficientOf(form, name) === 1);
  const tap = axes.find(({ name }) => coefficientOf(form, name) === -1);
  if (position === undefined || tap === undefined || form.terms.size !== 2 || form.constant < 0)
    return undefined;
  return { position, tap, shift: form.constant };
}

class InputGradient {
  private readonly found: SparseContraction;
  private readonly parts: InputGradientParts;
  private readonly tile: number;
  private readonly schedule: Schedule;
  private readonly kernel: Kernel;
  /** Rows of the weights with the zero rows above and below that a window's lower rows reach into. */
  private readonly paddedTaps: number;
  /** Extents of the accumulated image, halo included. */
  private readonly height: number;
  private readonly width: number;

  constructor(found: SparseContraction, parts: InputGradientParts, tile: number, schedule: Schedule) {
    this.schedule = schedule;
    this.found = found;
    this.parts = parts;
    this.tile = tile;
    this.kernel = found.contraction.kernel;
    const { plane, window } = found.sparse;
    this.paddedTaps = parts.tapRows.extent + 2 * (window[0] - 1);
    this.height = Math.max(plane[0] * window[0] + parts.tapRows.extent - 1, parts.rows.extent + parts.top);
    this.width = Math.max(
      plane[1] * window[1] + parts.tapColumns.extent - 1,
      parts.columns.extent + parts.left,
    );
  }

  build() {
    const { kernel } = this;
    const { sparse, dense } = this.found;
    const outputs = extentOf(this.parts.outputs);
    const inputs = extentOf(this.parts.inputs);
    const taps = this.paddedTaps * this.parts.tapColumns.extent;
    const classes = sparse.window[1];
    const make = (suffix: string, ...spec: ListSpec) =>
      listBuffer(`${kernel.name}_${suffix}`, sparse.gradient, ...spec);
    const weights = make("weights", "float32", outputs * inputs * taps);
    const reach = (outputs - 1) * inputs * taps + (sparse.window[0] - 1) * this.parts.tapColumns.extent;
    const offsets = make("offsets", "int32", classes * outputs, [0, reach]);
    const values = make("values", "float32", classes * outputs);
    const image = make("image", "float32", inputs * this.height * this.width);
    const packBody = this.packBody(weights.param.name);
    const weightsKernel: Kernel = {
      ...kernel,
      name: weights.param.name,
      ops: ["pack"],
      buffers: [
        ...kernel.buffers.filter((b) => b.name === dense.buffer),
        { ...weights.param, access: "write" },
      ],
      scalars: [],
      body: packBody,
      nominalFlops: countFlops(packBody),
    };
    const pack = onNests(weightsKernel, []);
    const { loaded } = usedBuffers([{ kind: "let", name: "epilogue", value: this.epilogue(float(0)) }]);
    const main: Kernel = {
      ...kernel,
      buffers: [
        ...kernel.buffers.filter((b) => b.name !== dense.buffer || loaded.has(b.name)),
        { ...weights.param, access: "read" },
        offsets.param,
        values.param,
        image.param,
      ],
      body: nestLoops(this.parts.images, "grid", [
        loopOver("cell", inputs * this.height * this.width, [
          { kind: "store", buffer: image.param.name, index: variable("cell"), value: float(0) },
        ]),
        loopOver("py", sparse.plane[0], [
          loopOver(
            "px",
            sparse.plane[1],
            this.windowBody(weights.param.name, offsets.param.name, values.param.name, image.param.name),
          ),
        ]),
        ...this.finish(image.param.name),
      ]),
      schedule: this.schedule,
    };
    return { kernels: [pack, main], scratch: [weights, offsets, values, image].map(({ buffer }) => buffer) };
  }

  /** Copies the weights to [out][in][padded row][column]. */
  private packBody(target: string): Stmt[] {
    const { tapRows, tapColumns, outputs, inputs } = this.parts;
    const above = this.found.sparse.window[0] - 1;
    const row = sub(variable("tap"), int(above));
    const source = substitute(this.found.dense.index, new Map([[tapRows.name, row]]));
    const inside = and(compare("ge", row, int(0)), compare("lt", row, int(tapRows.extent)));
    const value = select(inside, load(this.found.dense.buffer, "float32", source), float(0));
    const index = add(
      mul(add(mul(this.channel, int(this.paddedTaps)), variable("tap")), int(tapColumns.extent)),
      variable(tapColumns.name),
    );
    return nestLoops([...outputs, ...inputs, { name: "tap", extent: this.paddedTaps }, tapColumns], "grid", [
      { kind: "store", buffer: target, index, value },
    ]);
  }

  /** Output channel times input channels plus input channel. */
  private get channel(): Expr {
    return add(mul(nameOf(this.parts.outputs), int(extentOf(this.parts.inputs))), nameOf(this.parts.inputs));
  }

  private windowBody(weights: string, offsets: string, values: string, image: string): Stmt[] {
    const { sparse } = this.found;
    const classes = Array.from({ length: sparse.window[1] }, (_, k) => k);
    const height = this.parts.tapRows.extent + sparse.window[0] - 1;
    const tiles = Array.from({ length: Math.ceil(height / this.tile) }, (_, k) => k * this.tile);
    return [
      ...classes.flatMap((k) => this.list(k, offsets, values)),
      ...nestLoops(
        this.parts.inputs,
        "grid",
        tiles.flatMap((first) =>
          this.rows(first, Math.min(this.tile, height - first), weights, offsets, values, image),
        ),
      ),
    ];
  }

  /** Lists the channels whose winner stands in column `column` of the current window. */
  private list(column: number, offsets: string, values: string): Stmt[] {
    const { sparse } = this.found;
    const outputs = extentOf(this.parts.outputs);
    const columns = this.parts.tapColumns.extent;
    const at = add(add(baseOf(sparse.base), mul(variable("py"), int(sparse.plane[1]))), variable("px"));
    const winner = local(`winner${column}`, "int32");
    const gradient = local(`gradient${column}`, "float32");
    const channel = mul(
      nameOf(this.parts.outputs),
      int(extentOf(this.parts.inputs) * this.paddedTaps * columns),
    );
    const above = sub(int(sparse.window[0] - 1), div(winner, int(sparse.window[1])));
    const alive = and(
      compare("eq", mod(winner, int(sparse.window[1])), int(column)),
      compare("ne", gradient, float(0)),
    );
    return [
      { kind: "accumulator", name: `count${column}`, init: int(0), range: [0, outputs] },
      ...nestLoops(this.parts.outputs, "reduce", [
        { kind: "let", name: `winner${column}`, value: winnerAt(sparse, at) },
        { kind: "let", name: `gradient${column}`, value: load(sparse.gradient, "float32", at) },
        {
          kind: "append",
          count: `count${column}`,
          capacity: outputs,
          condition: alive,
          base: int(column * outputs),
          values: [
            { buffer: offsets, value: add(channel, mul(above, int(columns))) },
            { buffer: values, value: gradient },
          ],
        },
      ]),
    ];
  }

  /** Accumulates rows `first` … of the patch over all lists, then adds them into the image. */
  private rows(
    first: number,
    count: number,
    weights: string,
    offsets: string,
    values: string,
    image: string,
  ): Stmt[] {
    const { sparse } = this.found;
    const columns = this.parts.tapColumns.extent;
    const width = columns + sparse.window[1] - 1;
    const outputs = extentOf(this.parts.outputs);
    const name = (row: number, column: number): string => `acc${first}_${row * width + column}`;
    const cells = Array.from(
      { length: count * width },
      (_, k) => [Math.floor(k / width), k % width] as const,
    );
    const filter = mul(nameOf(this.parts.inputs), int(this.paddedTaps * columns));
    const lists = Array.from({ length: sparse.window[1] }, (_, column): Stmt => {
      const entry = `entry${first}_${column}`;
      const offset = `offset${first}_${column}`;
      const gradient = `value${first}_${column}`;
      const at = add(variable(entry), int(column * outputs));
      const steps = Array.from({ length: count * columns }, (_unused, k): Stmt => {
        const row = Math.floor(k / columns);
        const tap = k % columns;
        const index = add(add(local(offset, "int32"), filter), int((first + row) * columns + tap));
        const product = binary("mul", local(gradient, "float32"), load(weights, "float32", index));
        const target = name(row, column + tap);
        return { kind: "assign", name: target, value: add(local(target, "float32"), product) };
      });
      return {
        kind: "for",
        name: entry,
        extent: { count: `count${column}`, most: outputs, usual: outputs / sparse.window[1] },
        loop: "reduce",
        body: [
          { kind: "let", name: offset, value: load(offsets, "int32", at) },
          { kind: "let", name: gradient, value: load(values, "float32", at) },
          ...steps,
        ],
      };
    });
    return [
      ...cells.map(
        ([row, column]): Stmt => ({ kind: "accumulator", name: name(row, column), init: float(0) }),
      ),
      ...lists,
      ...cells.map(([row, column]): Stmt => {
        const y = add(mul(variable("py"), int(sparse.window[0])), int(first + row));
        const x = add(mul(variable("px"), int(sparse.window[1])), int(column));
        const index = this.cell(y, x);
        const sum = add(load(image, "float32", index), local(name(row, column), "float32"));
        return { kind: "store", buffer: image, index, value: sum };
      }),
    ];
  }

  private cell(y: Expr, x: Expr): Expr {
    return add(mul(add(mul(nameOf(this.parts.inputs), int(this.height)), y), int(this.width)), x);
  }

  private epilogue(sum: Expr): Expr {
    const [store] = this.found.contraction.nest.stores;
    return replaceCore(store.value, this.found.contraction.core, sum);
  }

  /** Stores the image through the epilogue. */
  private finish(image: string): Stmt[] {
    const { rows, columns, inputs, top, left } = this.parts;
    const [store] = this.found.contraction.nest.stores;
    const at = this.cell(add(variable(rows.name), int(top)), add(variable(columns.name), int(left)));
    const value = this.epilogue(load(image, "float32", at));
    const loops = inputs.map(({ name, extent }) => ({ name, extent }));
    const renamed = new Map(loops.map(({ name }) => [name, variable(`${name}_out`)]));
    return nestLoops(
      [...loops.map(({ name, extent }) => ({ name: `${name}_out`, extent })), rows, columns],
      "grid",
      [
        {
          kind: "store",
          buffer: store.buffer,
          index: substitute(store.index, renamed),
          value: substitute(value, renamed),
        },
      ],
    );
  }
}

const extentOf = (loops: readonly GridLoop[]): number => loops.reduce((n, loop) => n * loop.extent, 1);
const nameOf = (loops: readonly GridLoop[]): Expr => (loops.length === 0 ? int(0) : variable(loops[0].name));
