/**
 * One list of winners for each image and channel, or several for bands of its rows: the position of each window's
 * winner in the memory of an image, and the gradient that arrives there. Windows without a gradient are left out.
 */

import type { DType } from "../../../../src/core/dtype.ts";
import { fromAffine } from "../../../../src/loop/affine.ts";
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
import { type ProgramBuffer, scratchFor } from "../../../../src/loop/program.ts";
import { BLOCK } from "../../../../src/loop/sum-blocks.ts";
import type { BufferParam, Expr, Kernel, LoopKind, Stmt } from "../../../../src/loop/types.ts";
import { withBody } from "../../../../src/loop/used-buffers.ts";
import { type GridLoop, iterationsOf, nestLoops, numberOf } from "../../analysis/nest.ts";
import { type SparseContraction, type SparseFactor, winnerAt } from "../../analysis/sparse-factor.ts";

export interface ImageLists {
  /** Fills the lists. */
  readonly kernel: Kernel;
  readonly buffers: readonly ProgramBuffer[];
  /** As the kernels that run the lists declare them. */
  readonly params: readonly BufferParam[];
  /** The loop over the bands that an image is cut into, if it is: inside all others. */
  readonly bands: readonly GridLoop[];
  /** Defines `count`, the number of entries in the current list. */
  readonly counted: Stmt;
  /** Runs the current list: `body` for each entry, with `offset` and `gradient` defined. */
  entries(loop: LoopKind, body: readonly Stmt[]): Stmt;
}

/** The gradient of the current entry. */
export const GRADIENT = local("gradient", "float32");

/**
 * The number of bands of whole rows that an image is cut into, so that no band has more windows than a block of a sum.
 */
export function bandsOf({ plane: [rows, columns] }: SparseFactor): number {
  let bands = 1;
  while (bands < rows && (rows % bands > 0 || (rows / bands) * columns > BLOCK)) bands++;
  return bands;
}

/** Lists for all combinations of `loops`; the strides of a row and a column of the dense gradient are in elements. */
export function imageLists(
  { contraction: { kernel }, sparse }: SparseContraction,
  loops: readonly GridLoop[],
  rowStride: number,
  columnStride: number,
): ImageLists {
  const [rows, columns] = sparse.plane;
  const [windowRows, windowColumns] = sparse.window;
  const bandCount = bandsOf(sparse);
  const bands: GridLoop[] = bandCount === 1 ? [] : [{ name: "band", extent: bandCount }];
  const bandRows = rows / bandCount;
  const most = bandRows * columns;
  const all = [...loops, ...bands];
  const lists = iterationsOf(all);
  const number = numberOf(all);
  const reach = (rows * windowRows - 1) * rowStride + (columns * windowColumns - 1) * columnStride;
  const made = (name: string, dtype: DType, length: number): BufferParam => ({
    name: `${kernel.name}_${name}`,
    dtype,
    length,
    access: "write",
  });
  const offsets: BufferParam = { ...made("offsets", "int32", lists * most), range: [0, reach] };
  const values = made("values", "float32", lists * most);
  const counts: BufferParam = { ...made("counts", "int32", lists), range: [0, most] };
  const params = [offsets, values, counts];
  const base = mul(number, int(most));
  const py = bands.reduce<Expr>((y, { name }) => add(mul(variable(name), int(bandRows)), y), variable("py"));
  const at = add(add(fromAffine(sparse.base), mul(py, int(columns))), variable("px"));
  const winner = local("winner", "int32");
  const offset = [
    mul(py, int(windowRows * rowStride)),
    mul(variable("px"), int(windowColumns * columnStride)),
    mul(div(winner, int(windowColumns)), int(rowStride)),
    mul(mod(winner, int(windowColumns)), int(columnStride)),
  ].reduce(add);
  const window: Stmt[] = [
    { kind: "let", name: "winner", value: winnerAt(sparse, at) },
    { kind: "let", name: "gradient", value: load(sparse.gradient, "float32", at) },
    {
      kind: "append",
      count: "count",
      capacity: most,
      condition: compare("ne", GRADIENT, float(0)),
      base,
      values: [
        { buffer: offsets.name, value: offset },
        { buffer: values.name, value: GRADIENT },
      ],
    },
  ];
  const windows: GridLoop[] = [
    { name: "py", extent: bandRows },
    { name: "px", extent: columns },
  ];
  const list: Stmt[] = [
    { kind: "accumulator", name: "count", init: int(0), range: [0, most] },
    ...nestLoops(windows, window, "serial"),
    { kind: "store", buffer: counts.name, index: number, value: local("count", "int32") },
  ];
  const entry = add(base, variable("entry"));
  return {
    kernel: {
      ...withBody(kernel, [...kernel.buffers, ...params], nestLoops(all, list)),
      name: `${kernel.name}_lists`,
      ops: ["winner_lists"],
      schedule: [{ kind: "compact", operand: sparse.operand }],
      nominalFlops: 0,
    },
    buffers: params.map((param) => scratchFor(param, `winner lists of ${sparse.gradient}`)),
    params: params.map((param): BufferParam => ({ ...param, access: "read" })),
    bands,
    counted: { kind: "let", name: "count", value: load(counts.name, "int32", number) },
    entries: (loop, body) => ({
      kind: "for",
      name: "entry",
      extent: { count: "count", most },
      loop,
      body: [
        { kind: "let", name: "offset", value: load(offsets.name, "int32", entry) },
        { kind: "let", name: "gradient", value: load(values.name, "float32", entry) },
        ...body,
      ],
    }),
  };
}
