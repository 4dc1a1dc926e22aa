/** What becomes of finished sums: they stand in a plane of one vector of channels, where the kernel's stores read them. */

import { add, int, load, mul, variable } from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { LANE } from "../../analysis/lanes.ts";
import { replaceCore } from "../../transforms/replace-core.ts";
import { unrollWindows } from "../../transforms/unroll.ts";
import type { Correlation, Line } from "./correlation.ts";
import { lane, type Phases } from "./workspace.ts";

/** Sums of one image and one vector of channels: `[row][column][element]`. */
export interface SumPlane {
  readonly name: string;
  readonly width: number;
  readonly lanes: number;
}

export const sumIndex = ({ width, lanes }: SumPlane, row: Expr, column: Expr): Expr =>
  mul(add(mul(row, int(width)), column), int(lanes));

/** Vectors of the filter's channels: whole ones in lanes, then what remains one by one. */
export interface ChannelPart {
  readonly vectors: number;
  readonly first: number;
  /** Channels of the last, incomplete vector; absent where vectors are whole. */
  readonly rest?: number;
}

export function channelParts(channels: number, lanes: number): ChannelPart[] {
  const whole = Math.floor(channels / lanes);
  const rest = channels % lanes;
  return [
    ...(whole === 0 ? [] : [{ vectors: whole, first: 0 }]),
    ...(rest === 0 ? [] : [{ vectors: 1, first: whole, rest }]),
  ];
}

/** The kernel's stores for one iteration of the data's loop and one vector of the filter's. */
export function finish(
  { contraction, rows, columns, dataLoop, filterLoop }: Correlation,
  sums: SumPlane,
  own: Expr,
  vector: Expr,
  part: ChannelPart,
  phases: Phases,
): Stmt[] {
  const { nest, core, window } = contraction;
  const element = variable(part.rest === undefined ? LANE : "element");
  const place = ({ placeTerms }: Line): Expr =>
    placeTerms.map((t) => mul(variable(t.name), int(t.coefficient))).reduce(add, int(0));
  const sum = load(sums.name, "float32", add(sumIndex(sums, place(rows), place(columns)), element));
  const open = {
    ...nest,
    stores: nest.stores.map((s) => ({ ...s, value: replaceCore(s.value, core, sum) })),
  };
  const values = new Map<string, Expr>();
  if (dataLoop !== undefined) values.set(dataLoop.name, own);
  if (filterLoop !== undefined) values.set(filterLoop.name, add(mul(vector, int(sums.lanes)), element));
  const stores = unrollWindows(open, window).stores.map((s) => ({
    buffer: s.buffer,
    index: substitute(s.index, values),
    value: substitute(s.value, values),
  }));
  const loops = nest.loops.filter(({ name }) => name !== dataLoop?.name && name !== filterLoop?.name);
  const innermost = part.rest === undefined ? lane(sums.lanes) : { name: "element", extent: part.rest };
  return phases.stores([...loops, innermost], stores);
}
