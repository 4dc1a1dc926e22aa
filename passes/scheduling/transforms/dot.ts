/** Builds a dot product in lanes: partial sums go to scratch lane by lane, are added there and finished. */

import { invariant } from "../../../src/core/errors.ts";
import { add, int, load, mul, variable } from "../../../src/loop/build.ts";
import { Interner } from "../../../src/loop/intern.ts";
import type { ProgramBuffer } from "../../../src/loop/program.ts";
import type { Schedule } from "../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { rewriter, substitute } from "../../../src/loop/walk.ts";
import type { Reduce } from "../analysis/contraction.ts";
import { onlySum } from "../analysis/dot.ts";
import { LANE } from "../analysis/lanes.ts";
import { type GridLoop, type Nest, nestsOf, type StoreTarget, statementsOf } from "../analysis/nest.ts";
import type { Scheduled } from "./nests.ts";
import { transformed } from "./nests.ts";
import { type Tile, unrollTiles } from "./unroll.ts";

interface DotPlan {
  readonly kernel: Kernel;
  readonly nest: Nest;
  /** The sum as it stands in the stores, and the same with its contiguous axes joined into the innermost one. */
  readonly original: Reduce;
  readonly joined: Reduce;
  /** Lanes. */
  readonly width: number;
  readonly tiles: readonly Tile[];
}

/** What stands for the sum while tiles are written out; its index tells which sum of the nest it is. */
const MARK = "?sum";

/** Whether a schedule has lanes share a sum: what it vectorizes is none of the kernel's own loops. */
export function isDot(kernel: Kernel, schedule: Schedule): boolean {
  const loops = new Set(nestsOf(kernel).flatMap((nest) => nest.loops.map(({ name }) => name)));
  return schedule.some((step) => step.kind === "vectorize" && !loops.has(step.loop));
}

/** The kernel with its sum in lanes. */
export function applyDot(kernel: Kernel, schedule: Schedule): Scheduled {
  let [nest] = nestsOf(kernel);
  const sum = onlySum(nest);
  invariant(sum !== undefined, `${kernel.name} has one sum that lanes can share`);
  const tiles: Tile[] = [];
  let width = 1;
  for (const step of schedule) {
    if (step.kind === "vectorize") width = step.lanes;
    else if (step.kind === "unroll") tiles.push({ loop: step.loop, size: step.by });
    else [nest] = transformed(nest, step);
  }
  const made = build({ kernel, nest, ...sum, width, tiles });
  return { ...made, kernels: made.kernels.map((k) => ({ ...k, schedule })) };
}

function build(plan: DotPlan): Scheduled {
  const { kernel, nest, original, tiles } = plan;
  const name = `${kernel.name}_lanes`;
  const interner = new Interner();
  const wanted = interner.intern(original);
  const names = nest.loops.map((l) => l.name);
  // The place of the sum depends on all loops, so that each copy in a tile is told from the others.
  const place = names.reduce<Expr>(
    (sum, loop, k) => add(mul(sum, int(nest.loops[k].extent)), variable(loop)),
    int(0),
  );
  const mark = load(MARK, "float32", place);
  const marked = rewriter((e) => (e === wanted ? mark : e));
  const stores = nest.stores.map((s) => ({ ...s, value: marked(interner.intern(s.value)) }));
  const sumStore: StoreTarget = { buffer: MARK, index: place, value: plan.joined };
  let used = 0;
  const parts = unrollTiles({ ...nest, stores: [...stores, sumStore] }, tiles).map((part) => {
    const built = buildPart(plan, part, name, used);
    used += built.length;
    return built.body;
  });
  const param: BufferParam = { name, dtype: "float32", length: used, access: "scratch" };
  const scratch: ProgramBuffer = {
    name,
    dtype: "float32",
    shape: [used],
    role: "scratch",
    value: `lanes of ${kernel.name}`,
  };
  const body = parts.flatMap((part): readonly Stmt[] => {
    return parts.length === 1 ? part : [{ kind: "section", name: "tile", body: part }];
  });
  const buffers = [...kernel.buffers, param];
  return {
    kernels: [{ ...kernel, buffers, body }],
    scratch: [scratch],
  };
}

/**
 * One shape of tile. Its lanes stand in scratch from `start` on, apart for each iteration of the outermost loop, which
 * threads may share.
 */
function buildPart(plan: DotPlan, part: Nest, name: string, start: number) {
  const { width } = plan;
  const sums = part.stores.filter((s) => s.buffer === MARK);
  const stores = part.stores.filter((s) => s.buffer !== MARK);
  const [outermost] = part.loops;
  const stride = sums.length * width;
  const base =
    outermost === undefined ? int(start) : add(mul(variable(outermost.name), int(stride)), int(start));
  const interner = new Interner();
  const totals = new Map<Expr, Expr>();
  const partial = sums.map(({ index, value }, k): StoreTarget => {
    const at = (lane: Expr): Expr => add(add(base, int(k * width)), lane);
    const lanes = Array.from({ length: width }, (_, lane) => load(name, "float32", at(int(lane))));
    const rest = remainderOf(value as Reduce, width);
    const total = inPairs(lanes);
    totals.set(interner.intern(load(MARK, "float32", index)), rest === undefined ? total : add(total, rest));
    return { buffer: name, index: at(variable(LANE)), value: wholeOf(value as Reduce, width) };
  });
  const finish = rewriter((e) => totals.get(e) ?? e);
  const finished = stores.map((s) => ({ ...s, value: finish(interner.intern(s.value)) }));
  const lane: GridLoop = { name: LANE, extent: width, loop: "vector" };
  const inside = [
    ...statementsOf({ loops: [lane], stores: partial }),
    ...statementsOf({ loops: [], stores: finished }),
  ];
  const body = part.loops.reduceRight<Stmt[]>(
    (inner, { name: loop, extent }) => [{ kind: "for", name: loop, extent, loop: "grid", body: inner }],
    inside,
  );
  return { body, length: stride * (outermost?.extent ?? 1) };
}

/** The sum over whole vectors, for one lane. */
function wholeOf(sum: Reduce, width: number): Reduce {
  const inner = sum.axes[sum.axes.length - 1];
  const position = add(mul(variable(inner.name), int(width)), variable(LANE));
  const iterations = { name: inner.name, extent: Math.floor(inner.extent / width) };
  return {
    ...sum,
    axes: [...sum.axes.slice(0, -1), iterations],
    body: substitute(sum.body, new Map([[inner.name, position]])),
  };
}

/** The sum over what remains, for no lane; `undefined` when nothing does. */
function remainderOf(sum: Reduce, width: number): Reduce | undefined {
  const inner = sum.axes[sum.axes.length - 1];
  const rest = inner.extent % width;
  if (rest === 0) return undefined;
  const position = add(variable(inner.name), int(inner.extent - rest));
  return {
    ...sum,
    axes: [...sum.axes.slice(0, -1), { name: inner.name, extent: rest }],
    body: substitute(sum.body, new Map([[inner.name, position]])),
  };
}

/** The sum of neighbours, of neighbouring sums, and so on. */
const inPairs = (values: readonly Expr[]): Expr =>
  values.length === 1
    ? values[0]
    : inPairs(
        values.flatMap((value, k) =>
          k % 2 === 1 ? [] : [k + 1 < values.length ? add(value, values[k + 1]) : value],
        ),
      );
