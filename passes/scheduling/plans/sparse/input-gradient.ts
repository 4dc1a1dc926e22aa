/**
 * The input gradient over lists: each entry of a list adds its gradient times rows of weights into an image whose channels
 * are innermost, so that taps and channels of a row are contiguous. Lanes beyond the run add zeros; a
 * gradient that is not finite may therefore reach a neighbour.
 */

import { type Affine, coefficientOf, toAffine } from "../../../../src/loop/affine.ts";
import {
  add,
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
import { scratchFor } from "../../../../src/loop/program.ts";
import { RangeContext } from "../../../../src/loop/range.ts";
import { type Schedule, unrolledBy, vectorized } from "../../../../src/loop/schedule.ts";
import { simplify } from "../../../../src/loop/simplify.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { withBody } from "../../../../src/loop/used-buffers.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { extentsOf, onSums } from "../../analysis/contraction.ts";
import { type Coordinate, coordinatesOf, type Extents } from "../../analysis/coordinates.ts";
import { laneLoop } from "../../analysis/lanes.ts";
import { type GridLoop, iterationsOf, nestLoops, numberOf, statementsOf } from "../../analysis/nest.ts";
import type { SparseContraction } from "../../analysis/sparse-factor.ts";
import { zeros } from "../../transforms/copies.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { type PanelPlan, planPanel } from "../../transforms/panel.ts";
import { MULTIPLY_ADD, panelCost } from "../cost.ts";
import { GRADIENT, type ImageLists, imageLists } from "./image-lists.ts";
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

/** The loops of a transposed convolution by role; optional ones are lists of none or one. */
interface Parts {
  /** The dense factor. */
  readonly weights: Extract<Expr, { kind: "load" }>;
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
  /** The position of row 0 of the input in the accumulated image. */
  readonly top: number;
  readonly left: number;
}

/**
 * The plan for `Σ[co, ky, kx] sparse(n, co, y - ky + t, x - kx + l) · W(co, ci, ky, kx)`, the transposed convolution with
 * unit stride and dilation; `undefined` for other forms.
 */
export function inputGradient(found: SparseContraction, machine: Machine): SparseForm | undefined {
  const parts = partsOf(found);
  if (parts === undefined) return undefined;
  const { contraction, sparse } = found;
  const { vectorWidth: lanes, registers } = machine;
  const { aligned, unaligned, makeEntry, finish } = machine.costs.sparse;
  const { update } = iterationsOf(parts.inputs) % lanes === 0 ? aligned : unaligned;
  const rows = parts.tapRows.extent;
  const vectors = Math.ceil((parts.tapColumns.extent * iterationsOf(parts.inputs)) / lanes);
  const held = registers - 4;
  const block = bestBlock(machine, rows, vectors, held, update);
  const entries = iterationsOf([...parts.images, ...parts.outputs]) * sparse.plane[0] * sparse.plane[1];
  const perEntry = entryCost(machine, block, rows, vectors, update);
  const plan = packingOf(parts, extentsOf(contraction), lanes);
  return {
    schedule: [...listSteps(found, plan), ...blockSteps(parts.tapColumns, parts.tapRows, block, lanes)],
    cost:
      MULTIPLY_ADD * entries * perEntry +
      makeEntry * entries +
      finish * iterationsOf(contraction.nest.loops) +
      (plan === undefined ? 0 : panelCost(plan, machine)),
  };
}

/** How weights are packed as [out][row][column, in], unless they are already so, with rows in whole vectors. */
function packingOf(parts: Parts, extents: Extents, lanes: number): PanelPlan | undefined {
  const { weights, outputs, tapRows, tapColumns, inputs } = parts;
  if (liesInRows(parts) && (tapColumns.extent * iterationsOf(inputs)) % lanes === 0) return undefined;
  const order = [...outputs, tapRows, tapColumns, ...inputs].map(({ name }) => name);
  const place = ({ terms }: Coordinate): number => order.indexOf(terms[0].name);
  const coordinates = coordinatesOf(weights, extents, new Set());
  return planPanel(
    weights,
    coordinates.sort((a, b) => place(a) - place(b)),
  );
}

/** Whether the weights of a row of taps are contiguous, input channels innermost. */
function liesInRows({ weights, tapColumns, inputs }: Parts): boolean {
  const index = toAffine(weights.index);
  return (
    coefficientOf(index, tapColumns.name) === iterationsOf(inputs) &&
    inputs.every(({ name }) => coefficientOf(index, name) === 1)
  );
}

/** Carries out the schedule of such a plan, with the weights copied as it says; `undefined` for other forms. */
export function buildInputGradient(found: SparseContraction, schedule: Schedule): Scheduled | undefined {
  const parts = partsOf(found);
  if (parts === undefined || !liesInRows(parts)) return undefined;
  const { vectors, lanes } = vectorized(schedule);
  const rows = unrolledBy(schedule, parts.tapRows.name);
  return new InputGradient(found, parts, lanes, { rows, vectors }).build(schedule);
}

/** The loops of the transposed convolution that `found` is, or `undefined` if it is none. */
function partsOf({ contraction, sparse, dense }: SparseContraction): Parts | undefined {
  if (dense.kind !== "load") return undefined;
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
    weights: dense,
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

/** Splits `position - tap + shift` into its parts. */
function differenceOf(form: Affine, loops: readonly GridLoop[], axes: readonly GridLoop[]) {
  const position = loops.find(({ name }) => coefficientOf(form, name) === 1);
  const tap = axes.find(({ name }) => coefficientOf(form, name) === -1);
  if (position === undefined || tap === undefined || form.terms.size !== 2 || form.constant < 0)
    return undefined;
  return { position, tap, shift: form.constant };
}

class InputGradient {
  private readonly found: SparseContraction;
  private readonly parts: Parts;
  private readonly lanes: number;
  private readonly block: Block;
  private readonly kernel: Kernel;
  private readonly channels: number;
  /**
   * Elements of one row of the image, and of all of it in whole
   * vectors, with room after it for the last row's last lanes.
   */
  private readonly stride: number;
  private readonly imageLength: number;
  /** Taps times channels of a row, and the same rounded up to whole vectors. */
  private readonly run: number;
  private readonly rowLength: number;

  constructor(found: SparseContraction, parts: Parts, lanes: number, block: Block) {
    this.found = found;
    this.parts = parts;
    this.lanes = lanes;
    this.block = block;
    this.kernel = found.contraction.kernel;
    const { plane, window } = found.sparse;
    const { tapRows, tapColumns, rows, columns, top, left } = parts;
    this.channels = iterationsOf(parts.inputs);
    const height = Math.max(plane[0] * window[0] + tapRows.extent - 1, rows.extent + top);
    const width = Math.max(plane[1] * window[1] + tapColumns.extent - 1, columns.extent + left);
    this.stride = width * this.channels;
    this.imageLength = Math.ceil((height * this.stride) / lanes + 1) * lanes;
    this.run = tapColumns.extent * this.channels;
    this.rowLength = Math.ceil(this.run / lanes) * lanes;
  }

  build(schedule: Schedule): Scheduled {
    const { kernel, parts } = this;
    const lists = imageLists(this.found, [...parts.images, ...parts.outputs], this.stride, this.channels);
    const image: BufferParam = {
      name: `${kernel.name}_image`,
      dtype: "float32",
      length: this.imageLength,
      access: "scratch",
      private: true,
    };
    const buffers = [...kernel.buffers, ...lists.params, image];
    const main = { ...withBody(kernel, buffers, this.overImages(lists, image.name)), schedule };
    const scratch = [...lists.buffers, scratchFor(image, `image of ${kernel.name}`)];
    return { kernels: [lists.kernel, main], scratch };
  }

  /** The weights at a position of a row of taps, for the current output channel; zeros after the row. */
  private weightsAt(row: Expr, element: Expr, ranges: RangeContext): Expr {
    const { weights, tapRows, tapColumns, inputs } = this.parts;
    const first = [...inputs, tapColumns].map(({ name }): [string, Expr] => [name, int(0)]);
    const start = substitute(weights.index, new Map([...first, [tapRows.name, row]]));
    const isInside = compare("lt", element, int(this.run));
    return select(simplify(isInside, ranges), load(weights.buffer, "float32", add(start, element)), float(0));
  }

  /** Each image is cleared, gathers all channels' winners and is stored through the epilogue. */
  private overImages(lists: ImageLists, image: string): Stmt[] {
    const { tapRows, images, outputs } = this.parts;
    const blocks = blocksOf(tapRows.extent, this.rowLength / this.lanes, this.block, this.lanes);
    const list = [lists.counted, ...blocks.flatMap((block) => this.blockBody(lists, image, block))];
    return nestLoops(images, [
      ...zeros(image, this.imageLength, this.lanes).flatMap(statementsOf),
      ...nestLoops([...outputs, ...lists.bands], list, "serial"),
      ...this.finish(image),
    ]);
  }

  /** Weights of one block stay in registers while a list adds them into the image. */
  private blockBody(lists: ImageLists, image: string, { points, loops }: TapBlock): Stmt[] {
    const ranges = [...loops, ...laneLoop(this.lanes)].reduce(
      (context, { name, extent }) => context.withLoop(name, extent),
      new RangeContext(),
    );
    const held = points.map(({ row, element }, k): Stmt => {
      return { kind: "let", name: `weight${k}`, value: this.weightsAt(row, element, ranges) };
    });
    const additions = points.flatMap(({ row, element }, k): Stmt[] => {
      const index = add(local("offset", "int32"), add(mul(row, int(this.stride)), element));
      const before = load(image, "float32", index);
      const product = binary("mul", GRADIENT, local(`weight${k}`, "float32"));
      if (this.lanes > 1) return [{ kind: "store", buffer: image, index, value: add(before, product) }];
      // Code in double precision rounds what is stored, but not what is added to an accumulator.
      const sum = local(`sum${k}`, "float32");
      return [
        { kind: "accumulator", name: `sum${k}`, init: before },
        { kind: "assign", name: `sum${k}`, value: add(sum, product) },
        { kind: "store", buffer: image, index, value: sum },
      ];
    });
    const inLanes = nestLoops(laneLoop(this.lanes), [...held, lists.entries("serial", additions)]);
    return nestLoops(loops, inLanes, "serial");
  }

  /** Stores the image through the epilogue, in the order of the result. */
  private finish(image: string): Stmt[] {
    const { rows, columns, inputs, top, left } = this.parts;
    const { nest, core } = this.found.contraction;
    const [store] = nest.stores;
    const y = mul(add(variable(rows.name), int(top)), int(this.stride));
    const x = mul(add(variable(columns.name), int(left)), int(this.channels));
    const sum = load(image, "float32", add(add(y, x), numberOf(inputs)));
    // Read before the select that may need it: no branch, which
    // would be mispredicted for every other element after a relu.
    const value = onSums(core.axes, () => local("sum", "float32"))(store.value);
    const body: Stmt[] = [
      { kind: "let", name: "sum", value: sum },
      { kind: "store", buffer: store.buffer, index: store.index, value },
    ];
    return nestLoops([...inputs, rows, columns], body, "serial");
  }
}
