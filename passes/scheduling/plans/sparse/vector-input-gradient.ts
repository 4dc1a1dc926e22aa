/**
 * The input gradient over winner lists in lanes: each entry of a list adds its gradient times a row of weights into an
 * image whose channels are innermost, so that taps and channels of a row are one contiguous stretch. Lanes
 * beyond the stretch add zeros; a gradient that is not finite may therefore reach a neighbour.
 */

import { coefficientOf, toAffine } from "../../../../src/loop/affine.ts";
import { add, binary, float, int, load, local, mul, variable } from "../../../../src/loop/build.ts";
import type { Machine } from "../../../../src/loop/machine.ts";
import type { ProgramBuffer } from "../../../../src/loop/program.ts";
import { type Schedule, unrolledBy, vectorized } from "../../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { usedBuffers } from "../../../../src/loop/used-buffers.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { LANE } from "../../analysis/lanes.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { onNests } from "../../transforms/nests.ts";
import { replaceCore } from "../../transforms/replace-core.ts";
import { rowSchedule } from "../../transforms/rows.ts";
import { MULTIPLY_ADD } from "../cost.ts";
import { bandsOf, type ImageLists, imageLists } from "./image-lists.ts";
import { type InputGradientParts, inputGradientParts } from "./input-gradient.ts";
import { listBuffer, loopOver, nestLoops, type SparseContraction, type SparseForm } from "./sparse-form.ts";
import { type Block, bestBlock, entryCost, type Stretch, stretchesOf } from "./tap-blocks.ts";

/** Weights held in registers at most; the rest is for what they are added to. */
const HELD = 10;

/** The plan for what the scalar form matches; `undefined` for other forms. */
export function inputVectors(found: SparseContraction, machine: Machine): SparseForm | undefined {
  const { vectorWidth: width, registers, costs } = machine;
  const parts = partsOf(found);
  if (parts === undefined) return undefined;
  const vectors = Math.ceil((parts.tapColumns.extent * sizeOf(parts.inputs)) / width);
  const held = Math.min(HELD, registers - 3);
  const block = bestBlock(machine, parts.tapRows.extent, vectors, held, costs.sparse.intoMemory);
  const form = new InputVectors(found, parts, width, block);
  return { schedule: form.schedule, cost: form.cost(machine) };
}

/** Carries out the schedule of such a plan; `undefined` for other forms. */
export function buildInputVectors(found: SparseContraction, schedule: Schedule): Scheduled | undefined {
  const parts = partsOf(found);
  if (parts === undefined) return undefined;
  const { vectors, lanes } = vectorized(schedule);
  const rows = unrolledBy(schedule, parts.tapRows.name);
  return new InputVectors(found, parts, lanes, { rows, vectors }).build();
}

function partsOf(found: SparseContraction): InputGradientParts | undefined {
  const parts = inputGradientParts(found);
  return parts === undefined || parts.outputs.length === 0 ? undefined : parts;
}

const sizeOf = (loops: readonly GridLoop[]): number => loops.reduce((n, l) => n * l.extent, 1);
const nameOf = (loops: readonly GridLoop[]): Expr => (loops.length === 0 ? int(0) : variable(loops[0].name));

/** Where the main kernel finds the weights, and what it takes to have them there. */
interface Weights {
  readonly kernels: readonly Kernel[];
  readonly scratch: readonly ProgramBuffer[];
  readonly param: Pick<BufferParam, "name" | "dtype" | "length">;
  /** The weight at a place of a row of taps, for the output channel at hand. */
  readonly load: (row: Expr, element: Expr) => Expr;
}

class InputVectors {
  private readonly found: SparseContraction;
  private readonly parts: InputGradientParts;
  private readonly lanes: number;
  private readonly block: Block;
  private readonly kernel: Kernel;
  private readonly channels: number;
  private readonly height: number;
  private readonly width: number;
  /** Taps times channels of a row, and the same in whole vectors. */
  private readonly run: number;
  private readonly rowLength: number;
  /** Elements of one image, in whole vectors, with room behind it for the last row's last lanes. */
  private readonly imageLength: number;

  constructor(found: SparseContraction, parts: InputGradientParts, lanes: number, block: Block) {
    this.found = found;
    this.parts = parts;
    this.lanes = lanes;
    this.kernel = found.contraction.kernel;
    const { plane, window } = found.sparse;
    const { tapRows, tapColumns, rows, columns, top, left } = parts;
    this.channels = sizeOf(parts.inputs);
    this.height = Math.max(plane[0] * window[0] + tapRows.extent - 1, rows.extent + top);
    this.width = Math.max(plane[1] * window[1] + tapColumns.extent - 1, columns.extent + left);
    this.run = tapColumns.extent * this.channels;
    this.rowLength = Math.ceil(this.run / lanes) * lanes;
    this.imageLength = Math.ceil((this.height * this.width * this.channels) / lanes + 1) * lanes;
    this.block = block;
  }

  cost(machine: Machine): number {
    const { parts, lanes } = this;
    const { intoMemory, makeEntry, finish } = machine.costs.sparse;
    const { plane } = this.found.sparse;
    const entries = sizeOf(parts.images) * sizeOf(parts.outputs) * plane[0] * plane[1];
    const perEntry = entryCost(machine, this.block, parts.tapRows.extent, this.rowLength / lanes, intoMemory);
    const finished = sizeOf(this.found.contraction.nest.loops);
    return MULTIPLY_ADD * entries * perEntry + makeEntry * entries + finish * finished;
  }

  build(): Scheduled {
    const { kernel, parts } = this;
    const { sparse, dense } = this.found;
    const lists = imageLists(
      kernel,
      sparse,
      [...parts.images, ...parts.outputs],
      // As the weight gradient cuts them, which shares the lists.
      bandsOf(sparse),
      this.width * this.channels,
      this.channels,
    );
    const weights = this.weights();
    const image = listBuffer(`${kernel.name}_image`, sparse.gradient, "float32", this.imageLength);
    const { loaded } = usedBuffers([{ kind: "let", name: "epilogue", value: this.epilogue(float(0)) }]);
    const listed = new Set([sparse.gradient, sparse.winner, dense.buffer]);
    const main: Kernel = {
      ...kernel,
      buffers: [
        ...kernel.buffers.filter(
          (b) => (!listed.has(b.name) || loaded.has(b.name)) && b.name !== weights.param.name,
        ),
        ...lists.params,
        { ...weights.param, access: "read" },
        { ...image.param, private: true },
      ],
      body: this.overImages(lists, weights.load, image.param.name),
      schedule: this.schedule,
    };
    return {
      kernels: [...weights.kernels, lists.kernel, main],
      scratch: [...weights.scratch, ...lists.buffers, { ...image.buffer, private: true }],
    };
  }

  get schedule(): Schedule {
    const { tapColumns, tapRows } = this.parts;
    const { rows, vectors } = this.block;
    return [
      { kind: "compact", operand: this.found.sparse.operand },
      { kind: "vectorize", loop: tapColumns.name, vectors, lanes: this.lanes, tail: "padded" },
      { kind: "unroll", loop: tapRows.name, by: rows },
    ];
  }

  /** The weights as [out][row][column, in] with rows of whole vectors: in place where they lie so, else a copy. */
  private weights(): Weights {
    const { tapRows, tapColumns, outputs, inputs } = this.parts;
    const { dense, sparse } = this.found;
    const source = this.kernel.buffers.find((b) => b.name === dense.buffer);
    if (source !== undefined && this.rowsLieWhole) {
      const first = [...inputs, tapColumns].map(({ name }): [string, Expr] => [name, int(0)]);
      const at = (row: Expr, element: Expr): Expr => {
        const start = substitute(dense.index, new Map([...first, [tapRows.name, row]]));
        return load(source.name, "float32", add(start, element));
      };
      return { kernels: [], scratch: [], param: source, load: at };
    }
    const length = sizeOf(outputs) * tapRows.extent * this.rowLength;
    const { param, buffer } = listBuffer(`${this.kernel.name}_weights`, sparse.gradient, "float32", length);
    return {
      kernels: [this.pack({ ...param, access: "write" })],
      scratch: [buffer],
      param,
      load: (row, element) => {
        const tap = add(mul(nameOf(outputs), int(tapRows.extent)), row);
        return load(param.name, "float32", add(mul(tap, int(this.rowLength)), element));
      },
    };
  }

  /** Whether the weights of a row of taps are whole vectors that lie side by side, input channels innermost. */
  private get rowsLieWhole(): boolean {
    const form = toAffine(this.found.dense.index);
    const { tapColumns, inputs } = this.parts;
    const isContiguous = inputs.every(({ name }) => coefficientOf(form, name) === 1);
    return (
      isContiguous && coefficientOf(form, tapColumns.name) === this.channels && this.rowLength === this.run
    );
  }

  /** Copies the weights to [out][row][column, in], rows in whole vectors with zeros behind. */
  private pack(target: BufferParam): Kernel {
    const { tapRows, tapColumns, outputs, inputs } = this.parts;
    const { dense } = this.found;
    const row = mul(
      add(mul(nameOf(outputs), int(tapRows.extent)), variable(tapRows.name)),
      int(this.rowLength),
    );
    const element = add(mul(variable(tapColumns.name), int(this.channels)), nameOf(inputs));
    const filled: Stmt = { kind: "store", buffer: target.name, index: add(row, element), value: dense };
    const copies = nestLoops([...outputs, tapRows, tapColumns, ...inputs], "grid", [filled]);
    const beyond = this.rowLength - this.run;
    const zero: Stmt = {
      kind: "store",
      buffer: target.name,
      index: add(add(row, variable("beyond")), int(this.run)),
      value: float(0),
    };
    const zeros = nestLoops([...outputs, tapRows, { name: "beyond", extent: beyond }], "grid", [zero]);
    const section = (name: string, body: Stmt[]): Stmt => ({ kind: "section", name, body });
    const copy: Kernel = {
      ...this.kernel,
      name: target.name,
      ops: ["pack"],
      buffers: [...this.kernel.buffers.filter((b) => b.name === dense.buffer), target],
      scalars: [],
      body: beyond === 0 ? copies : [section("copy", copies), section("zeros", zeros)],
      nominalFlops: 0,
    };
    return onNests(copy, rowSchedule(copy, this.lanes));
  }

  /** Each image is cleared, gathers all channels' winners and is stored through the epilogue. */
  private overImages(lists: ImageLists, weights: Weights["load"], image: string): Stmt[] {
    const { images, outputs } = this.parts;
    const channel = lists.bands.reduce<Stmt[]>(
      (inner, { name, extent }) => [loopOver(name, extent, inner)],
      [{ kind: "let", name: "count", value: lists.count }, ...this.blocks(lists, weights, image)],
    );
    const body: Stmt[] = [
      loopOver("cell", this.imageLength / this.lanes, [
        {
          kind: "for",
          name: LANE,
          extent: this.lanes,
          loop: "vector",
          body: [
            {
              kind: "store",
              buffer: image,
              index: add(mul(variable("cell"), int(this.lanes)), variable(LANE)),
              value: float(0),
            },
          ],
        },
      ]),
      ...outputs.reduceRight<Stmt[]>((inner, { name, extent }) => [loopOver(name, extent, inner)], channel),
      ...this.finish(image),
    ];
    return nestLoops(images, "grid", body);
  }

  private blocks(lists: ImageLists, weights: Weights["load"], image: string): Stmt[] {
    const rows = stretchesOf("tap", this.parts.tapRows.extent, this.block.rows);
    const vectors = stretchesOf("vector", this.rowLength / this.lanes, this.block.vectors);
    return rows.flatMap((r) => vectors.flatMap((v) => this.blockBody(lists, weights, image, r, v)));
  }

  /** Weights of one block stay in registers while a list adds them into the image. */
  private blockBody(
    lists: ImageLists,
    weights: Weights["load"],
    image: string,
    rows: Stretch,
    vectors: Stretch,
  ): Stmt[] {
    const gradient = local("gradient", "float32");
    const points = Array.from({ length: rows.size * vectors.size }, (_, k) => ({
      row: add(rows.start, int(Math.floor(k / vectors.size))),
      element: add(
        add(mul(vectors.start, int(this.lanes)), int((k % vectors.size) * this.lanes)),
        variable(LANE),
      ),
    }));
    const held = points.map(
      ({ row, element }, k): Stmt => ({ kind: "let", name: `weight${k}`, value: weights(row, element) }),
    );
    const iteration = points.map(({ row, element }, k): Stmt => {
      const place = add(mul(row, int(this.width * this.channels)), element);
      const index = add(local("offset", "int32"), place);
      const product = binary("mul", gradient, local(`weight${k}`, "float32"));
      return { kind: "store", buffer: image, index, value: add(load(image, "float32", index), product) };
    });
    const lanes: Stmt[] = [
      ...held,
      {
        kind: "for",
        name: "entry",
        extent: { count: "count", most: lists.most },
        loop: "serial",
        body: [
          { kind: "let", name: "offset", value: lists.offset },
          { kind: "let", name: "gradient", value: lists.gradient },
          ...iteration,
        ],
      },
    ];
    return [...rows.loops, ...vectors.loops].reduceRight<Stmt[]>(
      (inner, { name, extent }) => [loopOver(name, extent, inner)],
      [{ kind: "for", name: LANE, extent: this.lanes, loop: "vector", body: lanes }],
    );
  }

  private epilogue(sum: Expr): Expr {
    const { nest, core } = this.found.contraction;
    return replaceCore(nest.stores[0].value, core, sum);
  }

  /** Stores the image through the epilogue, in the order of the result. */
  private finish(image: string): Stmt[] {
    const { rows, columns, inputs, top, left } = this.parts;
    const [store] = this.found.contraction.nest.stores;
    const y = mul(add(variable(rows.name), int(top)), int(this.width * this.channels));
    const x = mul(add(variable(columns.name), int(left)), int(this.channels));
    const value = this.epilogue(load(image, "float32", add(add(y, x), nameOf(inputs))));
    const body: Stmt = { kind: "store", buffer: store.buffer, index: store.index, value };
    return [...inputs, rows, columns].reduceRight<Stmt[]>(
      (inner, { name, extent }) => [loopOver(name, extent, inner)],
      [body],
    );
  }
}
