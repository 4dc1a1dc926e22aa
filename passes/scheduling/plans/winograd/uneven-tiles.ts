/**
 * Finds the tiles that Winograd's method may not run, and puts them right. The method mixes all data of a tile, so that an
 * output is off by what the largest of them is rounded by, be it outside of the output's own window. Here every window is
 * weighed, all of its data together, each channel as its weights are: where the windows of a tile are alike the error is
 * one that direct sums make too, within a factor; where one of them weighs much less than the others, or where anything
 * is infinite, NaN or near an overflow, the tile is summed directly. Windows of nothing but zeros have sums of zero.
 */

import { toAffine } from "../../../../src/loop/affine.ts";
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
import type { Step } from "../../../../src/loop/schedule.ts";
import type { Expr, ReduceAxis, Stmt } from "../../../../src/loop/types.ts";
import { substitute } from "../../../../src/loop/walk.ts";
import { lanePartsOf, tileName, vectorName } from "../../analysis/lanes.ts";
import { interiorOf, zeros } from "../../transforms/clear.ts";
import type { Operand } from "./correlation.ts";
import { type Plan, roundUp, type TiledLine } from "./plan.ts";
import { elementOf, lane, lanesOf, ScratchArray, storesUnder, within } from "./scratch-array.ts";
import { outputLanes, pointAt } from "./stages.ts";

/** How many times the weight of its lightest window those of all windows of a tile may have together. */
export const MOST_UNEVEN = 256;

/**
 * The largest weight of a window, channels and weights multiplied: the matrices' powers and the sums stay below the
 * largest float32, 2¹²⁸. Weights count as at least `SMALLEST_SCALE`, for the data alone must stay below it too.
 */
const LARGEST = 2 ** 60;
const SMALLEST_SCALE = 2 ** -40;

/** What becomes of a tile: Winograd's sums as they are, without those of windows of zeros, or none of them. */
const [AS_IT_IS, HAS_ZEROS, UNEVEN] = [0, 1, 2];

/**
 * How much there is of a channel's weights: the absolute values of its transformed weights at the first points, as many
 * as there are taps. They determine the weights, so that no weight goes unseen.
 */
export function findScale(
  plan: Plan,
  filter: ScratchArray,
  scales: ScratchArray,
  lanewise: ScratchArray,
): Stmt[] {
  const { rows, columns, lanes } = plan;
  const channel = variable("channel");
  const across = outputLanes(plan);
  const sums = lanePartsOf(across).flatMap(({ iterations, vectors }) =>
    vectors.map((values) => {
      const axes: ReduceAxis[] = [
        { name: "tile", extent: iterations },
        { name: "row", extent: rows.taps },
        { name: "tap", extent: columns.taps },
      ];
      return reduce("sum", axes, ([iteration, row, column]) => {
        const [tile, vector] = [tileName(across), vectorName(across)].map((name) =>
          substitute(values.get(name) ?? int(0), new Map([[across.loop, iteration]])),
        );
        return unary("abs", filter.load(pointAt(plan, row, column), tile, channel, vector, lane));
      });
    }),
  );
  const elements = Array.from({ length: lanes }, (_, k) => lanewise.load(int(k)));
  return [
    ...storesUnder([lanesOf(lanes)], [{ ...lanewise.at(lane), value: sums.reduce(add) }]),
    ...storesUnder([], [{ ...scales.at(channel), value: add(elements.reduce(add), float(SMALLEST_SCALE)) }]),
  ];
}

const [image, row, column] = [variable("image"), variable("row"), variable("column")];
const [tileRow, tileColumn] = [variable("tileRow"), variable("tileColumn")];

/** The scratch in which the windows of a block are weighed, and the verdicts. */
export class TileChecks {
  private readonly plan: Plan;
  private readonly data: ScratchArray;
  /** The channels' scales, zeros behind them for whole vectors. */
  private readonly scales: ScratchArray;
  /** Every pixel that is not padding, its channels in lanes; then the sums of the lanes of all pixels. */
  private readonly lanewise: ScratchArray;
  private readonly pixels: ScratchArray;
  /** Sums over the rows of windows; over whole windows, image by image. */
  private readonly strips: ScratchArray;
  private readonly windows: ScratchArray;
  /** Of each column of windows, tile row by tile row: all together, the lightest, and the lightest but zeros. */
  private readonly totals: ScratchArray;
  private readonly lightest: ScratchArray;
  private readonly lightestSeen: ScratchArray;
  /** One verdict for each tile of the block. */
  private readonly verdicts: ScratchArray;
  private readonly inside: Inside;
  /** The columns of `pixels` and of what is made of them, in whole vectors. */
  private readonly width: number;

  constructor(plan: Plan, data: ScratchArray) {
    const { correlation, rows, columns, lanes, imagesPerBlock: images } = plan;
    const array = (what: string, ...shape: number[]): ScratchArray =>
      new ScratchArray(correlation.contraction.kernel, what, shape);
    const width = roundUp(roundUp(columns.extent, lanes) + columns.taps - 1, lanes);
    this.plan = plan;
    this.data = data;
    this.inside = insideOf(correlation.data);
    this.width = width;
    this.scales = array("own_scales", roundUp(plan.channels, lanes));
    this.lanewise = array("lanewise", this.inside.rows, this.inside.columns, lanes);
    this.pixels = array("pixels", rows.extent + rows.taps - 1, width);
    this.strips = array("strips", rows.extent, width);
    this.windows = array("windows", images, rows.extent, width);
    this.totals = array("totals", rows.tiles, width);
    this.lightest = array("lightest", rows.tiles, width);
    this.lightestSeen = array("lightest_seen", rows.tiles, width);
    this.verdicts = array("verdicts", images, rows.tiles, columns.tiles);
  }

  get arrays(): readonly ScratchArray[] {
    const { scales, lanewise, pixels, strips, windows, totals, lightest, lightestSeen, verdicts } = this;
    return [scales, lanewise, pixels, strips, windows, totals, lightest, lightestSeen, verdicts];
  }

  /** Weighs all windows of the block's data and says of every tile what is to become of it. */
  weigh(scales: ScratchArray): Stmt[] {
    const { lanes, channels, imagesPerBlock } = this.plan;
    const channel = variable("channel");
    const scale = scales.load(channel);
    const value =
      channels % lanes === 0 ? scale : select(compare("lt", channel, int(channels)), scale, float(0));
    return [
      ...storesUnder(
        [{ name: "channel", extent: this.scales.length }],
        [{ ...this.scales.at(channel), value }],
      ),
      ...zeros(this.pixels.name, this.pixels.length, lanes).flatMap(({ loops, stores }) =>
        storesUnder(loops, stores),
      ),
      ...within(
        [{ name: "image", extent: imagesPerBlock }],
        [...this.weighPixels(), ...this.weighWindows(), ...this.weighColumns(), ...this.judge()],
      ),
    ];
  }

  private weighPixels(): Stmt[] {
    const { lanes, channels } = this.plan;
    const { top, left, rows, columns } = this.inside;
    const [y, x] = [add(row, int(top)), add(column, int(left))];
    const weight = reduce("sum", [{ name: "vector", extent: Math.ceil(channels / lanes) }], ([vector]) =>
      mul(
        unary("abs", this.data.load(image, vector, y, x, lane)),
        this.scales.load(elementOf(vector, lanes)),
      ),
    );
    const elements = Array.from({ length: lanes }, (_, k) => this.lanewise.load(row, column, int(k)));
    const loops = [
      { name: "row", extent: rows },
      { name: "column", extent: columns },
    ];
    return [
      // Several columns at once share what is loaded of the scales.
      ...storesUnder(
        [...loops, lanesOf(lanes)],
        [{ ...this.lanewise.at(row, column, lane), value: weight }],
        { kind: "unroll", loop: "column", by: lanes },
      ),
      ...storesUnder(loops, [{ ...this.pixels.at(y, x), value: elements.reduce(add) }], {
        ...this.inVectors,
        tail: "peeled",
      }),
    ];
  }

  /** Columns in vectors; the last one may reach beyond them. */
  private get inVectors(): Extract<Step, { kind: "vectorize" }> {
    return { kind: "vectorize", loop: "column", vectors: 1, lanes: this.plan.lanes, tail: "padded" };
  }

  private weighWindows(): Stmt[] {
    const { rows, columns } = this.plan;
    const sum = (taps: number, at: (tap: Expr) => Expr): Expr =>
      Array.from({ length: taps }, (_, k) => at(int(k))).reduce(add);
    const ofRows = sum(rows.taps, (k) => this.pixels.load(add(row, k), column));
    const ofColumns = sum(columns.taps, (k) => this.strips.load(row, add(column, k)));
    const loops = (width: number) => [
      { name: "row", extent: rows.extent },
      { name: "column", extent: width },
    ];
    return [
      ...storesUnder(loops(this.width), [{ ...this.strips.at(row, column), value: ofRows }], this.inVectors),
      ...storesUnder(
        loops(columns.extent),
        [{ ...this.windows.at(image, row, column), value: ofColumns }],
        this.inVectors,
      ),
    ];
  }

  /** What a tile must know of its windows, of each column those of its rows. */
  private weighColumns(): Stmt[] {
    const { rows, columns } = this.plan;
    const weights = Array.from({ length: rows.outputs }, (_, k) =>
      this.windows.load(image, placeOf(rows, tileRow, int(k)), column),
    );
    const seen = (w: Expr): Expr => select(compare("eq", w, float(0)), float(LARGEST), w);
    return storesUnder(
      [
        { name: "tileRow", extent: rows.tiles },
        { name: "column", extent: columns.extent },
      ],
      [
        { ...this.totals.at(tileRow, column), value: weights.reduce(add) },
        { ...this.lightest.at(tileRow, column), value: weights.reduce(lighter) },
        { ...this.lightestSeen.at(tileRow, column), value: weights.map(seen).reduce(lighter) },
      ],
      this.inVectors,
    );
  }

  /** Comparisons with NaN are false, so that a tile which holds one is not even. */
  private judge(): Stmt[] {
    const { rows, columns } = this.plan;
    const ofTile = (array: ScratchArray): Expr[] =>
      Array.from({ length: columns.outputs }, (_, k) =>
        array.load(tileRow, placeOf(columns, tileColumn, int(k))),
      );
    const total = ofTile(this.totals).reduce(add);
    const isEven = and(
      compare("le", total, mul(ofTile(this.lightestSeen).reduce(lighter), float(MOST_UNEVEN))),
      compare("le", total, float(LARGEST)),
    );
    const hasZeros = compare("eq", ofTile(this.lightest).reduce(lighter), float(0));
    const verdict = select(isEven, select(hasZeros, float(HAS_ZEROS), float(AS_IT_IS)), float(UNEVEN));
    return storesUnder(
      [
        { name: "tileRow", extent: rows.tiles },
        { name: "tileColumn", extent: columns.tiles },
      ],
      [{ ...this.verdicts.at(image, tileRow, tileColumn), value: verdict }],
    );
  }

  /** Puts right what the verdict says of a tile's sums, of one image and one vector of the filter's channels. */
  mend(sums: ScratchArray, vector: Expr): Stmt[] {
    const { correlation, rows, columns, lanes, channels, outputs } = this.plan;
    const [inRow, inColumn] = [variable("inTileRow"), variable("inTileColumn")];
    const y = add(mul(tileRow, int(rows.outputs)), inRow);
    const x = add(mul(tileColumn, int(columns.outputs)), inColumn);
    const window = this.windows.load(
      image,
      placeOf(rows, tileRow, inRow),
      placeOf(columns, tileColumn, inColumn),
    );
    const output = elementOf(vector, lanes);
    const inside = outputs % lanes === 0 ? output : binary("min", output, int(outputs - 1));
    const direct = reduce(
      "sum",
      [
        { name: "channel", extent: channels },
        { name: "tapRow", extent: rows.taps },
        { name: "tap", extent: columns.taps },
      ],
      ([c, i, j]) =>
        mul(
          this.data.load(image, div(c, int(lanes)), add(y, i), add(x, j), mod(c, int(lanes))),
          correlation.filter.at(inside, c, i, j),
        ),
    );
    const loops = [
      { name: "inTileRow", extent: rows.outputs },
      { name: "inTileColumn", extent: columns.outputs },
      lanesOf(lanes),
    ];
    const where = (verdict: number, value: Expr, ...steps: Step[]): Stmt => ({
      kind: "if",
      condition: compare("eq", this.verdicts.load(image, tileRow, tileColumn), float(verdict)),
      body: storesUnder(loops, [{ ...sums.at(y, x, lane), value }], ...steps),
    });
    return [
      where(HAS_ZEROS, select(compare("gt", window, float(0)), sums.load(y, x, lane), float(0))),
      where(UNEVEN, direct, { kind: "unroll", loop: "inTileColumn", by: columns.outputs }),
    ];
  }
}

const lighter = (a: Expr, b: Expr): Expr => binary("min", a, b);

/** The place of an output by its tile and its place in it; beyond the plane the last one. */
function placeOf({ extent, covered, outputs }: TiledLine, tile: Expr, inTile: Expr): Expr {
  const place = add(mul(tile, int(outputs)), inTile);
  return covered <= extent ? place : binary("min", place, int(extent - 1));
}

/** Rows and columns of planes that may be anything but padding. */
interface Inside {
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
}

function insideOf({ own, shared, extents, at, pooled }: Operand): Inside {
  const [height, width] = extents;
  if (pooled !== undefined) {
    const { sparse, start } = pooled;
    const [rows, columns] = extents.map((extent, k) =>
      Math.min(extent - start[k], sparse.plane[k] * sparse.window[k]),
    );
    return { top: start[0], left: start[1], rows, columns };
  }
  const loops = [
    { name: "own", extent: own?.extent ?? 1 },
    { name: "shared", extent: shared?.extent ?? 1 },
    { name: "row", extent: height },
    { name: "column", extent: width },
  ];
  const value = at(variable("own"), variable("shared"), row, column);
  const index = add(mul(row, int(width)), column);
  const interior = interiorOf({ name: "inside", loops, stores: [{ buffer: "inside", index, value }] });
  if (interior === undefined) return { top: 0, left: 0, rows: height, columns: width };
  const first = toAffine(interior.stores[0].index).constant;
  const [, , rows, columns] = interior.loops.map(({ extent }) => extent);
  return { top: Math.floor(first / width), left: first % width, rows, columns };
}
