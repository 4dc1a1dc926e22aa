/**
 * One list of winners for each image and channel, or several for bands of its rows: where the winner of each window
 * stands in the memory of an image, and the gradient that arrives there. Windows without a gradient do not enter.
 */

import {
  add,
  compare,
  div,
  float,
  int,
  load,
  local,
  mod,
  mul,
  variable,
} from "../../../../src/loop/build.ts";
import type { ProgramBuffer } from "../../../../src/loop/program.ts";
import { BLOCK } from "../../../../src/loop/sum-blocks.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import type { GridLoop } from "../../analysis/nest.ts";
import { type SparseFactor, winnerAt } from "../../analysis/sparse-factor.ts";
import { baseOf, type ListSpec, listBuffer, loopOver, nestLoops } from "./sparse-form.ts";

export interface ImageLists {
  /** Fills the lists. */
  readonly kernel: Kernel;
  readonly buffers: readonly ProgramBuffer[];
  /** As the kernels that run the lists declare them. */
  readonly params: readonly BufferParam[];
  /** The loop over the bands that an image is cut into, if it is: inside of all others. */
  readonly bands: readonly GridLoop[];
  /** The number of entries in the current list, and the position of the entry that the variable `entry` tells. */
  readonly count: Expr;
  readonly most: number;
  /** Offset and gradient of the current entry. */
  readonly offset: Expr;
  readonly gradient: Expr;
}

/** The number of bands of whole rows that an image is cut into, so that the windows of none are more than a block of a sum. */
export function bandsOf({ plane: [rows, columns] }: SparseFactor): number {
  let bands = 1;
  while (bands < rows && (rows % bands > 0 || (rows / bands) * columns > BLOCK)) bands++;
  return bands;
}

/**
 * Lists for all combinations of `loops`, each image cut into so many bands; a row and a column of the dense gradient are
 * so many elements.
 */
export function imageLists(
  kernel: Kernel,
  sparse: SparseFactor,
  loops: readonly GridLoop[],
  bandCount: number,
  rowStride: number,
  columnStride: number,
): ImageLists {
  const [rows, columns] = sparse.plane;
  const [windowRows, windowColumns] = sparse.window;
  const bands: GridLoop[] = bandCount === 1 ? [] : [{ name: "band", extent: bandCount }];
  const bandRows = rows / bandCount;
  const most = bandRows * columns;
  const all = [...loops, ...bands];
  const lists = all.reduce((n, loop) => n * loop.extent, 1);
  const number = all.reduce<Expr>((n, { name, extent }) => add(mul(n, int(extent)), variable(name)), int(0));
  const reach = (rows * windowRows - 1) * rowStride + (columns * windowColumns - 1) * columnStride;
  const scratch = (suffix: string, ...spec: ListSpec) =>
    listBuffer(`${kernel.name}_${suffix}`, sparse.gradient, ...spec);
  const offsets = scratch("offsets", "int32", lists * most, [0, reach]);
  const values = scratch("values", "float32", lists * most);
  const counts = scratch("counts", "int32", lists, [0, most]);
  const buffers = [offsets, values, counts];
  const base = mul(number, int(most));
  const py = bands.reduce<Expr>((y, { name }) => add(mul(variable(name), int(bandRows)), y), variable("py"));
  const at = add(add(baseOf(sparse.base), mul(py, int(columns))), variable("px"));
  const winner = local("winner", "int32");
  const offset = [
    mul(py, int(windowRows * rowStride)),
    mul(variable("px"), int(windowColumns * columnStride)),
    mul(div(winner, int(windowColumns)), int(rowStride)),
    mul(mod(winner, int(windowColumns)), int(columnStride)),
  ].reduce(add);
  const gradient = local("gradient", "float32");
  const window: Stmt[] = [
    { kind: "let", name: "winner", value: winnerAt(sparse, at) },
    { kind: "let", name: "gradient", value: load(sparse.gradient, "float32", at) },
    {
      kind: "append",
      count: "count",
      capacity: most,
      condition: compare("ne", gradient, float(0)),
      base,
      values: [
        { buffer: offsets.param.name, value: offset },
        { buffer: values.param.name, value: gradient },
      ],
    },
  ];
  const list: Stmt[] = [
    { kind: "accumulator", name: "count", init: int(0), range: [0, most] },
    loopOver("py", bandRows, [loopOver("px", columns, window)]),
    { kind: "store", buffer: counts.param.name, index: number, value: local("count", "int32") },
  ];
  const sources = new Set([sparse.gradient, sparse.winner]);
  const entry = add(base, variable("entry"));
  return {
    kernel: {
      ...kernel,
      name: `${kernel.name}_lists`,
      ops: ["winner_lists"],
      buffers: [
        ...kernel.buffers.filter((b) => sources.has(b.name)),
        ...buffers.map(({ param }): BufferParam => ({ ...param, access: "write" })),
      ],
      scalars: [],
      body: nestLoops(all, "grid", list),
      schedule: [{ kind: "compact", operand: sparse.operand, ...(bandCount > 1 && { inBands: true }) }],
      nominalFlops: 0,
    },
    buffers: buffers.map(({ buffer }) => buffer),
    params: buffers.map(({ param }): BufferParam => ({ ...param, access: "read" })),
    bands,
    count: load(counts.param.name, "int32", number),
    most,
    offset: load(offsets.param.name, "int32", entry),
    gradient: load(values.param.name, "float32", entry),
  };
}
