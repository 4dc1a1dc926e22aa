/** Builds what a vector tile's plan says: the panels, the tiled contraction and, where sums wait, the epilogue. */

import { add, compare, float, int, load, mul, select, variable } from "../../../src/loop/build.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { ProgramBuffer } from "../../../src/loop/program.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { usedBuffers } from "../../../src/loop/used-buffers.ts";
import { axesKey, rewriter, substitute } from "../../../src/loop/walk.ts";
import { LANE, type LanePart, lanePartsOf, vectorCount } from "../analysis/lanes.ts";
import { type GridLoop, type Nest, type StoreTarget, statementsOf } from "../analysis/nest.ts";
import { epilogueKernel } from "../transforms/epilogue-kernel.ts";
import { joinAxes } from "../transforms/join-axes.ts";
import { buildPanel, type Panel } from "../transforms/panel.ts";
import { schedulePanel } from "../transforms/panel-copy.ts";
import { unrollTiles, unrollWindows } from "../transforms/unroll.ts";
import type { Scheduled } from "./strategy.ts";
import { scheduleOf, type TilePlan } from "./vector-plan.ts";

export function applyTile(plan: TilePlan): Scheduled {
  const { kernel } = plan.contraction;
  const panels = plan.packs.map((pack, k) => pack && buildPanel(pack, kernel, `${kernel.name}_panel${k}`));
  const packed = panels.filter((panel) => panel !== undefined);
  const { nest, sum } = withPanels(plan, panels);
  const copies = packed.map((panel) => schedulePanel(panel.kernel, plan.lanes.width));
  const scratch = packed.map((panel) => panel.scratch);
  const buffers = [
    ...kernel.buffers,
    ...packed.map(({ param }): BufferParam => ({ ...param, access: "read" })),
  ];
  if (!plan.lanes.padded)
    return { kernels: [...copies, mainKernel(plan, nest, buffers, kernel.name)], scratch };
  const partial = partialSums(plan, sum);
  const access = plan.split === undefined ? "write" : "readwrite";
  const open = { ...nest, stores: [partial.store] };
  const main = mainKernel(plan, open, [...buffers, { ...partial.param, access }], partial.kernelName);
  const epilogue = epilogueKernel(
    plan.contraction,
    { ...partial.param, access: "read" },
    partial.store.index,
    plan.lanes.width,
  );
  return { kernels: [...copies, main, epilogue], scratch: [...scratch, partial.scratch] };
}

/** The nest with panels in place of packed factors, and its sum; a split axis has left it. */
function withPanels(
  { contraction, axes, split }: TilePlan,
  panels: readonly (Panel | undefined)[],
): { readonly nest: Nest; readonly sum: Expr } {
  const { left, right, nest, core } = contraction;
  const interner = new Interner();
  const replaced = new Map<Expr, Expr>();
  [left, right].forEach((factor, k) => {
    const panel = panels[k];
    if (panel !== undefined) replaced.set(interner.intern(factor), panel.load);
  });
  const wanted = axesKey(core.axes);
  const inside = rewriter((e) => replaced.get(e) ?? e);
  const rewrite = rewriter((e) => {
    if (e.kind !== "reduce" || axesKey(e.axes) !== wanted) return e;
    return joinAxes({ ...e, axes: axes.filter(({ name }) => name !== split), body: inside(e.body) });
  });
  const settle = (e: Expr): Expr => rewrite(interner.intern(e));
  return {
    nest: { ...nest, stores: nest.stores.map((s) => ({ ...s, value: settle(s.value) })) },
    sum: settle(core),
  };
}

/** Scratch for sums, and the store that adds to what earlier iterations of the split axis left there. */
function partialSums({ contraction, lanes, split }: TilePlan, sum: Expr) {
  const { kernel, nest } = contraction;
  const name = `${kernel.name}_partial`;
  const rows = nest.loops.filter((l) => l.name !== lanes.loop);
  const width = vectorCount(lanes) * lanes.width;
  const row = rows.reduce<Expr>((n, l) => add(mul(n, int(l.extent)), variable(l.name)), int(0));
  const index = add(mul(row, int(width)), variable(lanes.loop));
  const length = rows.reduce((n, l) => n * l.extent, width);
  const isFirst = split === undefined ? undefined : compare("eq", variable(split), int(0));
  const value =
    isFirst === undefined ? sum : add(select(isFirst, float(0), load(name, "float32", index)), sum);
  const scratch: ProgramBuffer = {
    name,
    dtype: "float32",
    shape: [length],
    role: "scratch",
    value: `partial sums of ${kernel.name}`,
  };
  const store: StoreTarget = { buffer: name, index, value };
  return {
    kernelName: `${kernel.name}_sums`,
    scratch,
    store,
    param: { name, dtype: "float32", length } as const,
  };
}

/** The tiles of the contraction, one section for each shape of tile. */
function mainKernel(plan: TilePlan, nest: Nest, buffers: readonly BufferParam[], name: string): Kernel {
  const { contraction, row, lanes } = plan;
  const cut = lanePartsOf(lanes).map((part) =>
    vectorised(plan, unrollWindows(nest, contraction.window), part),
  );
  const parts = cut.flatMap((part) => unrollTiles(part, row === undefined ? [] : [row]));
  const body = parts.map(({ loops, stores }): readonly Stmt[] => {
    const lane: GridLoop = { name: LANE, extent: lanes.width, loop: "vector" };
    const statements = statementsOf({ loops: [...loops, lane], stores });
    return parts.length === 1 ? statements : [{ kind: "section", name: "tile", body: statements }];
  });
  const { loaded, stored, scalars } = usedBuffers(body.flat());
  return {
    ...contraction.kernel,
    name,
    buffers: buffers.filter((b) => loaded.has(b.name) || stored.has(b.name)),
    scalars: [...scalars],
    body: body.flat(),
    schedule: scheduleOf(plan),
  };
}

/** The nest with the loop of the lanes cut: one store for each vector of a tile, loops in the plan's order. */
function vectorised({ lanes, order, split, contraction }: TilePlan, nest: Nest, part: LanePart): Nest {
  const stores = part.vectors.flatMap((vector) =>
    nest.stores.map(({ buffer, index, value }) => ({
      buffer,
      index: substitute(index, vector),
      value: substitute(value, vector),
    })),
  );
  const loops = order.flatMap((name): GridLoop[] => {
    if (name === split) {
      const axis = contraction.core.axes.find((a) => a.name === name);
      return axis === undefined ? [] : [{ ...axis, loop: "serial" }];
    }
    const loop = nest.loops.find((l) => l.name === name);
    if (loop === undefined) return [];
    if (name !== lanes.loop) return [loop];
    return part.iterations === 1 ? [] : [{ name, extent: part.iterations }];
  });
  return { ...nest, loops, stores };
}
