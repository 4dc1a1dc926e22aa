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
  mul,
  reduce,
  select,
  variable,
} from "../../../../src/loop/build.ts";
import type { Expr, Stmt } from "../../../../src/loop/types.ts";
import type { Scheduled } from "../../transforms/nests.ts";
import { applyTransform } from "./apply-transform.ts";
import { directSum } from "./correlation.ts";
import { fillPlanes } from "./fill-plane.ts";
import { pointsOf } from "./forms.ts";
import type { Built } from "./forward.ts";
import { type Plan, roundUp } from "./plan.ts";
import {
  channelParts,
  elementOf,
  kernelOf,
  lane,
  lanesOf,
  ScratchArray,
  storesUnder,
  within,
} from "./scratch-array.ts";
import { finish, pointAt, products, stripFor, transformTiles } from "./stages.ts";

export function buildWeightGradient(plan: Plan): Scheduled {
  const { kernel } = plan.correlation.contraction;
  // dU of each group: a row for each channel, outputs side by side.
  const sums = new ScratchArray(kernel, "sums", [plan.products.rows, roundUp(plan.outputs, plan.lanes)], {
    matrices: [plan.groups, pointsOf(plan)],
    isShared: true,
  });
  const first = sumsKernel(plan, sums);
  const last = finishKernel(plan, sums);
  return {
    kernels: [first.kernel, last.kernel],
    scratch: [sums, ...first.own, ...last.own].map(({ buffer }) => buffer),
  };
}

/** The sums of every group of blocks, at every point. */
function sumsKernel(plan: Plan, sums: ScratchArray): Built {
  const { correlation, rows, columns, lanes, blocksPerGroup, groups, imagesPerBlock } = plan;
  const { kernel } = correlation.contraction;
  const matrices = [pointsOf(plan)];
  const planesOf = (what: string, channels: number, height: number, width: number): ScratchArray =>
    new ScratchArray(kernel, what, [imagesPerBlock, Math.ceil(channels / lanes), height, width, lanes]);
  const data = {
    array: planesOf("data", plan.channels, rows.needed, columns.needed),
    operand: correlation.data,
    channels: plan.channels,
  };
  const gradient = {
    array: planesOf("gradient", plan.outputs, rows.covered, columns.covered),
    operand: correlation.filter,
    channels: plan.outputs,
  };
  const factors = new ScratchArray(kernel, "factors", [plan.factors.rows, plan.factors.columns], {
    matrices,
  });
  // dM: `[point][vector][tile][lane]`.
  const vectors = Math.ceil(plan.outputs / lanes);
  const spread = new ScratchArray(kernel, "gradient_factors", [vectors, plan.factors.rows, lanes], {
    matrices,
  });
  const strip = stripFor(plan, "strip", rows.data, columns.needed);
  const gradientStrip = stripFor(plan, "gradient_strip", rows.inverseT, columns.covered);
  const [group, block] = [variable("group"), variable("block")];
  const imageAt = (image: Expr): Expr =>
    add(mul(add(mul(group, int(blocksPerGroup)), block), int(imagesPerBlock)), image);
  const body = within(
    [
      { name: "group", extent: groups, loop: "grid" },
      { name: "block", extent: blocksPerGroup },
    ],
    [
      ...fillPlanes(plan, data, imageAt),
      ...fillPlanes(plan, gradient, imageAt),
      ...transformTiles(
        plan,
        data,
        (line) => line.data,
        strip,
        (point, vector, tile) => factors.at(point, tile, elementOf(vector, lanes)),
      ),
      ...transformTiles(
        plan,
        gradient,
        (line) => line.inverseT,
        gradientStrip,
        (point, vector, tile) => spread.at(point, vector, tile, lane),
      ),
      ...products(
        plan,
        (point, channel, tile) => factors.load(point, tile, channel),
        (point, tile, { index }) => spread.load(point, index, tile, lane),
        (point, channel, { index }, sum) => {
          const place = [group, point, channel, elementOf(index, lanes)];
          const before = select(compare("eq", block, int(0)), float(0), sums.load(...place));
          return { ...sums.at(...place), value: blocksPerGroup > 1 ? add(before, sum) : sum };
        },
      ),
    ],
  );
  const own = [data.array, gradient.array, factors, spread, strip, gradientStrip];
  const parts = { name: `${kernel.name}_tiles`, schedule: plan.schedule };
  return { kernel: kernelOf(kernel, [sums, ...own], body, parts), own };
}

/** `Gᵀ·dU·G` of the groups' sum, what has to be summed directly, and the kernel's own stores. */
function finishKernel(plan: Plan, sums: ScratchArray): Built {
  const { correlation, rows, columns, lanes } = plan;
  const { kernel } = correlation.contraction;
  const between = stripFor(plan, "finish_strip", rows.filterT, columns.points);
  const weights = new ScratchArray(kernel, "weights", [rows.taps, columns.taps, lanes]);
  const lanewise = new ScratchArray(kernel, "finish_lanewise", [lanes]);
  const channel = variable("channel");
  const groups = Array.from({ length: plan.groups }, (_, group) => int(group));
  const body = within(
    [{ name: "channel", extent: plan.channels, loop: "grid" }],
    channelParts(plan.outputs, lanes).flatMap((part) => {
      const vector = add(variable("vector"), part.first);
      return within(
        [{ name: "vector", extent: part.vectors }],
        [
          ...applyTransform({
            vertical: rows.filterT,
            horizontal: columns.filterT,
            columns: columns.points,
            between,
            lanes,
            source: (row, column) =>
              groups
                .map((g) => sums.load(g, pointAt(plan, int(row), column), channel, elementOf(vector, lanes)))
                .reduce(add),
            target: (line, column) => weights.at(line, int(column), lane),
          }),
          ...directWhereNotFinite(plan, weights, lanewise, vector),
          ...finish(plan, weights, channel, vector, part),
        ],
      );
    }),
  );
  const own = [between, weights, lanewise];
  const parts = { schedule: plan.schedule, nominalFlops: 0 };
  return { kernel: kernelOf(kernel, [sums, ...own], body, parts), own };
}

/**
 * Sums up directly where something is infinite or NaN, for a vector of outputs: tiles mix their data, and an infinity in
 * one place would be NaN in all. Such sums can be no other way, unless numbers are so large that transforms overflow.
 */
function directWhereNotFinite(
  { correlation, rows, columns, lanes, outputs }: Plan,
  weights: ScratchArray,
  lanewise: ScratchArray,
  vector: Expr,
): Stmt[] {
  const [row, column, element] = [variable("row"), variable("tap"), variable("element")];
  const [height, width] = [
    { name: "row", extent: rows.taps },
    { name: "tap", extent: columns.taps },
  ];
  const total = reduce("sum", [height, width], ([y, x]) => weights.load(y, x, lane));
  const output = elementOf(vector, lanes, element);
  const inside = outputs % lanes === 0 ? output : binary("min", output, int(outputs - 1));
  const direct = directSum(correlation, variable("channel"), inside, row, column);
  const elements = Array.from({ length: lanes }, (_, k) => lanewise.load(int(k)));
  return [
    ...storesUnder([lanesOf(lanes)], [{ ...lanewise.at(lane), value: total }]),
    {
      kind: "if",
      // Nothing but infinities and NaN times zero is not zero.
      condition: compare("ne", mul(elements.reduce(add), float(0)), float(0)),
      body: storesUnder(
        [height, width, { name: "element", extent: lanes }],
        [{ ...weights.at(row, column, element), value: direct }],
      ),
    },
  ];
}
