/**
 * Weight gradients: `dU = Σ V·dM` over all tiles with `dM = A·dY·Aᵀ`, then `dW = Gᵀ·dU·G`. The order in which blocks
 * are added is fixed, whoever computes them.
 */

import { add, compare, float, int, mul, reduce, variable } from "../../../../src/loop/build.ts";
import type { Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { nestLoops } from "../../analysis/nest.ts";
import { addedUp } from "../../transforms/accumulate.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { directSum } from "./correlation.ts";
import { planesOf } from "./fill-plane.ts";
import { pointsOf } from "./forms.ts";
import { overBlocks, type Plan, roundUp } from "./plan.ts";
import {
  finish,
  outputAt,
  pointAt,
  products,
  transformedData,
  transformStrip,
  transformTiles,
} from "./stages.ts";
import { channelParts, elementOf, lane, type ScratchArray, storesUnder, Workspace } from "./workspace.ts";

export function buildWeightGradient(plan: Plan): Scheduled {
  const workspace = new Workspace(plan.correlation.contraction.kernel);
  // dU of each group: a row for each channel, outputs side by side.
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
  const { rows, columns, lanes, step } = plan;
  const weights = workspace.array("weights", [rows.taps, columns.taps, lanes]);
  const channel = variable("channel");
  const groups = Array.from({ length: plan.groups }, (_, group) => int(group));
  const body = nestLoops(
    [{ name: "channel", extent: plan.channels }],
    channelParts(plan.outputs, lanes).flatMap((part) => {
      const { vector } = part;
      const output = elementOf(vector, lanes);
      return nestLoops(
        [{ name: "vector", extent: part.vectors }],
        [
          ...transformStrip(workspace, {
            name: "finish_strip",
            vertical: rows.filterT,
            horizontal: columns.filterT,
            columns: columns.points,
            lanes,
            source: (row, column) =>
              groups
                .map((group) => sums.load(group, pointAt(plan, int(row), column), channel, output))
                .reduce(add),
            target: (line, column) => weights.at(line, int(column), lane),
          }),
          ...directWhereNotFinite(plan, workspace, weights, vector),
          ...finish(plan, weights, channel, part),
        ],
        "serial",
      );
    }),
  );
  return workspace.kernel(body, { schedule: [step], nominalFlops: 0 });
}

/**
 * Sums up directly where something is infinite or NaN, for a vector of outputs: tiles mix their data, and an infinity in
 * one place would be NaN in all. Such sums can be no other way, unless numbers are so large that transforms overflow.
 */
function directWhereNotFinite(plan: Plan, workspace: Workspace, weights: ScratchArray, vector: Expr): Stmt[] {
  const { correlation, rows, columns, lanes } = plan;
  const [row, column, element] = [variable("row"), variable("tap"), variable("element")];
  const taps = [
    { name: "row", extent: rows.taps },
    { name: "tap", extent: columns.taps },
  ];
  const ofLane = reduce("sum", taps, ([y, x]) => weights.load(y, x, lane));
  const [statements, total] = workspace.laneSum("finish_lanewise", lanes, ofLane);
  const direct = directSum(correlation, variable("channel"), outputAt(plan, vector, element), row, column);
  return [
    ...statements,
    {
      kind: "if",
      // Nothing but infinities and NaN times zero is not zero.
      condition: compare("ne", mul(total, float(0)), float(0)),
      body: storesUnder(
        [...taps, { name: "element", extent: lanes }],
        [{ ...weights.at(row, column, element), value: direct }],
      ),
    },
  ];
}
