/**
 * Panels: a factor of a contraction copied into scratch in the order in which the contraction reads it. Guards
 * become zeros, whatever computation stands in the factor is done once, and with lanes the elements of one
 * vector stand side by side.
 */

import { add, compare, float, int, load, mul, select, variable } from "../../src/loop/build.ts";
import type { ProgramBuffer } from "../../src/loop/program.ts";
import { RangeContext } from "../../src/loop/range.ts";
import { simplify } from "../../src/loop/simplify.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { usedBuffers } from "../../src/loop/used-buffers.ts";
import { FreeNames, substitute, visitExpr } from "../../src/loop/walk.ts";
import type { GridLoop } from "../materialize.ts";
import { type Coordinate, coordinatesOf, type Extents } from "./coordinates.ts";
import { LANE, type Lanes, startAt, tileCount, tileName, tileWidth, vectorName } from "./lanes.ts";

export interface Panel {
  /** Fills the panel. */
  readonly kernel: Kernel;
  readonly scratch: ProgramBuffer;
  readonly param: BufferParam;
  /** What replaces the factor; with lanes, in terms of tile, vector and lane. */
  readonly load: Expr;
  /** What the copy is of: the buffer of the factor's first load. */
  readonly source: string;
}

/** How a panel lies in memory. */
export interface PanelPlan {
  readonly factor: Expr;
  /** All coordinates but that of the lanes. */
  readonly coordinates: readonly Coordinate[];
  readonly lanes?: Lanes;
}

const free = new FreeNames();

/** The plan to pack `factor`, or `undefined` when it is made of more than loads, guards and arithmetic. */
export function planPanel(factor: Expr, extents: Extents, lanes?: Lanes): PanelPlan | undefined {
  if (!isPackable(factor, extents)) return undefined;
  const coordinates = coordinatesOf(factor, extents, new Set(lanes && [lanes.loop]));
  return {
    factor,
    coordinates: coordinates.filter(({ terms }) => terms[0].name !== lanes?.loop),
    ...(lanes && { lanes }),
  };
}

function isPackable(factor: Expr, extents: Extents): boolean {
  let plain = factor.dtype === "float32";
  visitExpr(factor, (e) => {
    plain &&= e.kind !== "reduce" && e.kind !== "local";
  });
  return plain && [...free.of(factor)].every((name) => extents.has(name));
}

/** Elements of the panel. */
export const panelLength = ({ coordinates, lanes }: PanelPlan): number =>
  coordinates.reduce((n, { extent }) => n * extent, 1) * (lanes ? tileCount(lanes) * tileWidth(lanes) : 1);

/** What copying one element costs, in the operations of a register tile. */
export function copyCost(factor: Expr): number {
  if (factor.kind === "load") return 7;
  return factor.kind === "select" && factor.a.kind === "load" ? 10 : 20;
}

/** The panel of a plan, for a contraction in `kernel`. */
export function buildPanel(plan: PanelPlan, kernel: Kernel, name: string): Panel {
  const { coordinates, lanes, factor } = plan;
  const row = lanes === undefined ? 1 : tileWidth(lanes);
  const strides = coordinates.map((_, k) => coordinates.slice(k + 1).reduce((n, c) => n * c.extent, row));
  const tileStride = coordinates.reduce((n, c) => n * c.extent, row);
  const length = panelLength(plan);
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
    loops.push({ name: "vector", extent: lanes.vectors }, { name: LANE, extent: lanes.width });
    const at = add(startAt(lanes, tile, vector), variable(LANE));
    values.set(lanes.loop, at);
    const isBeyond = lanes.padded && tileCount(lanes) * row > lanes.extent;
    if (isBeyond) value = select(compare("lt", variable(lanes.loop), int(lanes.extent)), factor, float(0));
    const within = (of: Expr, v: Expr): Expr[] => [
      mul(of, int(tileStride)),
      mul(v, int(lanes.width)),
      variable(LANE),
    ];
    indices.push(...within(tile, vector));
    positions.push(...within(variable(tileName(lanes)), variable(vectorName(lanes))));
  }
  const still = new Map(loops.filter((l) => l.extent === 1).map((l) => [l.name, int(0)] as const));
  const context = loops.reduce(
    (c, l) => c.withName(l.name, { low: 0, high: l.extent - 1 }),
    new RangeContext(),
  );
  const settle = (e: Expr): Expr => simplify(substitute(e, still), context);
  const body = loops.reduceRight<Stmt[]>(
    (inner, loop) => (loop.extent === 1 ? inner : [{ kind: "for", ...loop, loop: "grid", body: inner }]),
    [
      {
        kind: "store",
        buffer: name,
        index: settle(indices.reduce(add, int(0))),
        value: settle(substitute(value, values)),
      },
    ],
  );
  const { loaded, scalars } = usedBuffers(body);
  const source = firstBuffer(factor);
  const param: BufferParam = { name, dtype: "float32", length, access: "write" };
  return {
    kernel: {
      ...kernel,
      name,
      ops: ["pack"],
      buffers: [
        ...kernel.buffers.filter((b) => loaded.has(b.name)).map((b) => ({ ...b, access: "read" as const })),
        param,
      ],
      scalars: [...scalars],
      body,
      nominalFlops: 0,
    },
    scratch: { name, dtype: "float32", shape: [length], role: "scratch", value: `packed ${source}` },
    param,
    load: load(name, "float32", positions.reduce(add, int(0))),
    source,
  };
}

function firstBuffer(factor: Expr): string {
  let source = "";
  visitExpr(factor, (e) => {
    if (source === "" && e.kind === "load") source = e.buffer;
  });
  return source;
}
