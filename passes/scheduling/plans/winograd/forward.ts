/**
 * Convolutions and input gradients: tiles of outputs. One kernel transforms the filter; the other one takes block after
 * block of images through the data's transform, the products, the inverse transform and the kernel's own epilogue.
 */

import { add, binary, int, mul, variable } from "../../../../src/loop/build.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { LANE, lanePartsOf } from "../../analysis/lanes.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { applyTransform, stripLength } from "./apply-transform.ts";
import { fillPlane, planeIndex, planeLength } from "./fill-plane.ts";
import { channelParts, finish, type SumPlane, sumIndex } from "./finish.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { mendTile } from "./mend-tile.ts";
import { columnLanes, multiply, TILE_VECTORS, vectorAt, vectorsOfPart } from "./multiply.ts";
import { dataPlane, filterPlane } from "./plane.ts";
import { pointLength, pointsOf } from "./tiling.ts";
import { checkTiles, findScale, scalesOf, type TileChecks, tileChecks } from "./uneven-tiles.ts";
import { kernelOf, Phases, type Scratch, scratch } from "./workspace.ts";

export function buildForward(plan: ForwardPlan): Scheduled {
  const filter = scratch(plan.correlation.contraction.kernel, "filter", plan.filterLength, false);
  const scales = scalesOf(plan);
  const main = mainKernel(plan, filter, scales);
  const first = filterKernel(plan, filter, scales);
  return {
    kernels: [first.kernel, main.kernel],
    scratch: [filter, scales, ...first.scratch, ...main.scratch].map(({ buffer }) => buffer),
  };
}

interface Built {
  readonly kernel: Kernel;
  readonly scratch: readonly Scratch[];
}

/** `U = G·g·Gᵀ`, in panels of the vectors that a tile of sums reads together, and what weighs a channel's data. */
function filterKernel(plan: ForwardPlan, filter: Scratch, scales: Scratch): Built {
  const { correlation, tiling, channels, outputs, lanes, filterIndex } = plan;
  const { kernel } = correlation.contraction;
  const { rows, columns } = tiling.form;
  const strip = scratch(kernel, "filter_strip", stripLength(rows.filter, columns.taps, lanes), true);
  const lanewise = scratch(kernel, "filter_lanewise", lanes, true);
  const buffers: BufferParam[] = [
    ...kernel.buffers,
    { ...filter.param, access: "readwrite" },
    { ...scales.param, access: "write" },
    strip.param,
    lanewise.param,
  ];
  const plane = filterPlane(correlation, false);
  const across = columnLanes(outputs, lanes);
  const channel = variable("channel");
  const body = new Phases().within([{ name: "channel", extent: channels, loop: "grid" }], (phases) => [
    ...lanePartsOf(across).flatMap((part) =>
      phases.within(part.iterations === 1 ? [] : [{ name: across.loop, extent: part.iterations }], (inner) =>
        vectorsOfPart(across, part).flatMap((vector) => {
          // Beyond the last channel its neighbour is transformed once more; nothing is made of that.
          const output = add(vector.start, variable(LANE));
          const inside = outputs % lanes === 0 ? output : binary("min", output, int(outputs - 1));
          return applyTransform(
            {
              vertical: rows.filter,
              horizontal: columns.filter,
              columns: columns.taps,
              tiles: 1,
              step: 0,
              between: strip.name,
              lanes,
              source: (row, column) => plane.at(inside, channel, int(row), column),
              target: (line, column) => ({
                buffer: filter.name,
                index: add(
                  filterIndex(add(mul(line, int(columns.points)), int(column)), channel, vector),
                  variable(LANE),
                ),
              }),
            },
            inner,
          );
        }),
      ),
    ),
    ...findScale(plan, filter, scales, lanewise, channel, phases),
  ]);
  const built = kernelOf(kernel, buffers, body, {
    name: filter.name,
    ops: ["winograd_filter"],
    schedule: plan.schedule,
    nominalFlops: 0,
  });
  return { kernel: built, scratch: [strip, lanewise] };
}

function mainKernel(plan: ForwardPlan, filter: Scratch, scales: Scratch): Built {
  const { correlation, tiling, lanes, plane, transformed, productStride, productIndex } = plan;
  const { kernel } = correlation.contraction;
  const { form } = tiling;
  const points = pointsOf(form);
  const data = scratch(kernel, "data", planeLength(plane), true);
  const factors = scratch(kernel, "factors", pointLength(transformed), true);
  const products = scratch(kernel, "products", points * productStride, true);
  const strip = scratch(
    kernel,
    "strip",
    Math.max(
      stripLength(form.rows.data, tiling.dataWidth, lanes),
      stripLength(form.rows.inverse, form.columns.points, lanes),
    ),
    true,
  );
  const sums = scratch(kernel, "sums", tiling.height * tiling.width * lanes, true);
  const checks = tileChecks(plan);
  const all = [data, factors, products, strip, sums, ...checks.all];
  const buffers: BufferParam[] = [
    ...kernel.buffers,
    { ...filter.param, access: "read" },
    { ...scales.param, access: "read" },
    ...all.map(({ param }) => param),
  ];
  const names = { data: data.name, factors: factors.name, products: products.name, strip: strip.name };
  const block = { name: "block", extent: plan.blocks, loop: "grid" } as const;
  const imageAt = (image: Expr): Expr => add(mul(variable("block"), int(plan.imagesPerBlock)), image);
  const body = new Phases().within([block], (phases) => [
    ...fillPlane({ ...plane, name: names.data }, dataPlane(correlation, false), imageAt, phases),
    ...checkTiles(plan, checks, names.data, scales, phases),
    ...transformData(plan, names, phases),
    ...multiply(
      {
        points,
        rowTiles: plan.paddedRows / plan.tileRows,
        tileRows: plan.tileRows,
        columns: columnLanes(plan.outputs, lanes),
        depth: plan.channels,
        left: (point, row, depth) => plan.factorAt(names.factors, point, row, depth),
        right: (point, depth, vector) => vectorAt(filter.name, plan.filterIndex(point, depth, vector)),
        store: (point, row, vector, value) => ({
          buffer: names.products,
          index: add(
            productIndex(point, add(mul(vector.tile, int(TILE_VECTORS)), vector.vector), row),
            variable(LANE),
          ),
          value,
        }),
      },
      phases,
    ),
    ...outputs(plan, names, { name: sums.name, width: tiling.width, lanes }, checks, imageAt, phases),
  ]);
  const built = kernelOf(kernel, buffers, body, { schedule: plan.schedule });
  return { kernel: built, scratch: all };
}

interface Names {
  readonly data: string;
  readonly factors: string;
  readonly products: string;
  readonly strip: string;
}

/** `V = Bᵀ·d·B` for every tile of the block. */
function transformData(plan: ForwardPlan, names: Names, phases: Phases): Stmt[] {
  const { tiling, lanes, plane, transformed } = plan;
  const { rows, columns } = tiling.form;
  const [image, tileRow, vector] = [variable("image"), variable("tileRow"), variable("vector")];
  const loops = [
    { name: "image", extent: plane.images },
    { name: "tileRow", extent: tiling.tileRows },
    { name: "vector", extent: Math.ceil(plan.channels / lanes) },
  ];
  return phases.within(loops, (inner) =>
    applyTransform(
      {
        vertical: rows.data,
        horizontal: columns.data,
        columns: tiling.dataWidth,
        tiles: tiling.tileColumns,
        step: columns.outputs,
        between: names.strip,
        lanes,
        source: (row, column) =>
          vectorAt(
            names.data,
            planeIndex(plane, image, vector, add(mul(tileRow, int(rows.outputs)), int(row)), column),
          ),
        target: (line, column, tile) => ({
          buffer: names.factors,
          index: add(
            transformed.index(
              add(mul(line, int(columns.points)), int(column)),
              plan.rowOf(image, tileRow, tile),
              mul(vector, int(lanes)),
            ),
            variable(LANE),
          ),
        }),
      },
      inner,
    ),
  );
}

/** `Aᵀ·M·A`, one vector of channels of one image after the other, each finished while it is in cache. */
function outputs(
  plan: ForwardPlan,
  names: Names,
  sums: SumPlane,
  checks: TileChecks,
  imageAt: (image: Expr) => Expr,
  phases: Phases,
): Stmt[] {
  const { correlation, tiling, lanes } = plan;
  const { rows, columns } = tiling.form;
  const [image, tileRow, tileColumn] = [variable("image"), variable("tileRow"), variable("tileColumn")];
  return channelParts(plan.outputs, lanes).flatMap((part) => {
    const vector = add(variable("vector"), int(part.first));
    const loops = [
      { name: "image", extent: plan.imagesPerBlock },
      { name: "vector", extent: part.vectors },
    ];
    return phases.within(loops, (inner) => [
      ...inner.within(
        [
          { name: "tileRow", extent: tiling.tileRows },
          { name: "tileColumn", extent: tiling.tileColumns },
        ],
        (tile) => [
          ...applyTransform(
            {
              vertical: rows.inverse,
              horizontal: columns.inverse,
              columns: columns.points,
              tiles: 1,
              step: 0,
              between: names.strip,
              lanes,
              source: (row, column) =>
                vectorAt(
                  names.products,
                  plan.productIndex(
                    add(int(row * columns.points), column),
                    vector,
                    plan.rowOf(image, tileRow, tileColumn),
                  ),
                ),
              target: (line, column) => ({
                buffer: sums.name,
                index: add(
                  sumIndex(
                    sums,
                    add(mul(tileRow, int(rows.outputs)), line),
                    add(mul(tileColumn, int(columns.outputs)), int(column)),
                  ),
                  variable(LANE),
                ),
              }),
            },
            tile,
          ),
          ...mendTile(plan, checks, names.data, sums, vector, tile),
        ],
      ),
      ...finish(correlation, sums, imageAt(image), vector, part, inner),
    ]);
  });
}
