/** Cuts grid loops of scheduled kernels into vector loops without asking whether it pays, to try the printer on real code. */

import { add, int, local, mul, variable } from "../../../src/loop/build.ts";
import type { Expr, Induction, Kernel, Stmt } from "../../../src/loop/types.ts";
import { mapExpressions, substitute, visitStatements } from "../../../src/loop/walk.ts";

type For = Extract<Stmt, { kind: "for" }>;

const WIDTH = 4;

/** Which of nested grid loops is cut. */
export type Depth = "outermost" | "innermost";

/** The kernel with every grid loop of that depth as vector loops and a remainder; itself where there is none. */
export function vectorise(kernel: Kernel, depth: Depth): Kernel {
  // A kernel that reads what it writes may count on the order of its turns.
  const isOrdered = kernel.buffers.some(({ access }) => access === "readwrite");
  return isOrdered ? kernel : { ...kernel, body: kernel.body.flatMap((s) => cut(s, depth)) };
}

function cut(s: Stmt, depth: Depth): readonly Stmt[] {
  if (s.kind === "section" || s.kind === "if")
    return [{ ...s, body: s.body.flatMap((inner) => cut(inner, depth)) }];
  if (s.kind !== "for") return [s];
  const isGrid = s.loop === "grid" && typeof s.extent === "number" && s.extent >= WIDTH;
  let hasInner = false;
  visitStatements(s.body, (inner) => {
    hasInner ||=
      inner.kind === "for" &&
      inner.loop === "grid" &&
      typeof inner.extent === "number" &&
      inner.extent >= WIDTH;
  });
  if (isGrid && (depth === "outermost" || !hasInner)) return inLanes(s, s.extent);
  return [{ ...s, body: s.body.flatMap((inner) => cut(inner, depth)) }];
}

/** `s` by fours, and what is left over. */
function inLanes(s: For, extent: number): readonly Stmt[] {
  const groups = Math.floor(extent / WIDTH);
  const [group, lane, rest] = ["group", "lane", "rest"].map((part) => `${s.name}_${part}`);
  const inductions = s.inductions ?? [];
  const startOf = ({ name }: Induction): string => `${name}_${group}`;
  const withTurn = (turn: Expr): Stmt[] =>
    mapExpressions(s.body, (e) => substitute(e, new Map([[s.name, turn]])));
  const inside: Stmt = {
    kind: "for",
    name: lane,
    extent: WIDTH,
    loop: "vector",
    inductions: inductions.map((i) => ({ ...i, init: local(startOf(i), "int32") })),
    body: withTurn(add(mul(variable(group), int(WIDTH)), variable(lane))),
  };
  const main: Stmt = {
    kind: "for",
    name: group,
    extent: groups,
    loop: "grid",
    inductions: inductions.map((i) => ({ name: startOf(i), init: i.init, step: i.step * WIDTH })),
    body: [inside],
  };
  if (extent % WIDTH === 0) return [main];
  const remainder: Stmt = {
    kind: "for",
    name: rest,
    extent: extent % WIDTH,
    loop: "grid",
    inductions: inductions.map((i) => ({ ...i, init: add(i.init, int(i.step * groups * WIDTH)) })),
    body: withTurn(add(variable(rest), int(groups * WIDTH))),
  };
  return [main, remainder];
}
