/**
 * Weight gradients: `dU = Σ V·dM` over all tiles with `dM = A·dY·Aᵀ`, then `dW = Gᵀ·dU·G`. The order in which blocks
 * are added is fixed, whoever computes them.
 */

import {
  add,
  binary,
  compare,
  float,
  int,
  load,
  mul,
  reduce,
  select,
  variable,
} from "../../../../src/loop/build.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { LANE } from "../../analysis/lanes.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { applyTransform, stripLength } from "./apply-transform.ts";
import { fillPlane, type PlaneScratch, planeIndex, planeLength } from "./fill-plane.ts";
import { channelParts, finish, type SumPlane, sumIndex } from "./finish.ts";
import { columnLanes, multiply, TILE_VECTORS, vectorAt } from "./multiply.ts";
import { dataPlane, filterPlane } from "./plane.ts";
import { pointLength, pointsOf } from "./tiling.ts";
import type { Matrix } from "./transform-matrices.ts";
import type { WeightPlan } from "./weight-plan.ts";
import { kernelOf, lane, Phases, type Scratch, scratch } from "./workspace.ts";

export function buildWeightGradient(plan: WeightPlan): Scheduled {
  const { kernel } = plan.correlation.contraction;
  const sums = scratch(kernel, "sums", plan.groups * pointLength(plan.sums), false);
  const main = sumsKernel(plan, sums);
  const last = finishKernel(plan, sums);
  return {
    kernels: [main.kernel, last.kernel],
    scratch: [sums, ...main.scratch, ...last.scratch].map(({ buffer }) => buffer),
  };
}

interface Built {
  readonly kernel: Kernel;
  readonly scratch: readonly Scratch[];
}

/** The sums of every group of blocks, at every point. */
function sumsKernel(plan: WeightPlan, sums: Scratch): Built {
  const { correlation, tiling, lanes, blocksPerGroup, groups } = plan;
  const { kernel } = correlation.contraction;
  const { rows, columns } = tiling.form;
  const points = pointsOf(tiling.form);
  const data = scratch(kernel, "data", planeLength(plan.data), true);
  const gradient = scratch(kernel, "gradient", planeLength(plan.gradient), true);
  const factors = scratch(kernel, "factors", pointLength(plan.transformed), true);
  const weights = scratch(kernel, "gradient_factors", points * plan.gradientStride, true);
  const { spread } = rows;
  const strip = scratch(
    kernel,
    "strip",
    Math.max(stripLength(rows.data, tiling.dataWidth, lanes), stripLength(spread, tiling.width, lanes)),
    true,
  );
  const all = [data, gradient, factors, weights, strip];
  const access = blocksPerGroup > 1 ? "readwrite" : "write";
  const buffers: BufferParam[] = [
    ...kernel.buffers,
    { ...sums.param, access },
    ...all.map(({ param }) => param),
  ];
  const [group, block] = [variable("group"), variable("block")];
  const imageAt = (image: Expr): Expr =>
    add(mul(add(mul(group, int(blocksPerGroup)), block), int(plan.imagesPerBlock)), image);
  const tileOf = (t: TileSource): Stmt[] => transformTiles(plan, strip.name, t);
  const loops = [
    { name: "group", extent: groups, loop: "grid" },
    { name: "block", extent: blocksPerGroup, loop: "serial" },
  ] as const;
  const body = new Phases().within(loops, (phases) => [
    ...fillPlane({ ...plan.data, name: data.name }, dataPlane(correlation, true), imageAt, phases),
    ...fillPlane({ ...plan.gradient, name: gradient.name }, filterPlane(correlation, true), imageAt, phases),
    ...tileOf({
      plane: { ...plan.data, name: data.name },
      vertical: rows.data,
      horizontal: columns.data,
      target: (point, vector, row) => ({
        buffer: factors.name,
        index: add(plan.transformed.index(point, row, mul(vector, int(lanes))), variable(LANE)),
      }),
      phases,
    }),
    ...tileOf({
      plane: { ...plan.gradient, name: gradient.name },
      vertical: spread,
      horizontal: columns.spread,
      target: (point, vector, row) => ({
        buffer: weights.name,
        index: add(plan.gradientIndex(point, vector, row), variable(LANE)),
      }),
      phases,
    }),
    ...multiply(
      {
        points,
        rowTiles: plan.paddedChannels / plan.tileRows,
        tileRows: plan.tileRows,
        columns: columnLanes(plan.outputs, lanes),
        depth: plan.transformed.rows,
        left: (point, row, depth) => load(factors.name, "float32", plan.transformed.index(point, depth, row)),
        right: (point, depth, { tile, vector }) =>
          vectorAt(weights.name, plan.gradientIndex(point, add(mul(tile, int(TILE_VECTORS)), vector), depth)),
        store: (point, row, { start }, value) => {
          const place = plan.sums.index(point, row, add(start, variable(LANE)));
          const index = add(mul(group, int(pointLength(plan.sums))), place);
          const before = select(compare("eq", block, int(0)), float(0), load(sums.name, "float32", index));
          return { buffer: sums.name, index, value: blocksPerGroup > 1 ? add(before, value) : value };
        },
      },
      phases,
    ),
  ]);
  const built = kernelOf(kernel, buffers, body, {
    name: `${kernel.name}_tiles`,
    schedule: plan.schedule,
  });
  return { kernel: built, scratch: all };
}

interface TileSource {
  readonly plane: PlaneScratch;
  readonly vertical: Matrix;
  readonly horizontal: Matrix;
  target(point: Expr, vector: Expr, row: Expr): { readonly buffer: string; readonly index: Expr };
  readonly phases: Phases;
}

/** Every tile of the block, of data or of the gradient, taken to its points. */
function transformTiles({ tiling, lanes, rowOf }: WeightPlan, strip: string, t: TileSource): Stmt[] {
  const { rows, columns } = tiling.form;
  const [image, tileRow, vector] = [variable("image"), variable("tileRow"), variable("vector")];
  const loops = [
    { name: "image", extent: t.plane.images },
    { name: "tileRow", extent: tiling.tileRows },
    { name: "vector", extent: Math.ceil(t.plane.channels / lanes) },
  ];
  return t.phases.within(loops, (inner) =>
    applyTransform(
      {
        vertical: t.vertical,
        horizontal: t.horizontal,
        columns: t.plane.width,
        tiles: tiling.tileColumns,
        step: columns.outputs,
        between: strip,
        lanes,
        source: (row, column) =>
          vectorAt(
            t.plane.name,
            planeIndex(t.plane, image, vector, add(mul(tileRow, int(rows.outputs)), int(row)), column),
          ),
        target: (line, column, tile) =>
          t.target(add(mul(line, int(columns.points)), int(column)), vector, rowOf(image, tileRow, tile)),
      },
      inner,
    ),
  );
}

/** `Gᵀ·dU·G` of the groups' sum, what has to be summed directly, and the kernel's own stores. */
function finishKernel(plan: WeightPlan, sums: Scratch): Built {
  const { correlation, tiling, lanes } = plan;
  const { kernel } = correlation.contraction;
  const { rows, columns } = tiling.form;
  const vertical = rows.gather;
  const strip = scratch(kernel, "finish_strip", stripLength(vertical, columns.points, lanes), true);
  const plane = scratch(kernel, "weights", rows.taps * columns.taps * lanes, true);
  const lanewise = scratch(kernel, "finish_lanewise", lanes, true);
  const buffers: BufferParam[] = [
    ...kernel.buffers,
    { ...sums.param, access: "read" },
    strip.param,
    plane.param,
    lanewise.param,
  ];
  const sumPlane = { name: plane.name, width: columns.taps, lanes };
  const channel = variable("channel");
  const body = new Phases().within([{ name: "channel", extent: plan.channels, loop: "grid" }], (phases) =>
    channelParts(plan.outputs, lanes).flatMap((part) => {
      const vector = add(variable("vector"), int(part.first));
      return phases.within([{ name: "vector", extent: part.vectors }], (inner) => [
        ...applyTransform(
          {
            vertical,
            horizontal: columns.gather,
            columns: columns.points,
            tiles: 1,
            step: 0,
            between: strip.name,
            lanes,
            source: (row, column) => {
              const point = add(int(row * columns.points), column);
              const index = plan.sums.index(point, channel, mul(vector, int(lanes)));
              return Array.from({ length: plan.groups }, (_, group) =>
                vectorAt(sums.name, add(int(group * pointLength(plan.sums)), index)),
              ).reduce(add);
            },
            target: (line, column) => ({
              buffer: plane.name,
              index: add(sumIndex(sumPlane, line, int(column)), variable(LANE)),
            }),
          },
          inner,
        ),
        ...directWhereNotFinite(plan, sumPlane, lanewise.name, vector, inner),
        ...finish(correlation, sumPlane, channel, vector, part, inner),
      ]);
    }),
  );
  const built = kernelOf(kernel, buffers, body, {
    schedule: plan.schedule,
    nominalFlops: 0,
  });
  return { kernel: built, scratch: [strip, plane, lanewise] };
}

/**
 * Sums up directly where something is infinite or NaN, for a vector of outputs: tiles mix their data, and an infinity in
 * one place would be NaN in all. Such sums can be no other way, unless numbers are so large that transforms overflow.
 */
function directWhereNotFinite(
  { correlation, lanes, images, outputs }: WeightPlan,
  sums: SumPlane,
  lanewise: string,
  vector: Expr,
  phases: Phases,
): Stmt[] {
  const { rows, columns } = correlation;
  const at = (row: Expr, column: Expr, element: Expr): Expr => add(sumIndex(sums, row, column), element);
  const [row, column, element] = [variable("row"), variable("tap"), variable("element")];
  const total = reduce(
    "sum",
    [
      { name: "row", extent: rows.places },
      { name: "tap", extent: columns.places },
    ],
    ([y, x]) => load(sums.name, "float32", at(y, x, variable(LANE))),
  );
  const data = dataPlane(correlation, true);
  const gradient = filterPlane(correlation, true);
  const output = add(mul(vector, int(lanes)), element);
  const inside = outputs % lanes === 0 ? output : binary("min", output, int(outputs - 1));
  const direct = reduce(
    "sum",
    [
      { name: "image", extent: images },
      { name: "y", extent: rows.tap.extent },
      { name: "x", extent: columns.tap.extent },
    ],
    ([image, y, x]) =>
      mul(data.at(image, variable("channel"), add(row, y), add(column, x)), gradient.at(image, inside, y, x)),
  );
  const elements = Array.from({ length: lanes }, (_, k) => load(lanewise, "float32", int(k)));
  return [
    ...phases.stores([lane(lanes)], [{ buffer: lanewise, index: variable(LANE), value: total }]),
    {
      kind: "if",
      // Nothing but infinities and NaN times zero is not zero.
      condition: compare("ne", mul(elements.reduce(add), float(0)), float(0)),
      body: phases.stores(
        [
          { name: "row", extent: rows.places },
          { name: "tap", extent: columns.places },
          { name: "element", extent: lanes },
        ],
        [{ buffer: sums.name, index: at(row, column, element), value: direct }],
      ),
    },
  ];
}
