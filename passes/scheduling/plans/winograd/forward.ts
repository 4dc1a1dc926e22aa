/**
 * Convolutions and input gradients: tiles of outputs. One kernel transforms the filter; the other one takes block after
 * block of images through the data's transform, the products, the inverse transform and the kernel's own epilogue.
 */

import { add, binary, int, mul, variable } from "../../../../src/loop/build.ts";
import type { Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { lanePartsOf, tileName, vectorName } from "../../analysis/lanes.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { applyTransform } from "./apply-transform.ts";
import { fillPlanes } from "./fill-plane.ts";
import { pointsOf } from "./forms.ts";
import { type Plan, tileIndex } from "./plan.ts";
import { channelParts, elementOf, kernelOf, lane, ScratchArray, within } from "./scratch-array.ts";
import { finish, outputLanes, pointAt, products, stripFor, TILE_VECTORS, transformTiles } from "./stages.ts";
import { findScale, TileChecks } from "./uneven-tiles.ts";

export function buildForward(plan: Plan): Scheduled {
  const { correlation, channels, outputs, lanes } = plan;
  const { kernel } = correlation.contraction;
  // U, in panels of the vectors that a tile of sums reads together: `[point][tile][channel][vector][lane]`.
  const panels = Math.ceil(Math.ceil(outputs / lanes) / TILE_VECTORS);
  const shared = { isShared: true };
  const filter = new ScratchArray(kernel, "filter", [panels, channels, TILE_VECTORS, lanes], {
    matrices: [pointsOf(plan)],
    ...shared,
  });
  const scales = new ScratchArray(kernel, "scales", [channels], shared);
  const first = filterKernel(plan, filter, scales);
  const main = mainKernel(plan, filter, scales);
  return {
    kernels: [first.kernel, main.kernel],
    scratch: [filter, scales, ...first.own, ...main.own].map(({ buffer }) => buffer),
  };
}

/** A kernel and the scratch that is its own. */
export interface Built {
  readonly kernel: Kernel;
  readonly own: readonly ScratchArray[];
}

/** `U = G·g·Gᵀ`, and what weighs a channel's data. */
function filterKernel(plan: Plan, filter: ScratchArray, scales: ScratchArray): Built {
  const { correlation, rows, columns, outputs, lanes } = plan;
  const { kernel } = correlation.contraction;
  const between = stripFor(plan, "filter_strip", rows.filter, columns.taps);
  const lanewise = new ScratchArray(kernel, "filter_lanewise", [lanes]);
  const channel = variable("channel");
  const across = outputLanes(plan);
  const transforms = lanePartsOf(across).flatMap((part) =>
    within(
      part.iterations === 1 ? [] : [{ name: across.loop, extent: part.iterations }],
      part.vectors.flatMap((values) => {
        const [tile, vector] = [tileName(across), vectorName(across)].map(
          (name) => values.get(name) ?? int(0),
        );
        // Beyond the last channel its neighbour is transformed once more; nothing is made of that.
        const output = elementOf(add(mul(tile, int(TILE_VECTORS)), vector), lanes);
        const inside = outputs % lanes === 0 ? output : binary("min", output, int(outputs - 1));
        return applyTransform({
          vertical: rows.filter,
          horizontal: columns.filter,
          columns: columns.taps,
          between,
          lanes,
          source: (row, column) => correlation.filter.at(inside, channel, int(row), column),
          target: (line, column) => filter.at(pointAt(plan, line, int(column)), tile, channel, vector, lane),
        });
      }),
    ),
  );
  const body = within(
    [{ name: "channel", extent: plan.channels, loop: "grid" }],
    [...transforms, ...findScale(plan, filter, scales, lanewise)],
  );
  const own = [between, lanewise];
  const parts = { name: filter.name, ops: ["winograd_filter"], schedule: plan.schedule, nominalFlops: 0 };
  return { kernel: kernelOf(kernel, [filter, scales, ...own], body, parts), own };
}

function mainKernel(plan: Plan, filter: ScratchArray, scales: ScratchArray): Built {
  const { correlation, rows, columns, channels, outputs, lanes, schedule } = plan;
  const { kernel } = correlation.contraction;
  const matrices = [pointsOf(plan)];
  const vectors = Math.ceil(outputs / lanes);
  const data = new ScratchArray(kernel, "data", [
    plan.imagesPerBlock,
    Math.ceil(channels / lanes),
    rows.needed,
    columns.needed,
    lanes,
  ]);
  const factors = new ScratchArray(kernel, "factors", [plan.factors.rows, plan.factors.columns], {
    matrices,
  });
  // M: `[point][vector][tile][lane]`.
  const results = new ScratchArray(kernel, "products", [vectors, plan.products.rows, lanes], { matrices });
  const strip = stripFor(plan, "strip", rows.data, columns.needed);
  const inverseStrip = stripFor(plan, "inverse_strip", rows.inverse, columns.points);
  const sums = new ScratchArray(kernel, "sums", [rows.covered, columns.covered, lanes]);
  const checks = new TileChecks(plan, data);
  const planes = { array: data, operand: correlation.data, channels };
  const imageAt = (image: Expr): Expr => add(mul(variable("block"), int(plan.imagesPerBlock)), image);
  const body = within(
    [{ name: "block", extent: plan.groups, loop: "grid" }],
    [
      ...fillPlanes(plan, planes, imageAt),
      ...checks.weigh(scales),
      // V = Bᵀ·d·B
      ...transformTiles(
        plan,
        planes,
        (line) => line.data,
        strip,
        (point, vector, tile) => factors.at(point, tile, elementOf(vector, lanes)),
      ),
      ...products(
        plan,
        (point, tile, channel) => factors.load(point, tile, channel),
        (point, channel, { tile, vector }) => filter.load(point, tile, channel, vector, lane),
        (point, tile, { index }, value) => ({ ...results.at(point, index, tile, lane), value }),
      ),
      ...outputsOf(plan, results, inverseStrip, sums, checks, imageAt),
    ],
  );
  const own = [data, factors, results, strip, inverseStrip, sums, ...checks.arrays];
  return { kernel: kernelOf(kernel, [filter, scales, ...own], body, { schedule }), own };
}

/** `Aᵀ·M·A`, one vector of channels of one image after the other, each finished while it is in cache. */
function outputsOf(
  plan: Plan,
  results: ScratchArray,
  between: ScratchArray,
  sums: ScratchArray,
  checks: TileChecks,
  imageAt: (image: Expr) => Expr,
): Stmt[] {
  const { rows, columns, lanes } = plan;
  const [image, tileRow, tileColumn] = [variable("image"), variable("tileRow"), variable("tileColumn")];
  const tiles = [
    { name: "tileRow", extent: rows.tiles },
    { name: "tileColumn", extent: columns.tiles },
  ];
  const tile = tileIndex(plan, image, tileRow, tileColumn);
  return channelParts(plan.outputs, lanes).flatMap((part) => {
    const vector = add(variable("vector"), part.first);
    const inverse = applyTransform({
      vertical: rows.inverse,
      horizontal: columns.inverse,
      columns: columns.points,
      between,
      lanes,
      source: (row, column) => results.load(pointAt(plan, int(row), column), vector, tile, lane),
      target: (line, column) =>
        sums.at(
          add(mul(tileRow, int(rows.outputs)), line),
          add(mul(tileColumn, int(columns.outputs)), int(column)),
          lane,
        ),
    });
    return within(
      [
        { name: "image", extent: plan.imagesPerBlock },
        { name: "vector", extent: part.vectors },
      ],
      [
        ...within(tiles, [...inverse, ...checks.mend(sums, vector)]),
        ...finish(plan, sums, imageAt(image), vector, part),
      ],
    );
  });
}
