/** Scalar kernels on the wasm backend: addresses, guards, lists, sections, scalars; and what a dump shows. */

import { describe, expect, test } from "vitest";
import { lowered } from "../../../passes/codegen/lower-reductions.ts";
import { statementsOf } from "../../../passes/scheduling/analysis/nest.ts";
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
  scalar,
  select,
  sub,
  unary,
  variable,
  word,
} from "../../../src/loop/build.ts";
import { philoxWords } from "../../../src/loop/philox.ts";
import type { Expr, Induction, Stmt } from "../../../src/loop/types.ts";
import { type Contents, type Outcome, runBody, wholeNumbers } from "./run-body.ts";

const [k, j] = [variable("k"), variable("j")];

const loop = (
  name: string,
  extent: number,
  body: readonly Stmt[],
  inductions?: readonly Induction[],
): Stmt => ({
  kind: "for",
  name,
  extent,
  loop: "grid",
  body,
  ...(inductions && { inductions }),
});
const store = (buffer: string, index: Expr, value: Expr): Stmt => ({ kind: "store", buffer, index, value });
const x = (index: Expr): Expr => load("x", "float32", index);
const n = (name: string): Expr => local(name, "int32");

const BUFFERS: Contents = {
  x: { dtype: "float32", data: wholeNumbers(64) },
  i: { dtype: "int32", data: wholeNumbers(16) },
  u: { dtype: "uint8", data: [0, 1, 2, 3, 250, 255, 7, 4] },
  out: { dtype: "float32", data: new Array(64).fill(-1) },
  outI: { dtype: "int32", data: new Array(32).fill(-1) },
  outB: { dtype: "bool", data: new Array(16).fill(1) },
  list: { dtype: "int32", data: new Array(16).fill(0), range: [0, 15] },
};

async function agrees(
  body: readonly Stmt[],
  scalars: Readonly<Record<string, number>> = {},
): Promise<Outcome> {
  const outcome = await runBody(body, BUFFERS, { scalars });
  expect(outcome.wasm).toEqual(outcome.interpreter);
  return outcome;
}

describe("addresses", () => {
  test("constants stand in the instruction where the rest is never negative", async () => {
    const { source } = await agrees([
      loop("k", 8, [store("out", add(k, int(3)), x(add(mul(k, int(2)), int(5))))]),
    ]);
    expect(source).toMatch(/f32\.load offset=\d+/);
    expect(source).toMatch(/f32\.store offset=\d+/);
  });

  test("pointers that start below their buffer are added up", async () => {
    const down: Induction = { name: "p", init: int(-8), step: 3 };
    const { source } = await agrees([loop("k", 5, [store("out", k, x(add(n("p"), int(9))))], [down])]);
    expect(source).not.toMatch(/f32\.load offset/);
  });

  test("indices over several loops, with negative strides", async () => {
    const index = sub(add(mul(k, int(-8)), int(60)), mul(j, int(3)));
    await agrees([loop("k", 5, [loop("j", 6, [store("out", add(mul(k, int(6)), j), x(index))])])]);
  });

  test("products of two unknowns, and indices from floor division and remainders", async () => {
    await agrees([
      loop("k", 6, [
        loop("j", 6, [
          store("outI", add(k, j), binary("mul", load("i", "int32", k), load("i", "int32", j))),
          store("out", add(mul(k, int(6)), j), x(add(mul(div(add(k, j), int(3)), int(5)), mod(j, int(4))))),
        ]),
      ]),
    ]);
  });

  test("loops of one turn and of none", async () => {
    await agrees([
      loop("k", 1, [store("out", add(k, int(4)), x(k))]),
      loop("j", 0, [store("out", j, float(7))]),
      loop("l", 3, [loop("m", 1, [store("outI", add(variable("l"), variable("m")), variable("m"))])]),
    ]);
  });
});

describe("choices", () => {
  test("guarded loads stay behind their guard", async () => {
    const at = sub(k, int(2));
    const { source } = await agrees([
      loop("k", 66, [
        store("outB", mod(k, int(16)), compare("gt", select(inRange(at, 64), x(at), float(1)), float(0))),
      ]),
    ]);
    expect(source).toContain("(if (result f32)");
  });

  test("cheap ones need no branch", async () => {
    const { source } = await agrees([
      loop("k", 8, [store("out", k, select(compare("gt", x(k), float(0)), x(k), float(0)))]),
    ]);
    expect(source).toContain("(select");
    expect(source).not.toContain("(if");
  });
});

describe("whole numbers", () => {
  const i = load("i", "int32", k);
  test.each<[string, Expr]>([
    ["floor division", div(i, int(3))],
    ["remainders", mod(i, int(3))],
    ["division by what is only known when it runs", binary("div", i, add(k, int(1)))],
    ["its remainder", binary("mod", i, add(k, int(1)))],
    ["extremes", sub(binary("max", i, int(1)), binary("min", i, k))],
    ["sign and magnitude", add(unary("sign", i), mul(unary("abs", i), int(10)))],
    ["negation", unary("neg", i)],
    ["float to int cuts off", cast(mul(x(k), float(0.75)), "int32")],
    ["bytes", cast(load("u", "uint8", mod(k, int(8))), "int32")],
    ["truth to int", cast(compare("ge", i, int(0)), "int32")],
  ])("%s", async (_, value) => {
    await agrees([loop("k", 16, [store("outI", k, value)])]);
  });

  test("truth values", async () => {
    const both = binary("and", compare("gt", x(k), float(0)), unary("not", load("outB", "bool", k)));
    await agrees([
      loop("k", 8, [store("outB", k, compare("lt", x(k), float(0)))]),
      loop("j", 8, [store("outB", j, cast(x(j), "bool")), { kind: "let", name: "again", value: float(0) }]),
      loop("k2", 8, [store("outB", variable("k2"), compare("ne", x(variable("k2")), float(1)))]),
      loop("k", 8, [store("outB", add(k, int(8)), both)]),
    ]);
  });

  test("random words are those of every backend", async () => {
    const [a, b, c, d] = philoxWords(
      [cast(k, "uint32"), word(1), word(2), cast(scalar("step", "int32"), "uint32")],
      [cast(scalar("seed", "int32"), "uint32"), word(0xffffffff)],
    );
    const stores = [
      {
        buffer: "outI",
        index: k,
        value: cast(
          [a, b, c, d].reduce((p, q) => binary("xor", p, q)),
          "int32",
        ),
      },
      { buffer: "out", index: k, value: cast(binary("shr", b, word(8)), "float32") },
      { buffer: "outB", index: k, value: compare("lt", a, word(0x80000000)) },
    ];
    // The words share nearly all of their arithmetic; this names the parts, as scheduling does.
    const nest = statementsOf({ loops: [{ name: "k", extent: 2 }], stores });
    await agrees(lowered(nest, []), { seed: 4_000_000_000, step: 12 });
  });
});

describe("statements", () => {
  test("lists are appended to, and loops run to their counts, also to none", async () => {
    const many = (name: string, threshold: number): Stmt[] => [
      { kind: "accumulator", name, init: int(0), range: [0, 16] },
      loop("k", 16, [
        {
          kind: "append",
          count: name,
          capacity: 16,
          condition: compare("gt", x(k), float(threshold)),
          base: int(0),
          values: [{ buffer: "list", value: k }],
        },
      ]),
      {
        kind: "for",
        name: "e",
        extent: { count: name, most: 16 },
        loop: "serial",
        inductions: [{ name: "p", init: int(16), step: 2 }],
        body: [
          { kind: "let", name: "from", value: load("list", "int32", variable("e")) },
          store("out", n("p"), x(n("from"))),
        ],
      },
    ];
    await agrees([
      { kind: "section", name: "some", body: many("count", 1) },
      { kind: "section", name: "none", body: many("count", 100) },
    ]);
  });

  test("names of one section say nothing about another's", async () => {
    const { source } = await agrees([
      {
        kind: "section",
        name: "first",
        body: [{ kind: "let", name: "t", value: x(int(1)) }, store("out", int(0), local("t", "float32"))],
      },
      {
        kind: "section",
        name: "second",
        body: [{ kind: "let", name: "t", value: int(5) }, store("outI", n("t"), n("t"))],
      },
    ]);
    expect(source).toContain("(func $kernel_part0");
    expect(source).toContain("(func $kernel_part1");
  });

  test("sums, branches and NaN in a running maximum", async () => {
    const contents: Contents = {
      ...BUFFERS,
      x: { dtype: "float32", data: [1, 5, Number.NaN, 9, 5, -2, 7, 7] },
    };
    const outcome = await runBody(
      [
        { kind: "accumulator", name: "sum", init: float(0) },
        { kind: "accumulator", name: "best", init: float(Number.NEGATIVE_INFINITY) },
        loop("k", 8, [
          {
            kind: "if",
            condition: compare("gt", k, int(3)),
            body: [{ kind: "assign", name: "sum", value: add(local("sum", "float32"), x(k)) }],
          },
          { kind: "assign", name: "best", value: binary("max", local("best", "float32"), x(k)) },
        ]),
        store("out", int(0), local("sum", "float32")),
        store("out", int(1), local("best", "float32")),
      ],
      contents,
    );
    expect(outcome.wasm.out.slice(0, 2)).toEqual([17, Number.NaN]);
    expect(outcome.wasm).toEqual(outcome.interpreter);
  });

  test("scalars of the program, also fractions", async () => {
    await agrees([loop("k", 8, [store("out", k, mul(x(k), scalar("rate", "float32")))])], {
      other: 3,
      rate: 0.25,
    });
  });
});

test("a dump names the kernel's ops and the lines of the model", async () => {
  const { source } = await agrees([loop("k", 8, [store("out", k, x(k))])]);
  expect(source.split("\n").slice(0, 4)).toEqual([
    ";; kernel: test",
    ";; at model.ts:7 conv1",
    ";; schedule: none",
    "(func $kernel",
  ]);
  expect(source).toContain(";; for k in 8 grid");
});
