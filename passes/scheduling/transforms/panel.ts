/**
 * Panels: a factor of a contraction copied into scratch in the order in which the contraction reads it. Guards
 * become zeros, any computation in the factor is done once, and with lanes the elements of one
 * vector are contiguous.
 */

import { isFloat } from "../../../src/core/dtype.ts";
import { type Affine, fromAffine, sumOf, type Term, toAffine } from "../../../src/loop/affine.ts";
import { add, binary, compare, float, int, load, mul, select, variable } from "../../../src/loop/build.ts";
import { type ProgramBuffer, scratchFor } from "../../../src/loop/program.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import type { Operand, Step } from "../../../src/loop/schedule.ts";
import { simplify } from "../../../src/loop/simplify.ts";
import type { BufferParam, Expr, Kernel } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { withBody } from "../../../src/loop/used-buffers.ts";
import { freeNames, rewriter, someExpr, substitute, visitExpr } from "../../../src/loop/walk.ts";
import type { Coordinate, Extents } from "../analysis/coordinates.ts";
import {
  LANE,
  type Lanes,
  reachesBeyond,
  splitOf,
  startAt,
  tileCount,
  tileName,
  tileWidth,
  vectorName,
} from "../analysis/lanes.ts";
import { type GridLoop, statementsOf } from "../analysis/nest.ts";

export interface Panel {
  /** Fills the panel. */
  readonly kernel: Kernel;
  readonly scratch: ProgramBuffer;
  readonly param: BufferParam;
  /** What replaces the factor; with lanes, in terms of tile, vector and lane. */
  readonly load: Expr;
  /** The source of the copy: the buffer of the factor's first load. */
  readonly source: string;
}

/** The layout of a panel in memory. */
export interface PanelPlan {
  readonly factor: Expr;
  /** All coordinates except that of the lanes. */
  readonly coordinates: readonly Coordinate[];
  readonly lanes?: Lanes;
  /** Elements after the panel that a vector may reach into; what is read there is not used. */
  readonly slack?: number;
}

/** The plan to pack `factor` with its coordinates, except that of the lanes. */
export function planPanel(factor: Expr, coordinates: readonly Coordinate[], lanes?: Lanes): PanelPlan {
  return {
    factor,
    coordinates: coordinates.filter(({ terms }) => terms[0].name !== lanes?.loop),
    ...(lanes && { lanes }),
  };
}

/** The step that packs a factor as its plan says. */
export const cacheStep = ({ coordinates, lanes }: PanelPlan, operand: Operand): Step => ({
  kind: "cache",
  operand,
  layout: coordinates.map(({ terms }) => terms.map(({ name }) => name)),
  ...(lanes && { tiles: splitOf(lanes) }),
});

/** Whether a factor consists only of loads, guards and arithmetic, all of them known outside of the sum. */
export function isPackable(factor: Expr, extents: Extents): boolean {
  const isPlain = !someExpr(factor, ({ kind }) => kind === "reduce" || kind === "local");
  return isFloat(factor.dtype) && isPlain && [...freeNames(factor)].every((name) => extents.has(name));
}

/** Elements of the panel. */
export const panelLength = ({ coordinates, lanes }: PanelPlan): number =>
  coordinates.reduce((n, { extent }) => n * extent, 1) * (lanes ? tileCount(lanes) * tileWidth(lanes) : 1);

/** The index into a panel in terms of the contraction's loops; with lanes, within one tile and without the lane. */
export function panelForm({ coordinates, lanes }: PanelPlan): Affine {
  const terms: Term[] = [];
  let stride = lanes === undefined ? 1 : tileWidth(lanes);
  for (const c of [...coordinates].reverse()) {
    for (const t of c.terms) terms.push({ atom: variable(t.name), coefficient: t.coefficient * stride });
    stride *= c.extent;
  }
  return sumOf(terms);
}

/** The panel of a plan, for a contraction in `kernel`. */
export function buildPanel(plan: PanelPlan, kernel: Kernel, name: string): Panel {
  const { coordinates, lanes, factor } = plan;
  const row = lanes === undefined ? 1 : tileWidth(lanes);
  const strides = coordinates.map((_, k) => coordinates.slice(k + 1).reduce((n, c) => n * c.extent, row));
  const tileStride = coordinates.reduce((n, c) => n * c.extent, row);
  const length = panelLength(plan) + (plan.slack ?? 0);
  const loops: GridLoop[] = coordinates.map(({ extent }, k) => ({ name: `j${k}`, extent }));
  const values = new Map<string, Expr>();
  coordinates.forEach(({ terms, low }, k) => {
    for (const { name: loop } of terms) values.set(loop, int(0));
    values.set(terms[0].name, add(variable(`j${k}`), int(low)));
  });
  const indices = loops.map(({ name: axis }, k) => mul(variable(axis), int(strides[k])));
  const positions = coordinates.map(({ terms, low }, k) => {
    const sum = terms.map((t) => mul(variable(t.name), int(t.coefficient))).reduce(add);
    return mul(add(sum, int(-low)), int(strides[k]));
  });
  let value = factor;
  if (lanes !== undefined) {
    const tile = variable("tile");
    const vector = variable("vector");
    loops.unshift({ name: "tile", extent: tileCount(lanes) });
    loops.push({ name: "vector", extent: lanes.vectors }, { name: "element", extent: lanes.width });
    const at = add(startAt(lanes, tile, vector), variable("element"));
    const isBeyond = reachesBeyond(lanes);
    // Beyond the extent the factor is not used, but its loads must be provably in bounds.
    values.set(lanes.loop, isBeyond ? binary("min", at, int(lanes.extent - 1)) : at);
    if (isBeyond) value = select(compare("lt", at, int(lanes.extent)), factor, float(0));
    const within = (of: Expr, v: Expr, element: string): Expr[] => [
      mul(of, int(tileStride)),
      mul(v, int(lanes.width)),
      variable(element),
    ];
    indices.push(...within(tile, vector, "element"));
    positions.push(...within(variable(tileName(lanes)), variable(vectorName(lanes)), LANE));
  }
  const still = new Map(loops.filter((l) => l.extent === 1).map((l) => [l.name, int(0)] as const));
  const context = loops.reduce(
    (c, l) => c.withName(l.name, { low: 0, high: l.extent - 1 }),
    new RangeContext(),
  );
  // Full simplification pays if guards may fall away; an index is a sum and is printed as one.
  const settle = (e: Expr): Expr => {
    const settled = substitute(e, still);
    return factor.kind === "load" && lanes?.padded !== true ? settled : simplify(atPlaces(settled), context);
  };
  const index = substitute(indices.reduce(add, int(0)), still);
  const body = statementsOf({
    loops: loops.filter(({ extent }) => extent > 1),
    stores: [{ buffer: name, index, value: settle(substitute(value, values)) }],
  });
  const sources = kernel.buffers.map((b): BufferParam => ({ ...b, access: "read" }));
  const source = firstBuffer(factor);
  const param: BufferParam = { name, dtype: "float32", length, access: "write" };
  return {
    kernel: { ...withBody(kernel, [...sources, param], body), name, ops: ["pack"], nominalFlops: 0 },
    scratch: scratchFor(param, `packed ${source}`),
    param,
    load: load(name, "float32", positions.reduce(add, int(0))),
    source,
  };
}

/** Moves constants of guards to one side: `place + c < d` becomes `place < d - c`. */
const atPlaces = rewriter((e) => {
  if (e.kind !== "compare" || !isIndex(e.a) || e.b.kind !== "const") return e;
  const { constant, terms } = toAffine(e.a);
  return constant === 0 || terms.size === 0
    ? e
    : compare(e.op, fromAffine({ constant: 0, terms }), int(e.b.value - constant));
});

function firstBuffer(factor: Expr): string {
  let source = "";
  visitExpr(factor, (e) => {
    if (source === "" && e.kind === "load") source = e.buffer;
  });
  return source;
}
