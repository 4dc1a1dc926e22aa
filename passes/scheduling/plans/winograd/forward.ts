/**
 * Convolutions and input gradients: tiles of outputs. One kernel transforms the filter; the other one takes the images
 * block by block through the data's transform, the products, the inverse transform and the kernel's own epilogue.
 */

import { add, int, mul, variable } from "../../../../src/loop/build.ts";
import type { Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { isContiguous, nestLoops } from "../../analysis/nest.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import type { BlockPlanes } from "./fill-plane.ts";
import { pointsOf } from "./forms.ts";
import { imageAt, overBlocks, type Plan, tileIndex } from "./plan.ts";
import { finish, knownOutput, pointAt, products, transformedData, transformStrip } from "./stages.ts";
import { findScale, judgeTiles, mendTile } from "./uneven-tiles.ts";
import { channelParts, elementOf, lane, type ScratchArray, Workspace } from "./workspace.ts";

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

/**
 * `U = G·g·Gᵀ`, and the channels' weights for `uneven-tiles.ts`: panel by panel, so that each is written sequentially.
 * Lanes are outputs, or channels if those are contiguous in the weights.
 */
function filterKernel(plan: Plan, workspace: Workspace, filter: ScratchArray): Kernel {
  const { correlation, rows, columns, channels, outputs, lanes, step } = plan;
  const [panel, channel, vector, element] = ["panel", "channel", "vector", "element"].map(variable);
  const isAcross = hasChannelsInLanes(plan);
  const width = lanes * step.vectors;
  const strips = (output: Expr, ofChannel: Expr, at: readonly [vector: Expr, lane: Expr]): Stmt[] =>
    transformStrip(workspace, {
      name: "filter_strip",
      vertical: rows.filter,
      horizontal: columns.filter,
      columns: columns.taps,
      lanes,
      source: (row, column) => correlation.filter.at(output, ofChannel, int(row), column),
      target: (line, column) => filter.at(pointAt(plan, line, int(column)), panel, ofChannel, ...at),
    });
  const transforms = isAcross
    ? nestLoops(
        [{ name: "element", extent: width }],
        strips(knownOutput(plan, elementOf(panel, width, element), width), elementOf(channel, lanes), [
          int(0),
          element,
        ]),
        "serial",
      )
    : nestLoops(
        [{ name: "vector", extent: step.vectors }],
        strips(
          knownOutput(plan, elementOf(add(mul(panel, int(step.vectors)), vector), lanes), width),
          channel,
          [vector, lane],
        ),
        "serial",
      );
  const body = nestLoops(
    [
      { name: "panel", extent: Math.ceil(outputs / width), loop: "grid" },
      { name: "channel", extent: isAcross ? channels / lanes : channels },
    ],
    [...transforms, ...findScale(plan, workspace, isAcross)],
    "serial",
  );
  return workspace.kernel(body, {
    name: filter.name,
    ops: ["winograd_filter"],
    schedule: [step],
    nominalFlops: 0,
  });
}

/** Whether the filter has contiguous channels to be read as vectors, and no contiguous outputs. */
function hasChannelsInLanes({ correlation: { filter }, channels, lanes }: Plan): boolean {
  const { factor, own, shared } = filter;
  if (factor.kind !== "load" || shared === undefined || channels % lanes !== 0) return false;
  return isContiguous(factor.index, shared.name) && !(own && isContiguous(factor.index, own.name));
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
