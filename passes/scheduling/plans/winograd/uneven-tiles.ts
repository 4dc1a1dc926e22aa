/**
 * Finds the tiles that Winograd's method may not compute, and corrects them. The method mixes all data of a tile, so
 * that an output has the rounding error of the largest of them, even one outside of the output's own window. Here every
 * window is weighed, all of its data together, each channel scaled by its weights: if the windows of a tile are alike,
 * the error is one that direct sums have too, within a factor; if one of them weighs much less than the others, or if
 * anything is infinite, NaN or near an overflow, the tile is summed directly. Windows of only zeros have sums of zero.
 */

import {
  add,
  and,
  binary,
  compare,
  div,
  float,
  int,
  mod,
  mul,
  reduce,
  select,
  unary,
  variable,
} from "../../../../src/loop/build.ts";
import type { Step, VectorSplit } from "../../../../src/loop/schedule.ts";
import type { Expr, ReduceAxis, Stmt } from "../../../../src/loop/types.ts";
import { laneLoop } from "../../analysis/lanes.ts";
import { nestLoops, statementsOf } from "../../analysis/nest.ts";
import { zeros } from "../../transforms/copies.ts";
import type { BlockPlanes } from "./fill-plane.ts";
import { type Plan, roundUp, type TiledLine } from "./plan.ts";
import { knownOutput, outputAt } from "./stages.ts";
import { elementOf, lane, type ScratchArray, storesUnder, type Workspace } from "./workspace.ts";

/** How many times the weight of its lightest window all windows of a tile may weigh together. */
export const MOST_UNEVEN = 256;

/**
 * The largest weight of a window, channels and weights multiplied: the matrices' powers and the sums stay below the
 * largest float32, 2¹²⁸. Weights count as at least `SMALLEST_SCALE`, for the data alone must stay below it too.
 */
const LARGEST = 2 ** 60;
const SMALLEST_SCALE = 2 ** -40;

/** What happens to a tile: Winograd's sums as they are, without those of windows of zeros, or none of them. */
const [AS_IT_IS, HAS_ZEROS, UNEVEN] = [0, 1, 2];

/** The magnitude of a channel's weights: the sum of the absolute values of all in a panel of outputs. */
export function findScale(plan: Plan, workspace: Workspace, isAcross: boolean): Stmt[] {
  const { correlation, rows, columns, outputs, lanes, step } = plan;
  const [panel, channel] = [variable("panel"), variable("channel")];
  const width = lanes * step.vectors;
  const taps: ReduceAxis[] = [
    { name: "row", extent: rows.taps },
    { name: "tap", extent: columns.taps },
  ];
  const weigh = (first: ReduceAxis, output: (n: Expr) => Expr, ofChannel: Expr): Expr =>
    reduce("sum", [first, ...taps], ([n, row, column]) => {
      const weight = unary(
        "abs",
        correlation.filter.at(knownOutput(plan, output(n), width), ofChannel, row, column),
      );
      return outputs % width === 0
        ? weight
        : select(compare("lt", output(n), int(outputs)), weight, float(0));
    });
  const scales = scalesOf(plan, workspace);
  if (isAcross) {
    const ofChannel = elementOf(channel, lanes);
    const value = weigh({ name: "element", extent: width }, (n) => elementOf(panel, width, n), ofChannel);
    return storesUnder(laneLoop(lanes), [{ ...scales.at(panel, ofChannel), value }]);
  }
  const ofLane = weigh(
    { name: "vector", extent: step.vectors },
    (n) => elementOf(add(mul(panel, int(step.vectors)), n), lanes),
    channel,
  );
  const [statements, value] = workspace.laneSum("filter_lanewise", lanes, ofLane);
  return [...statements, ...storesUnder([], [{ ...scales.at(panel, channel), value }])];
}

/** One number for each channel and panel of outputs. */
const scalesOf = ({ channels, outputs, lanes, step }: Plan, workspace: Workspace): ScratchArray =>
  workspace.array("scales", [Math.ceil(outputs / (lanes * step.vectors)), channels], { isShared: true });

/** The weight of every window of a block, image by image; rows in whole vectors, like all intermediate arrays. */
const windowsOf = (plan: Plan, workspace: Workspace): ScratchArray =>
  workspace.array("windows", [plan.imagesPerBlock, plan.rows.extent, widthFor(plan)]);

const widthFor = ({ columns, lanes }: Plan): number =>
  roundUp(roundUp(columns.extent, lanes) + columns.taps - 1, lanes);

/** The verdict on each tile of a block. */
const verdictsOf = ({ imagesPerBlock, rows, columns }: Plan, workspace: Workspace): ScratchArray =>
  workspace.array("verdicts", [imagesPerBlock, rows.tiles, columns.tiles]);

const [image, row, column] = [variable("image"), variable("row"), variable("column")];
const [tileRow, tileColumn] = [variable("tileRow"), variable("tileColumn")];

/** A loop in vectors; a padded one may reach beyond it. */
const inVectors = (loop: string, lanes: number, tail: VectorSplit["tail"] = "padded"): Step => ({
  kind: "vectorize",
  loop,
  vectors: 1,
  lanes,
  tail,
});

/** Weighs all windows of a block's data and decides what happens to every tile. */
export function judgeTiles(plan: Plan, workspace: Workspace, data: BlockPlanes): Stmt[] {
  const { rows, lanes, channels } = plan;
  const channel = variable("channel");
  const panels = [{ name: "panel", extent: Math.ceil(plan.outputs / (lanes * plan.step.vectors)) }];
  const sum = reduce("sum", panels, ([panel]) => scalesOf(plan, workspace).load(panel, channel));
  const found = add(sum, float(SMALLEST_SCALE));
  // Zeros after them, for whole vectors.
  const scales = workspace.array("own_scales", [roundUp(channels, lanes)]);
  const isWhole = channels % lanes === 0;
  const pixels = workspace.array("pixels", [rows.extent + rows.taps - 1, widthFor(plan)]);
  return [
    ...(isWhole ? [] : zeros(scales.name, scales.length, lanes).flatMap(statementsOf)),
    ...storesUnder(
      [{ name: "channel", extent: channels }],
      [{ ...scales.at(channel), value: found }],
      ...(isWhole ? [inVectors("channel", lanes)] : []),
    ),
    ...zeros(pixels.name, pixels.length, lanes).flatMap(statementsOf),
    ...nestLoops(
      [{ name: "image", extent: plan.imagesPerBlock }],
      [
        ...weighPixels(plan, workspace, data, scales, pixels),
        ...weighWindows(plan, workspace, pixels),
        ...judge(plan, workspace),
      ],
      "serial",
    ),
  ];
}

/** Weighs every pixel that is not padding: its channels in lanes, then the sums of the lanes of all pixels. */
function weighPixels(
  plan: Plan,
  workspace: Workspace,
  { array, inside }: BlockPlanes,
  scales: ScratchArray,
  pixels: ScratchArray,
): Stmt[] {
  const { channels, lanes } = plan;
  const lanewise = workspace.array("lanewise", [inside.rows, inside.columns, lanes]);
  const [y, x] = [add(row, int(inside.top)), add(column, int(inside.left))];
  const weight = reduce("sum", [{ name: "vector", extent: Math.ceil(channels / lanes) }], ([vector]) =>
    mul(unary("abs", array.load(image, vector, y, x, lane)), scales.load(elementOf(vector, lanes))),
  );
  const elements = Array.from({ length: lanes }, (_, k) => lanewise.load(row, column, int(k)));
  const loops = [
    { name: "row", extent: inside.rows },
    { name: "column", extent: inside.columns },
  ];
  return [
    // Several columns at once share the loads of the scales.
    ...storesUnder([...loops, ...laneLoop(lanes)], [{ ...lanewise.at(row, column, lane), value: weight }], {
      kind: "unroll",
      loop: "column",
      by: lanes,
    }),
    ...storesUnder(
      loops,
      [{ ...pixels.at(y, x), value: elements.reduce(add) }],
      inVectors("column", lanes, "peeled"),
    ),
  ];
}

/** Sums over the rows of windows, then over their columns. */
function weighWindows(plan: Plan, workspace: Workspace, pixels: ScratchArray): Stmt[] {
  const { rows, columns } = plan;
  const strips = workspace.array("strips", [rows.extent, widthFor(plan)]);
  const windows = windowsOf(plan, workspace);
  const sum = (taps: number, at: (tap: Expr) => Expr): Expr =>
    Array.from({ length: taps }, (_, k) => at(int(k))).reduce(add);
  const ofRows = sum(rows.taps, (k) => pixels.load(add(row, k), column));
  const ofColumns = sum(columns.taps, (k) => strips.load(row, add(column, k)));
  const loops = (width: number) => [
    { name: "row", extent: rows.extent },
    { name: "column", extent: width },
  ];
  const steps = inVectors("column", plan.lanes);
  return [
    ...storesUnder(loops(widthFor(plan)), [{ ...strips.at(row, column), value: ofRows }], steps),
    ...storesUnder(loops(columns.extent), [{ ...windows.at(image, row, column), value: ofColumns }], steps),
  ];
}

/** For all columns of windows, what their tiles need to know, then the verdicts on the tiles. */
function judge(plan: Plan, workspace: Workspace): Stmt[] {
  const { rows, columns } = plan;
  const [totals, lightest, lightestSeen] = ["totals", "lightest", "lightest_seen"].map((what) =>
    workspace.array(what, [rows.tiles, widthFor(plan)]),
  );
  const lighter = (a: Expr, b: Expr): Expr => binary("min", a, b);
  const seen = (w: Expr): Expr => select(compare("eq", w, float(0)), float(LARGEST), w);
  const windows = windowsOf(plan, workspace);
  const weights = Array.from({ length: rows.outputs }, (_, k) =>
    windows.load(image, placeOf(rows, tileRow, int(k)), column),
  );
  const ofTile = (array: ScratchArray): Expr[] =>
    Array.from({ length: columns.outputs }, (_, k) =>
      array.load(tileRow, placeOf(columns, tileColumn, int(k))),
    );
  const total = ofTile(totals).reduce(add);
  // Comparisons with NaN are false, so a tile that contains one is not even.
  const isEven = and(
    compare("le", total, mul(ofTile(lightestSeen).reduce(lighter), float(MOST_UNEVEN))),
    compare("le", total, float(LARGEST)),
  );
  const hasZeros = compare("eq", ofTile(lightest).reduce(lighter), float(0));
  const verdict = select(isEven, select(hasZeros, float(HAS_ZEROS), float(AS_IT_IS)), float(UNEVEN));
  const loops = (name: string, extent: number) => [
    { name: "tileRow", extent: rows.tiles },
    { name, extent },
  ];
  return [
    ...storesUnder(
      loops("column", columns.extent),
      [
        { ...totals.at(tileRow, column), value: weights.reduce(add) },
        { ...lightest.at(tileRow, column), value: weights.reduce(lighter) },
        { ...lightestSeen.at(tileRow, column), value: weights.map(seen).reduce(lighter) },
      ],
      inVectors("column", plan.lanes),
    ),
    ...storesUnder(loops("tileColumn", columns.tiles), [
      { ...verdictsOf(plan, workspace).at(image, tileRow, tileColumn), value: verdict },
    ]),
  ];
}

/** Corrects a tile's sums as the verdict says, for one image and one vector of the filter's channels. */
export function mendTile(
  plan: Plan,
  workspace: Workspace,
  { array }: BlockPlanes,
  sums: ScratchArray,
  vector: Expr,
): Stmt[] {
  const { correlation, rows, columns, lanes } = plan;
  const [inRow, inColumn] = [variable("inTileRow"), variable("inTileColumn")];
  const y = add(mul(tileRow, int(rows.outputs)), inRow);
  const x = add(mul(tileColumn, int(columns.outputs)), inColumn);
  const [lastRow, lastColumn] = [placeOf(rows, tileRow, inRow), placeOf(columns, tileColumn, inColumn)];
  const window = windowsOf(plan, workspace).load(image, lastRow, lastColumn);
  const axes: ReduceAxis[] = [
    { name: "channel", extent: plan.channels },
    { name: "tapRow", extent: rows.taps },
    { name: "tap", extent: columns.taps },
  ];
  const direct = reduce("sum", axes, ([c, i, j]) =>
    mul(
      array.load(image, div(c, int(lanes)), add(y, i), add(x, j), mod(c, int(lanes))),
      correlation.filter.at(outputAt(plan, vector), c, i, j),
    ),
  );
  const loops = [
    { name: "inTileRow", extent: rows.outputs },
    { name: "inTileColumn", extent: columns.outputs },
    ...laneLoop(lanes),
  ];
  const where = (verdict: number, value: Expr, ...steps: Step[]): Stmt => ({
    kind: "if",
    condition: compare("eq", verdictsOf(plan, workspace).load(image, tileRow, tileColumn), float(verdict)),
    body: storesUnder(loops, [{ ...sums.at(y, x, lane), value }], ...steps),
  });
  return [
    where(HAS_ZEROS, select(compare("gt", window, float(0)), sums.load(y, x, lane), float(0))),
    where(UNEVEN, direct, { kind: "unroll", loop: "inTileColumn", by: columns.outputs }),
  ];
}

/** The position of an output by its tile and its position in it; beyond the plane the last one. */
function placeOf({ extent, covered, outputs }: TiledLine, tile: Expr, inTile: Expr): Expr {
  const place = add(mul(tile, int(outputs)), inTile);
  return covered <= extent ? place : binary("min", place, int(extent - 1));
}
