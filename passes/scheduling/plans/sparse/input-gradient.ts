/**
 * The input gradient over lists: each entry of a list adds its gradient times rows of weights into an image whose channels
 * are innermost, so that taps and channels of a row are one contiguous stretch. Lanes beyond the stretch add zeros; a
 * gradient that is not finite may therefore reach a neighbour.
 */

import { type Affine, coefficientOf, toAffine } from "../../../../src/loop/affine.ts";
import { add, binary, float, int, load, local, mul, variable } from "../../../../src/loop/build.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import type { ProgramBuffer } from "../../../../src/loop/program.ts";
import { type Schedule, unrolledBy, vectorized } from "../../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { withBody } from "../../../../src/loop/used-buffers.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { onSums } from "../../analysis/contraction.ts";
import { laneLoop } from "../../analysis/lanes.ts";
import {
  type GridLoop,
  iterationsOf,
  type Nest,
  nestLoops,
  numberOf,
  statementsOf,
} from "../../analysis/nest.ts";
import type { SparseContraction } from "../../analysis/sparse-factor.ts";
import { zeros } from "../../transforms/clear.ts";
import { bodyOf, onNests, type Scheduled } from "../../transforms/nests.ts";

import { rowSchedule } from "../../transforms/rows.ts";
import { MULTIPLY_ADD } from "../cost.ts";
import { GRADIENT, type ImageLists, imageLists } from "./image-lists.ts";
import {
  type Block,
  bestBlock,
  blockSteps,
  blocksOf,
  entryCost,
  type SparseForm,
  type TapBlock,
} from "./tap-blocks.ts";

/** Weights held in registers at most; the rest is for what they are added to. */
const HELD = 10;

/** The loops of a transposed convolution by what they are to it; those that a form may lack are none or one. */
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
  /** Where row 0 of the input stands in the accumulated image. */
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
  const { intoMemory, makeEntry, finish } = machine.costs.sparse;
  const rows = parts.tapRows.extent;
  const vectors = Math.ceil((parts.tapColumns.extent * iterationsOf(parts.inputs)) / lanes);
  const held = Math.min(HELD, registers - 3);
  const block = bestBlock(machine, rows, vectors, held, intoMemory);
  const entries = iterationsOf([...parts.images, ...parts.outputs]) * sparse.plane[0] * sparse.plane[1];
  const perEntry = entryCost(machine, block, rows, vectors, intoMemory);
  return {
    schedule: [
      { kind: "compact", operand: sparse.operand },
      ...blockSteps(parts.tapColumns, parts.tapRows, block, lanes),
    ],
    cost:
      MULTIPLY_ADD * entries * perEntry + makeEntry * entries + finish * iterationsOf(contraction.nest.loops),
  };
}

/** Carries out the schedule of such a plan; `undefined` for other forms. */
export function buildInputGradient(found: SparseContraction, schedule: Schedule): Scheduled | undefined {
  const parts = partsOf(found);
  if (parts === undefined) return undefined;
  const { vectors, lanes } = vectorized(schedule);
  const rows = unrolledBy(schedule, parts.tapRows.name);
  return new InputGradient(found, parts, lanes, { rows, vectors }).build(schedule);
}

/** The loops of the transposed convolution that `found` is, or `undefined` when it is none. */
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

/** Takes `position - tap + shift` apart. */
function differenceOf(form: Affine, loops: readonly GridLoop[], axes: readonly GridLoop[]) {
  const position = loops.find(({ name }) => coefficientOf(form, name) === 1);
  const tap = axes.find(({ name }) => coefficientOf(form, name) === -1);
  if (position === undefined || tap === undefined || form.terms.size !== 2 || form.constant < 0)
    return undefined;
  return { position, tap, shift: form.constant };
}

/** Where the main kernel finds the weights, and what it takes to have them there. */
interface Weights {
  readonly kernels: readonly Kernel[];
  readonly scratch: readonly ProgramBuffer[];
  readonly params: readonly BufferParam[];
  /** The weight at a place of a row of taps, for the output channel at hand. */
  readonly load: (row: Expr, element: Expr) => Expr;
}

class InputGradient {
  private readonly found: SparseContraction;
  private readonly parts: Parts;
  private readonly lanes: number;
  private readonly block: Block;
  private readonly kernel: Kernel;
  private readonly channels: number;
  /** Elements of one row of the image, and of all of it in whole vectors, with room behind it for the last row's last lanes. */
  private readonly stride: number;
  private readonly imageLength: number;
  /** Taps times channels of a row, and the same in whole vectors. */
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
    const weights = this.weights();
    const name = `${kernel.name}_image`;
    const length = this.imageLength;
    const image: BufferParam = { name, dtype: "float32", length, access: "scratch", private: true };
    const buffers = [...kernel.buffers, ...lists.params, ...weights.params, image];
    const main: Kernel = {
      ...withBody(kernel, buffers, this.overImages(lists, weights.load, name)),
      schedule,
    };
    const scratch = scratchFor(`winner lists of ${this.found.sparse.gradient}`, name, length);
    return {
      kernels: [...weights.kernels, lists.kernel, main],
      scratch: [...weights.scratch, ...lists.buffers, { ...scratch, private: true }],
    };
  }

  /** The weights as [out][row][column, in] with rows of whole vectors: in place where they lie so, else a copy. */
  private weights(): Weights {
    const { weights, tapRows, tapColumns, outputs, inputs } = this.parts;
    if (this.rowsLieWhole) {
      const first = [...inputs, tapColumns].map(({ name }): [string, Expr] => [name, int(0)]);
      const at = (row: Expr, element: Expr): Expr => {
        const start = substitute(weights.index, new Map([...first, [tapRows.name, row]]));
        return load(weights.buffer, "float32", add(start, element));
      };
      return { kernels: [], scratch: [], params: [], load: at };
    }
    const name = `${this.kernel.name}_weights`;
    const length = iterationsOf([...outputs, tapRows]) * this.rowLength;
    const param = { name, dtype: "float32", length } as const;
    const number = numberOf([...outputs, tapRows]);
    return {
      kernels: [this.pack({ ...param, access: "write" })],
      scratch: [scratchFor(`winner lists of ${this.found.sparse.gradient}`, name, length)],
      params: [{ ...param, access: "read" }],
      load: (row, element) => {
        const tap = substitute(number, new Map([[tapRows.name, row]]));
        return load(name, "float32", add(mul(tap, int(this.rowLength)), element));
      },
    };
  }

  /** Whether the weights of a row of taps are whole vectors that lie side by side, input channels innermost. */
  private get rowsLieWhole(): boolean {
    const { weights, tapColumns, inputs } = this.parts;
    const form = toAffine(weights.index);
    return (
      this.rowLength === this.run &&
      coefficientOf(form, tapColumns.name) === this.channels &&
      inputs.every(({ name }) => coefficientOf(form, name) === 1)
    );
  }

  /** Copies the weights to [out][row][column, in], rows in whole vectors with zeros behind. */
  private pack(target: BufferParam): Kernel {
    const { weights, tapRows, tapColumns, outputs, inputs } = this.parts;
    const lines = [...outputs, tapRows];
    const line = mul(numberOf(lines), int(this.rowLength));
    const element = add(line, numberOf([tapColumns, ...inputs]));
    const beyond = this.rowLength - this.run;
    const behind = add(add(line, variable("beyond")), int(this.run));
    const nest = (name: string, within: readonly GridLoop[], index: Expr, value: Expr): Nest => ({
      name,
      loops: [...lines, ...within],
      stores: [{ buffer: target.name, index, value }],
    });
    const body = bodyOf([
      nest("copy", [tapColumns, ...inputs], element, weights),
      ...(beyond === 0 ? [] : [nest("zeros", [{ name: "beyond", extent: beyond }], behind, float(0))]),
    ]);
    const copy: Kernel = {
      ...withBody(this.kernel, [...this.kernel.buffers, target], body),
      name: target.name,
      ops: ["pack"],
      nominalFlops: 0,
    };
    return onNests(copy, rowSchedule(copy, this.lanes));
  }

  /** Each image is cleared, gathers all channels' winners and is stored through the epilogue. */
  private overImages(lists: ImageLists, weights: Weights["load"], image: string): Stmt[] {
    const { tapRows, images, outputs } = this.parts;
    const blocks = blocksOf(tapRows.extent, this.rowLength / this.lanes, this.block, this.lanes);
    const list = [lists.counted, ...blocks.flatMap((block) => this.blockBody(lists, weights, image, block))];
    return nestLoops(images, [
      ...zeros(image, this.imageLength, this.lanes).flatMap(statementsOf),
      ...nestLoops([...outputs, ...lists.bands], list, "serial"),
      ...this.finish(image),
    ]);
  }

  /** Weights of one block stay in registers while a list adds them into the image. */
  private blockBody(
    lists: ImageLists,
    weights: Weights["load"],
    image: string,
    { points, loops }: TapBlock,
  ): Stmt[] {
    const held = points.map(
      ({ row, element }, k): Stmt => ({ kind: "let", name: `weight${k}`, value: weights(row, element) }),
    );
    const additions = points.flatMap(({ row, element }, k): Stmt[] => {
      const index = add(local("offset", "int32"), add(mul(row, int(this.stride)), element));
      const before = load(image, "float32", index);
      const product = binary("mul", GRADIENT, local(`weight${k}`, "float32"));
      if (this.lanes > 1) return [{ kind: "store", buffer: image, index, value: add(before, product) }];
      // Code in double precision rounds what is stored, but not what an accumulator takes.
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
    const value = onSums(core.axes, () => sum)(store.value);
    const body: Stmt = { kind: "store", buffer: store.buffer, index: store.index, value };
    return nestLoops([...inputs, rows, columns], [body], "serial");
  }
}

const scratchFor = (value: string, name: string, length: number): ProgramBuffer => ({
  name,
  dtype: "float32",
  shape: [length],
  role: "scratch",
  value,
});
