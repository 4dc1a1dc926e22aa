/** Vector loops that have no vector form, in parts or as a whole: they run lane by lane or turn by turn, to the same end. */

import { describe, expect, test } from "vitest";
import {
  add,
  binary,
  cast,
  compare,
  div,
  float,
  inRange,
  int,
  load,
  local,
  mod,
  mul,
  select,
  sub,
  unary,
  variable,
} from "../../../src/loop/build.ts";
import type { Expr } from "../../../src/loop/types.ts";
import { accumulator, agrees, assign, define, f, k, lanes, loop, n, store, v, values, x } from "./lanes.ts";

describe("lane by lane", () => {
  test.each<[string, Expr]>([
    ["a stride of 3", x(mul(v, int(3)))],
    ["a stride of -1", x(sub(int(10), v))],
    ["a stride of 0 behind a division", x(div(v, int(2)))],
    ["a remainder", x(mod(add(v, int(2)), int(3)))],
    ["an index from a buffer", x(load("at", "int32", v))],
    ["an index from a buffer that all lanes share", x(add(load("at", "int32", int(2)), v))],
    ["a guarded load", select(inRange(sub(v, int(2)), 64), x(sub(v, int(2))), float(-3))],
    ["floor division of negative numbers", cast(div(load("i", "int32", v), int(3)), "float32")],
    ["remainders of negative numbers", cast(mod(load("i", "int32", v), int(4)), "float32")],
    ["remainders of floats", binary("mod", x(v), float(3))],
    ["the sign of whole numbers", cast(unary("sign", load("i", "int32", v)), "float32")],
    ["the magnitude of whole numbers", cast(unary("abs", load("i", "int32", v)), "float32")],
  ])("%s", async (_, value) => {
    await agrees(values(value));
  });

  test("comparisons of truth values", async () => {
    const order = compare("lt", load("b", "bool", v), compare("gt", x(v), float(0)));
    await agrees([lanes(store("outB", v, order), store("outB", add(v, int(4)), unary("not", order)))]);
  });

  test("stores with other strides, and of bytes", async () => {
    await agrees([
      lanes(
        store("out", mul(v, int(5)), x(v)),
        store("outU", mul(v, int(2)), cast(v, "uint8")),
        store("outB", sub(int(9), v), compare("gt", x(v), float(0))),
        store("outI", load("at", "int32", add(v, int(4))), v),
      ),
    ]);
  });

  test("indices that differ unevenly, kept in locals and in pointers", async () => {
    await agrees([
      lanes(
        define("from", load("at", "int32", v)),
        define("bit", compare("gt", x(n("from")), float(0))),
        accumulator("sum", float(0)),
        loop(
          "k",
          3,
          "reduce",
          [assign("sum", add(f("sum"), x(n("p"))))],
          [{ name: "p", init: n("from"), step: 2 }],
        ),
        store("out", v, select(local("bit", "bool"), f("sum"), float(0))),
      ),
    ]);
  });
});

describe("turn by turn", () => {
  test("branches that differ and do more than assign", async () => {
    const { source } = await agrees([
      lanes({ kind: "if", condition: compare("gt", x(v), float(0)), body: [store("out", v, x(v))] }),
    ]);
    expect(source).toContain("f32.store");
  });

  test("branches whose assignments load", async () => {
    await agrees([
      lanes(
        accumulator("a", float(0)),
        { kind: "if", condition: compare("lt", v, int(2)), body: [assign("a", x(add(v, int(62))))] },
        store("out", v, f("a")),
      ),
    ]);
  });

  test("lists, and loops over their counts", async () => {
    await agrees([
      accumulator("count", int(0), [0, 4]),
      lanes({
        kind: "append",
        count: "count",
        capacity: 4,
        condition: compare("gt", x(v), float(0)),
        base: int(2),
        values: [
          { buffer: "outI", value: v },
          { buffer: "out", value: x(v) },
        ],
      }),
      {
        kind: "for",
        name: "k",
        extent: { count: "count", most: 4 },
        loop: "serial",
        body: [store("outU", k, cast(add(k, int(1)), "uint8"))],
      },
    ]);
  });

  test("sums that the turns share", async () => {
    await agrees([
      accumulator("total", float(0)),
      lanes(assign("total", add(f("total"), x(v)))),
      store("out", int(0), f("total")),
    ]);
  });

  test("a vector loop in a vector loop: the inner one runs together", async () => {
    const { source } = await agrees([
      lanes(loop("u", 4, "vector", [store("out", add(mul(v, int(4)), variable("u")), x(variable("u")))])),
    ]);
    expect(source).toContain("v128.store");
  });

  test("other extents are ordinary loops", async () => {
    const { source } = await agrees([loop("v", 3, "vector", [store("out", v, x(v))])]);
    expect(source).not.toContain("v128");
  });
});
