/**
 * Finds the tiles that Winograd's method may not run. It mixes all data of a tile, so that an output is off by what the
 * largest of them is rounded by, be it outside of the output's own window. Here every window is weighed, all of its
 * data together, each channel as its weights are: where the windows of a tile are alike the error is one that direct
 * sums make too, within a factor; where one of them weighs much less than the others, or where anything is infinite,
 * NaN or near an overflow, the tile is summed directly. Windows of nothing but zeros have sums that are known.
 */

import { toAffine } from "../../../../src/loop/affine.ts";
import {
  add,
  and,
  binary,
  compare,
  float,
  int,
  load,
  mul,
  reduce,
  select,
  unary,
  variable,
} from "../../../../src/loop/build.ts";
import type { Expr, ReduceAxis, Stmt } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { LANE, lanePartsOf } from "../../analysis/lanes.ts";
import type { StoreTarget } from "../../analysis/nest.ts";
import { interiorOf, zeros } from "../../transforms/clear.ts";
import type { Correlation } from "./correlation.ts";
import { planeIndex } from "./fill-plane.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { columnLanes, vectorAt, vectorsOfPart } from "./multiply.ts";
import { dataPlane } from "./plane.ts";
import { roundUp, type Tiling } from "./tiling.ts";
import { lane, type Phases, type Scratch, scratch } from "./workspace.ts";

/** How many times the weight of its lightest window those of all windows of a tile may have together. */
export const MOST_UNEVEN = 256;

/**
 * The largest weight of a window, channels and weights multiplied: the matrices' powers and the sums stay below the
 * largest float32, 2¹²⁸. Weights count as at least `SMALLEST_SCALE`, for the data alone must stay below it too.
 */
const LARGEST = 2 ** 60;
const SMALLEST_SCALE = 2 ** -40;

/** What becomes of a tile: Winograd's sums as they are, without those of windows of zeros, or none of them. */
export const [AS_IT_IS, HAS_ZEROS, UNEVEN] = [0, 1, 2];

/** How much there is of each channel's weights: one number for each, which the filter's kernel finds. */
export const scalesOf = ({ correlation, channels }: ForwardPlan): Scratch =>
  scratch(correlation.contraction.kernel, "scales", channels, false);

/**
 * Sums up the absolute values of a channel's transformed weights at the first points, as many as there are taps: they
 * determine the weights, so that no weight goes unseen.
 */
export function findScale(
  plan: ForwardPlan,
  filter: Scratch,
  scales: Scratch,
  lanewise: Scratch,
  channel: Expr,
  phases: Phases,
): Stmt[] {
  const { outputs, lanes, tiling, filterIndex } = plan;
  const { rows, columns } = tiling.form;
  const across = columnLanes(outputs, lanes);
  const sums = lanePartsOf(across).flatMap((part) =>
    vectorsOfPart(across, part).map((vector) => {
      const axes: ReduceAxis[] = [
        { name: "tile", extent: part.iterations },
        { name: "row", extent: rows.taps },
        { name: "tap", extent: columns.taps },
      ];
      return reduce("sum", axes, ([tile, row, column]) => {
        const point = add(mul(row, int(columns.points)), column);
        const index = substitute(filterIndex(point, channel, vector), new Map([[across.loop, tile]]));
        return unary("abs", vectorAt(filter.name, index));
      });
    }),
  );
  const elements = Array.from({ length: lanes }, (_, k) => load(lanewise.name, "float32", int(k)));
  return [
    ...phases.stores(
      [lane(lanes)],
      [{ buffer: lanewise.name, index: variable(LANE), value: sums.reduce(add) }],
    ),
    ...phases.stores(
      [],
      [{ buffer: scales.name, index: channel, value: add(elements.reduce(add), float(SMALLEST_SCALE)) }],
    ),
  ];
}

/** The scratch in which windows are weighed, and the verdicts. */
export interface TileChecks {
  readonly all: readonly Scratch[];
  /** The channels' scales, zeros behind them for whole vectors. */
  readonly scales: Scratch;
  /** Every pixel, its channels in lanes; then their sum. */
  readonly lanewise: Scratch;
  readonly pixels: Scratch;
  /** Sums over the rows of windows; over whole windows, image by image. */
  readonly strips: Scratch;
  readonly windows: Scratch;
  /** Of each column of windows, tile row by tile row: all together, the lightest, and the lightest but zeros. */
  readonly totals: Scratch;
  readonly lightest: Scratch;
  readonly lightestSeen: Scratch;
  /** One verdict for each tile of the block. */
  readonly verdicts: Scratch;
  /** Elements from row to row of `pixels`, `strips`, `windows` and what is said of their columns. */
  readonly width: number;
}

export function tileChecks(plan: ForwardPlan): TileChecks {
  const { correlation, tiling, lanes, imagesPerBlock, channels } = plan;
  const { contraction, rows, columns } = correlation;
  const { form, tileRows, tileColumns } = tiling;
  const inside = insideOf(plan);
  const height = rows.places + form.rows.taps - 1;
  const width = roundUp(roundUp(columns.places, lanes) + form.columns.taps - 1, lanes);
  const own = (what: string, length: number): Scratch => scratch(contraction.kernel, what, length, true);
  const checks = {
    scales: own("own_scales", roundUp(channels, lanes)),
    lanewise: own("lanewise", inside.rows * inside.columns * lanes),
    pixels: own("pixels", height * width),
    strips: own("strips", rows.places * width),
    windows: own("windows", imagesPerBlock * rows.places * width),
    totals: own("totals", tileRows * width),
    lightest: own("lightest", tileRows * width),
    lightestSeen: own("lightest_seen", tileRows * width),
    verdicts: own("verdicts", imagesPerBlock * tileRows * tileColumns),
  };
  return { ...checks, all: Object.values(checks), width };
}

/** Weighs all windows of the block's data and says of every tile what is to become of it. */
export function checkTiles(
  plan: ForwardPlan,
  checks: TileChecks,
  data: string,
  scales: Scratch,
  phases: Phases,
): Stmt[] {
  const { lanes, channels, imagesPerBlock } = plan;
  const channel = variable("channel");
  const scale = load(scales.name, "float32", channel);
  const padded = roundUp(channels, lanes);
  return [
    ...phases.stores(
      [{ name: "channel", extent: padded }],
      [
        {
          buffer: checks.scales.name,
          index: channel,
          value: padded === channels ? scale : select(compare("lt", channel, int(channels)), scale, float(0)),
        },
      ],
    ),
    ...zeros(checks.pixels.name, checks.pixels.param.length, lanes).flatMap(({ loops, stores }) =>
      phases.stores(loops, stores),
    ),
    ...phases.within([{ name: "image", extent: imagesPerBlock }], (inner) => [
      ...weighPixels(plan, checks, data, inner),
      ...weighWindows(plan, checks, inner),
      ...weighColumns(plan, checks, inner),
      ...judge(plan, checks, inner),
    ]),
  ];
}

/** The part of the data that windows see and that may be anything but padding. */
function insideOf({ correlation }: ForwardPlan) {
  const { extents, pooled, at } = dataPlane(correlation, false);
  const [height, width] = extents;
  if (pooled !== undefined) {
    const { sparse, start } = pooled;
    const [rows, columns] = extents.map((extent, k) =>
      Math.min(extent - start[k], sparse.plane[k] * sparse.window[k]),
    );
    return { top: start[0], left: start[1], rows, columns };
  }
  const [row, column] = [variable("row"), variable("column")];
  const interior = interiorOf({
    name: "inside",
    loops: [
      { name: "row", extent: height },
      { name: "column", extent: width },
    ],
    stores: [
      { buffer: "inside", index: add(mul(row, int(width)), column), value: at(int(0), int(0), row, column) },
    ],
  });
  if (interior === undefined) return { top: 0, left: 0, rows: height, columns: width };
  const first = toAffine(interior.stores[0].index).constant;
  const [rows, columns] = interior.loops.map(({ extent }) => extent);
  return { top: Math.floor(first / width), left: first % width, rows, columns };
}

function weighPixels(
  plan: ForwardPlan,
  { scales, lanewise, pixels, width }: TileChecks,
  data: string,
  phases: Phases,
): Stmt[] {
  const { plane, lanes, channels } = plan;
  const inside = insideOf(plan);
  const [image, row] = [variable("image"), variable("row")];
  const rows = { name: "row", extent: inside.rows };
  const start = (column: Expr): Expr => mul(add(mul(row, int(inside.columns)), column), int(lanes));
  const weight = (column: Expr): Expr => {
    const [y, x] = [add(row, int(inside.top)), add(column, int(inside.left))];
    return reduce("sum", [{ name: "vector", extent: Math.ceil(channels / lanes) }], ([vector]) =>
      mul(
        unary("abs", vectorAt(data, planeIndex({ ...plane, name: data }, image, vector, y, x))),
        vectorAt(scales.name, mul(vector, int(lanes))),
      ),
    );
  };
  const elements = (column: Expr): Expr[] =>
    Array.from({ length: lanes }, (_, k) => load(lanewise.name, "float32", add(start(column), int(k))));
  const sum = (column: Expr): StoreTarget => ({
    buffer: pixels.name,
    index: add(mul(add(row, int(inside.top)), int(width)), add(column, int(inside.left))),
    value: elements(column).reduce(add),
  });
  // Several columns at once share what is loaded of the scales.
  return inGroups(inside.columns, lanes).flatMap(({ iterations, count, at }) => [
    ...phases.stores(
      [rows, { name: "columns", extent: iterations }, lane(lanes)],
      Array.from({ length: count }, (_, k) => ({
        buffer: lanewise.name,
        index: add(start(at(k)), variable(LANE)),
        value: weight(at(k)),
      })),
    ),
    ...(count === lanes
      ? phases.stores(
          [rows, { name: "columns", extent: iterations }, lane(lanes)],
          [sum(add(at(0), variable(LANE)))],
        )
      : phases.stores(
          [rows],
          Array.from({ length: count }, (_, k) => sum(at(k))),
        )),
  ]);
}

/** The numbers below `extent` in groups of `size`, then those that are left; `at` goes by the loop `columns`. */
function inGroups(extent: number, size: number) {
  const whole = Math.floor(extent / size);
  return [
    {
      iterations: whole,
      count: size,
      at: (k: number): Expr => add(mul(variable("columns"), int(size)), int(k)),
    },
    { iterations: 1, count: extent % size, at: (k: number): Expr => int(whole * size + k) },
  ].filter(({ iterations, count }) => iterations > 0 && count > 0);
}

function weighWindows(
  { correlation, tiling, lanes }: ForwardPlan,
  { pixels, strips, windows, width }: TileChecks,
  phases: Phases,
): Stmt[] {
  const { rows, columns } = correlation;
  const { form } = tiling;
  const [image, row, column] = [variable("image"), variable("row"), variable("column")];
  const start = add(mul(row, int(width)), mul(column, int(lanes)));
  const summed = (buffer: string, taps: number, step: number): Expr =>
    Array.from({ length: taps }, (_, k) => vectorAt(buffer, add(start, int(k * step)))).reduce(add);
  const plane = mul(image, int(rows.places * width));
  const loops = (vectors: number) => [
    { name: "row", extent: rows.places },
    { name: "column", extent: vectors },
    lane(lanes),
  ];
  return [
    ...phases.stores(loops(width / lanes), [
      {
        buffer: strips.name,
        index: add(start, variable(LANE)),
        value: summed(pixels.name, form.rows.taps, width),
      },
    ]),
    ...phases.stores(loops(Math.ceil(columns.places / lanes)), [
      {
        buffer: windows.name,
        index: add(add(plane, start), variable(LANE)),
        value: summed(strips.name, form.columns.taps, 1),
      },
    ]),
  ];
}

/** What a tile must know of its windows, of each column those of its rows. */
function weighColumns(
  { correlation, tiling, lanes }: ForwardPlan,
  { windows, totals, lightest, lightestSeen, width }: TileChecks,
  phases: Phases,
): Stmt[] {
  const { rows, columns } = correlation;
  const [image, tileRow, column] = [variable("image"), variable("tileRow"), variable("column")];
  const start = mul(column, int(lanes));
  const weights = Array.from({ length: tiling.form.rows.outputs }, (_, k) => {
    const row = placeOf(rows.places, tiling.height, add(mul(tileRow, int(tiling.form.rows.outputs)), int(k)));
    return vectorAt(windows.name, add(mul(add(mul(image, int(rows.places)), row), int(width)), start));
  });
  const seen = (w: Expr): Expr => select(compare("eq", w, float(0)), float(LARGEST), w);
  const index = add(add(mul(tileRow, int(width)), start), variable(LANE));
  return phases.stores(
    [
      { name: "tileRow", extent: tiling.tileRows },
      { name: "column", extent: Math.ceil(columns.places / lanes) },
      lane(lanes),
    ],
    [
      { buffer: totals.name, index, value: weights.reduce(add) },
      { buffer: lightest.name, index, value: weights.reduce(lighter) },
      { buffer: lightestSeen.name, index, value: weights.map(seen).reduce(lighter) },
    ],
  );
}

const lighter = (a: Expr, b: Expr): Expr => binary("min", a, b);

/** Comparisons with NaN are false, so that a tile which holds one is not even. */
function judge({ correlation, tiling }: ForwardPlan, checks: TileChecks, phases: Phases): Stmt[] {
  const { outputs } = tiling.form.columns;
  const [image, tileRow, tileColumn] = [variable("image"), variable("tileRow"), variable("tileColumn")];
  const ofTile = ({ name }: Scratch): Expr[] =>
    Array.from({ length: outputs }, (_, k) => {
      const column = add(mul(tileColumn, int(outputs)), int(k));
      const place = placeOf(correlation.columns.places, tiling.width, column);
      return load(name, "float32", add(mul(tileRow, int(checks.width)), place));
    });
  const total = ofTile(checks.totals).reduce(add);
  const isEven = and(
    compare("le", total, mul(ofTile(checks.lightestSeen).reduce(lighter), float(MOST_UNEVEN))),
    compare("le", total, float(LARGEST)),
  );
  const hasZeros = compare("eq", ofTile(checks.lightest).reduce(lighter), float(0));
  const verdict = select(isEven, select(hasZeros, float(HAS_ZEROS), float(AS_IT_IS)), float(UNEVEN));
  return phases.stores(
    [
      { name: "tileRow", extent: tiling.tileRows },
      { name: "tileColumn", extent: tiling.tileColumns },
    ],
    [
      {
        buffer: checks.verdicts.name,
        index: verdictIndex(tiling, image, tileRow, tileColumn),
        value: verdict,
      },
    ],
  );
}

/** A position of the tiles, which reach over `covered`; beyond the last of the plane's `places` that one. */
const placeOf = (places: number, covered: number, position: Expr): Expr =>
  covered <= places ? position : binary("min", position, int(places - 1));

/** Where the verdict on a tile stands. */
export const verdictIndex = ({ tileRows, tileColumns }: Tiling, image: Expr, row: Expr, column: Expr): Expr =>
  add(mul(add(mul(image, int(tileRows)), row), int(tileColumns)), column);

/** The weight of an output's window, by tile and place in it; beyond the plane that of the last one. */
export function windowAt(
  { rows, columns }: Correlation,
  { form, height, width: covered }: Tiling,
  { windows, width }: TileChecks,
  image: Expr,
  [tileRow, inTileRow]: readonly [Expr, Expr],
  [tileColumn, inTileColumn]: readonly [Expr, Expr],
): Expr {
  const row = placeOf(rows.places, height, add(mul(tileRow, int(form.rows.outputs)), inTileRow));
  const column = placeOf(
    columns.places,
    covered,
    add(mul(tileColumn, int(form.columns.outputs)), inTileColumn),
  );
  const index = add(mul(add(mul(image, int(rows.places)), row), int(width)), column);
  return load(windows.name, "float32", index);
}
