/**
 * Puts right what `uneven-tiles.ts` has found: sums of uneven tiles are computed as the kernel defines them, and windows
 * of zeros give zero.
 */

import {
  add,
  binary,
  compare,
  float,
  int,
  load,
  mul,
  reduce,
  select,
  variable,
} from "../../../../src/loop/build.ts";
import type { Expr, ReduceAxis, Stmt } from "../../../../src/loop/types.ts";
import { LANE } from "../../analysis/lanes.ts";
import { planeIndex } from "./fill-plane.ts";
import { type SumPlane, sumIndex } from "./finish.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { filterPlane } from "./plane.ts";
import { HAS_ZEROS, type TileChecks, UNEVEN, verdictIndex, windowAt } from "./uneven-tiles.ts";
import { lane, type Phases } from "./workspace.ts";

/** Puts right what the verdict says of a tile's sums, of one image and one vector of the filter's channels. */
export function mendTile(
  plan: ForwardPlan,
  checks: TileChecks,
  data: string,
  sums: SumPlane,
  vector: Expr,
  phases: Phases,
): Stmt[] {
  const { correlation, tiling, lanes } = plan;
  const { form } = tiling;
  const [image, tileRow, tileColumn] = [variable("image"), variable("tileRow"), variable("tileColumn")];
  const [row, column] = [variable("inTileRow"), variable("inTileColumn")];
  const verdict = load(checks.verdicts.name, "float32", verdictIndex(tiling, image, tileRow, tileColumn));
  const at = (k: Expr): Expr =>
    add(
      sumIndex(
        sums,
        add(mul(tileRow, int(form.rows.outputs)), row),
        add(mul(tileColumn, int(form.columns.outputs)), k),
      ),
      variable(LANE),
    );
  const rows = { name: "inTileRow", extent: form.rows.outputs };
  const columns = { name: "inTileColumn", extent: form.columns.outputs };
  const window = windowAt(correlation, tiling, checks, image, [tileRow, row], [tileColumn, column]);
  const sum = load(sums.name, "float32", at(column));
  const output = add(mul(vector, int(lanes)), variable(LANE));
  const direct = Array.from({ length: form.columns.outputs }, (_, k) => ({
    buffer: sums.name,
    index: at(int(k)),
    value: directSum(plan, data, output, row, k),
  }));
  return [
    {
      kind: "if",
      condition: compare("eq", verdict, float(HAS_ZEROS)),
      body: phases.stores(
        [rows, columns, lane(lanes)],
        [
          {
            buffer: sums.name,
            index: at(column),
            value: select(compare("gt", window, float(0)), sum, float(0)),
          },
        ],
      ),
    },
    {
      kind: "if",
      condition: compare("eq", verdict, float(UNEVEN)),
      body: phases.stores([rows, lane(lanes)], direct),
    },
  ];
}

/** The sum of one place of the tile as the kernel defines it, over channels and taps. */
function directSum(
  { correlation, tiling, plane, lanes, channels, outputs }: ForwardPlan,
  data: string,
  output: Expr,
  row: Expr,
  column: number,
): Expr {
  const { rows, columns } = tiling.form;
  const [image, tileRow, tileColumn] = [variable("image"), variable("tileRow"), variable("tileColumn")];
  const filter = filterPlane(correlation, false);
  const inside = outputs % lanes === 0 ? output : binary("min", output, int(outputs - 1));
  const source = { ...plane, name: data };
  const product = (vector: Expr, element: Expr, tapRow: Expr, tap: Expr): Expr => {
    const y = add(add(mul(tileRow, int(rows.outputs)), row), tapRow);
    const x = add(mul(tileColumn, int(columns.outputs)), add(int(column), tap));
    return mul(
      load(data, "float32", add(planeIndex(source, image, vector, y, x), element)),
      filter.at(inside, add(mul(vector, int(lanes)), element), tapRow, tap),
    );
  };
  const taps: ReduceAxis[] = [
    { name: "tapRow", extent: rows.taps },
    { name: "tap", extent: columns.taps },
  ];
  const whole = Math.floor(channels / lanes);
  const vectors: ReduceAxis[] = [
    { name: "channels", extent: whole },
    { name: "element", extent: lanes },
  ];
  const rest: ReduceAxis[] = [{ name: "element", extent: channels % lanes }];
  const parts = [
    ...(whole === 0
      ? []
      : [
          reduce("sum", [...vectors, ...taps], ([vector, element, tapRow, tap]) =>
            product(vector, element, tapRow, tap),
          ),
        ]),
    ...(channels % lanes === 0
      ? []
      : [
          reduce("sum", [...rest, ...taps], ([element, tapRow, tap]) =>
            product(int(whole), element, tapRow, tap),
          ),
        ]),
  ];
  return parts.reduce(add);
}
