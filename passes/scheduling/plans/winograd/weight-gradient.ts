/**
 * Weight gradients: `dU = Σ V·dM` over all tiles with `dM = A·dY·Aᵀ`, then `dW = Gᵀ·dU·G`. The order in which blocks
 * are added is fixed, whichever thread computes them.
 */

import { add, compare, float, int, load, mul, reduce, variable } from "../../../../src/loop/build.ts";
import type { Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { laneLoop } from "../../analysis/lanes.ts";
import { isContiguous, nestLoops } from "../../analysis/nest.ts";
import { addedUp } from "../../transforms/accumulate.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { directSum } from "./correlation.ts";
import { planesOf } from "./fill-plane.ts";
import { pointsOf } from "./forms.ts";
import { largestDivisor, overBlocks, type Plan, roundUp } from "./plan.ts";
import {
  finish,
  finishAt,
  outputAt,
  pointAt,
  products,
  transformedData,
  transformStrip,
  transformTiles,
} from "./stages.ts";
import {
  channelParts,
  elementOf,
  LINE,
  lane,
  type Place,
  type ScratchArray,
  storesUnder,
  Workspace,
} from "./workspace.ts";

export function buildWeightGradient(plan: Plan): Scheduled {
  const workspace = new Workspace(plan.correlation.contraction.kernel);
  // dU of each group: a row for each channel, outputs contiguous.
  const sums = workspace.array("sums", [plan.products.rows, roundUp(plan.outputs, plan.lanes)], {
    matrices: [plan.groups, pointsOf(plan)],
    isShared: true,
  });
  const kernels = [sumsKernel(plan, workspace, sums), finishKernel(plan, workspace, sums)];
  return { kernels, scratch: workspace.buffers };
}

/** The sums of every group of blocks, at every point. */
function sumsKernel(plan: Plan, workspace: Workspace, sums: ScratchArray): Kernel {
  const { correlation, rows, columns, outputs, lanes, factors, blocksPerGroup } = plan;
  const { kernel } = correlation.contraction;
  const { data, v, transformed } = transformedData(plan, workspace);
  const gradient = planesOf(plan, workspace, "gradient", correlation.filter, outputs, [
    rows.covered,
    columns.covered,
  ]);
  const vectors = Math.ceil(outputs / lanes);
  const dm = workspace.array("gradient_factors", [vectors, factors.rows, lanes], {
    matrices: [pointsOf(plan)],
  });
  const body = overBlocks(plan, [
    ...data.filled,
    ...gradient.filled,
    ...transformed,
    ...transformTiles(
      plan,
      workspace,
      gradient,
      (line) => line.inverseT,
      (point, vector, tile) => dm.at(point, vector, tile, lane),
    ),
    ...products(
      plan,
      (point, channel, tile) => v.load(point, tile, channel),
      (point, tile, { index }) => dm.load(point, index, tile, lane),
      (point, channel, { index }, sum) => {
        const place = sums.at(variable("group"), point, channel, elementOf(index, lanes));
        const blocks = blocksPerGroup === 1 ? [] : [{ name: "block" }];
        return { ...place, value: addedUp(place.buffer, place.index, blocks, sum) };
      },
    ),
  ]);
  return workspace.kernel(body, { name: `${kernel.name}_tiles`, schedule: [plan.step] });
}

/** `Gᵀ·dU·G` of the groups' sum, what has to be summed directly, and the kernel's own stores. */
function finishKernel(plan: Plan, workspace: Workspace, sums: ScratchArray): Kernel {
  const body = storesChannels(plan) ? inBlocks(plan, workspace, sums) : vectorByVector(plan, workspace, sums);
  return workspace.kernel(body, { schedule: [plan.step], nominalFlops: 0 });
}

/** Whether the kernel stores contiguous whole vectors of channels, while its outputs are apart. */
function storesChannels({ correlation, channels, outputs, lanes }: Plan): boolean {
  const { contraction, data } = correlation;
  const { own } = data;
  if (own === undefined || channels % lanes !== 0 || outputs % lanes !== 0) return false;
  return contraction.nest.stores.every(({ index }) => isContiguous(index, own.name));
}

/** Vectors of outputs, each stored as it is finished. */
function vectorByVector(plan: Plan, workspace: Workspace, sums: ScratchArray): Stmt[] {
  const { rows, columns, lanes } = plan;
  const weights = workspace.array("weights", [rows.taps, columns.taps, lanes]);
  const channel = variable("channel");
  const parts = channelParts(plan.outputs, lanes).flatMap((part) => {
    const at = (...position: Position): Place => weights.at(...position);
    const finished = [
      ...backToWeights(plan, workspace, sums, channel, part.vector, at),
      ...directWhereNotFinite(plan, workspace, channel, part.vector, at),
      ...finish(plan, weights, channel, part),
    ];
    return nestLoops([{ name: "vector", extent: part.vectors }], finished, "serial");
  });
  return nestLoops([{ name: "channel", extent: plan.channels }], parts);
}

/**
 * Blocks of channels and outputs, which are read in vectors of outputs and stored in vectors of channels: a cache line
 * of either is read or written as a whole.
 */
function inBlocks(plan: Plan, workspace: Workspace, sums: ScratchArray): Stmt[] {
  const { rows, columns, lanes, channels, outputs } = plan;
  const ofChannels = lanes * largestDivisor(channels / lanes, LINE / lanes);
  const ofOutputs = lanes * largestDivisor(outputs / lanes, MOST_VECTORS);
  const weights = workspace.array("weights", [rows.taps, columns.taps, ofChannels, ofOutputs]);
  const [channelBlock, outputBlock] = [variable("channelBlock"), variable("outputBlock")];
  const [channel, vector, output] = [variable("channel"), variable("vector"), variable("output")];
  const at = (row: Expr, column: Expr, element: Expr): Place =>
    weights.at(row, column, channel, elementOf(vector, lanes, element));
  const vectors = ofOutputs / lanes;
  const [ownChannel, ownVector] = [
    elementOf(channelBlock, ofChannels, channel),
    add(mul(outputBlock, int(vectors)), vector),
  ];
  const finished = [
    ...backToWeights(plan, workspace, sums, ownChannel, ownVector, at, vectors),
    ...nestLoops(
      [{ name: "vector", extent: vectors }],
      directWhereNotFinite(plan, workspace, ownChannel, ownVector, at),
      "serial",
    ),
  ];
  const stored = elementOf(channel, lanes);
  return nestLoops(
    [{ name: "channelBlock", extent: channels / ofChannels }],
    nestLoops(
      [{ name: "outputBlock", extent: outputs / ofOutputs }],
      [
        ...nestLoops([{ name: "channel", extent: ofChannels }], finished, "serial"),
        ...finishAt(plan, {
          sum: (row, column) => weights.load(row, column, stored, output),
          own: elementOf(channelBlock, ofChannels, stored),
          output: elementOf(outputBlock, ofOutputs, output),
          outside: [{ name: "output", extent: ofOutputs }],
          inside: [{ name: "channel", extent: ofChannels / lanes }, ...laneLoop(lanes)],
        }),
      ],
      "serial",
    ),
  );
}

/** Vectors of outputs that are read one after the other before the next row of points. */
const MOST_VECTORS = 64;

type Position = readonly [row: Expr, column: Expr, element: Expr];

/** The weights of a channel, of one vector of outputs or of several adjacent ones. */
function backToWeights(
  plan: Plan,
  workspace: Workspace,
  sums: ScratchArray,
  channel: Expr,
  vector: Expr,
  at: (...position: Position) => Place,
  vectors?: number,
): Stmt[] {
  const { rows, columns, lanes } = plan;
  const groups = Array.from({ length: plan.groups }, (_, group) => int(group));
  const output = elementOf(vector, lanes);
  return transformStrip(workspace, {
    name: "finish_strip",
    vertical: rows.filterT,
    horizontal: columns.filterT,
    columns: columns.points,
    ...(vectors !== undefined && { vectors }),
    lanes,
    source: (row, column) =>
      groups.map((group) => sums.load(group, pointAt(plan, int(row), column), channel, output)).reduce(add),
    target: (line, column) => at(line, int(column), lane),
  });
}

/**
 * Sums directly if something is infinite or NaN, for a vector of outputs: tiles mix their data, and an infinity in
 * one place would be NaN in all. Otherwise sums are not infinite or NaN, unless transforms of huge numbers overflow.
 */
function directWhereNotFinite(
  plan: Plan,
  workspace: Workspace,
  channel: Expr,
  vector: Expr,
  at: (...position: Position) => Place,
): Stmt[] {
  const { correlation, rows, columns, lanes } = plan;
  const [row, column, element] = [variable("row"), variable("tap"), variable("element")];
  const taps = [
    { name: "row", extent: rows.taps },
    { name: "tap", extent: columns.taps },
  ];
  const ofLane = reduce("sum", taps, ([y, x]) => {
    const { buffer, index } = at(y, x, lane);
    return load(buffer, "float32", index);
  });
  const [statements, total] = workspace.laneSum("finish_lanewise", lanes, ofLane);
  const direct = directSum(correlation, channel, outputAt(plan, vector, element), row, column);
  return [
    ...statements,
    {
      kind: "if",
      // Only infinities and NaN times zero are not zero.
      condition: compare("ne", mul(total, float(0)), float(0)),
      body: storesUnder(
        [...taps, { name: "element", extent: lanes }],
        [{ ...at(row, column, element), value: direct }],
      ),
    },
  ];
}
