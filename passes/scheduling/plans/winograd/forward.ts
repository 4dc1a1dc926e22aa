/**
 * Convolutions and input gradients: tiles of outputs. One kernel transforms the filter; the other one takes block after
 * block of images through the data's transform, the products, the inverse transform and the kernel's own epilogue.
 */

import { add, int, mul, variable } from "../../../../src/loop/build.ts";
import type { Kernel, Stmt } from "../../../../src/loop/types.ts";
import { lanePartsOf, tileName, vectorName } from "../../analysis/lanes.ts";
import { nestLoops } from "../../analysis/nest.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import type { BlockPlanes } from "./fill-plane.ts";
import { pointsOf } from "./forms.ts";
import { imageAt, overBlocks, type Plan, tileIndex } from "./plan.ts";
import {
  finish,
  outputAt,
  outputLanes,
  pointAt,
  products,
  transformedData,
  transformStrip,
} from "./stages.ts";
import { findScale, judgeTiles, mendTile } from "./uneven-tiles.ts";
import { channelParts, lane, type ScratchArray, Workspace } from "./workspace.ts";

export function buildForward(plan: Plan): Scheduled {
  const { correlation, channels, outputs, lanes, step } = plan;
  const workspace = new Workspace(correlation.contraction.kernel);
  // U, in panels of the vectors that a tile of sums reads together: `[point][tile][channel][vector][lane]`.
  const panels = Math.ceil(Math.ceil(outputs / lanes) / step.vectors);
  const filter = workspace.array("filter", [panels, channels, step.vectors, lanes], {
    matrices: [pointsOf(plan)],
    isShared: true,
  });
  const kernels = [filterKernel(plan, workspace, filter), mainKernel(plan, workspace, filter)];
  return { kernels, scratch: workspace.buffers };
}

/** `U = G·g·Gᵀ`, and what weighs a channel's data. */
function filterKernel(plan: Plan, workspace: Workspace, filter: ScratchArray): Kernel {
  const { correlation, rows, columns, step } = plan;
  const channel = variable("channel");
  const across = outputLanes(plan);
  const transforms = lanePartsOf(across).flatMap((part) =>
    nestLoops(
      part.iterations === 1 ? [] : [{ name: across.loop, extent: part.iterations }],
      part.vectors.flatMap((values) => {
        const [tile, vector] = [tileName(across), vectorName(across)].map(
          (name) => values.get(name) ?? int(0),
        );
        const output = outputAt(plan, add(mul(tile, int(plan.step.vectors)), vector));
        return transformStrip(workspace, {
          name: "filter_strip",
          vertical: rows.filter,
          horizontal: columns.filter,
          columns: columns.taps,
          lanes: plan.lanes,
          source: (row, column) => correlation.filter.at(output, channel, int(row), column),
          target: (line, column) => filter.at(pointAt(plan, line, int(column)), tile, channel, vector, lane),
        });
      }),
      "serial",
    ),
  );
  const body = nestLoops(
    [{ name: "channel", extent: plan.channels, loop: "grid" }],
    [...transforms, ...findScale(plan, workspace, filter)],
    "serial",
  );
  return workspace.kernel(body, {
    name: filter.name,
    ops: ["winograd_filter"],
    schedule: [step],
    nominalFlops: 0,
  });
}

function mainKernel(plan: Plan, workspace: Workspace, filter: ScratchArray): Kernel {
  const { outputs, lanes, step } = plan;
  const { data, v, transformed } = transformedData(plan, workspace);
  const m = workspace.array("products", [Math.ceil(outputs / lanes), plan.products.rows, lanes], {
    matrices: [pointsOf(plan)],
  });
  const body = overBlocks(plan, [
    ...data.filled,
    ...judgeTiles(plan, workspace, data),
    ...transformed,
    ...products(
      plan,
      (point, tile, channel) => v.load(point, tile, channel),
      (point, channel, { tile, vector }) => filter.load(point, tile, channel, vector, lane),
      (point, tile, { index }, value) => ({ ...m.at(point, index, tile, lane), value }),
    ),
    ...outputsOf(plan, workspace, data, m),
  ]);
  return workspace.kernel(body, { schedule: [step] });
}

/** `Aᵀ·M·A`, one vector of channels of one image after the other, each finished while it is in cache. */
function outputsOf(plan: Plan, workspace: Workspace, data: BlockPlanes, m: ScratchArray): Stmt[] {
  const { rows, columns, lanes } = plan;
  const sums = workspace.array("sums", [rows.covered, columns.covered, lanes]);
  const [image, tileRow, tileColumn] = [variable("image"), variable("tileRow"), variable("tileColumn")];
  const tiles = [
    { name: "tileRow", extent: rows.tiles },
    { name: "tileColumn", extent: columns.tiles },
  ];
  return channelParts(plan.outputs, lanes).flatMap((part) => {
    const { vector } = part;
    const tile = tileIndex(plan, image, tileRow, tileColumn);
    const inverse = transformStrip(workspace, {
      name: "inverse_strip",
      vertical: rows.inverse,
      horizontal: columns.inverse,
      columns: columns.points,
      lanes,
      source: (row, column) => m.load(pointAt(plan, int(row), column), vector, tile, lane),
      target: (line, column) =>
        sums.at(
          add(mul(tileRow, int(rows.outputs)), line),
          add(mul(tileColumn, int(columns.outputs)), int(column)),
          lane,
        ),
    });
    return nestLoops(
      [
        { name: "image", extent: plan.imagesPerBlock },
        { name: "vector", extent: part.vectors },
      ],
      [
        ...nestLoops(tiles, [...inverse, ...mendTile(plan, workspace, data, sums, vector)], "serial"),
        ...finish(plan, sums, imageAt(plan, image), part),
      ],
      "serial",
    );
  });
}
