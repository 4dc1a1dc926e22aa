/** Vector loops that run in vector instructions alone: which those are, and that they are the same loop. */

import { describe, expect, test } from "vitest";
import { createWasmBackend } from "../../../backends/wasm/backend.ts";
import { hasRelaxedMadd } from "../../../backends/wasm/engine.ts";
import {
  add,
  and,
  binary,
  cast,
  compare,
  constant,
  float,
  int,
  load,
  local,
  mul,
  scalar,
  select,
  sub,
  unary,
  word,
} from "../../../src/loop/build.ts";
import type { Expr } from "../../../src/loop/types.ts";
import {
  accumulator,
  agrees,
  assign,
  BUFFERS,
  backend,
  define,
  f,
  k,
  lanes,
  loop,
  n,
  store,
  v,
  values,
  w,
  x,
} from "./lanes.ts";
import { type Contents, runBody, wholeNumbers } from "./run-body.ts";

describe("vector instructions", () => {
  test("a register tile: splats of one factor, vectors of the other, bumped pointers", async () => {
    // out[r, v] = Σ_k x[r·8 + k]·w[k·4 + v] for two rows.
    const rows = [0, 1];
    const { source } = await agrees([
      loop("v", 4, "vector", [
        ...rows.map((r) => accumulator(`acc${r}`, float(0))),
        loop(
          "k",
          8,
          "reduce",
          [
            define("b", w(n("q"))),
            ...rows.map((r) => assign(`acc${r}`, add(f(`acc${r}`), mul(x(add(n("p"), int(8 * r))), f("b"))))),
          ],
          [
            { name: "p", init: int(0), step: 1 },
            { name: "q", init: v, step: 4 },
          ],
        ),
        ...rows.map((r) => store("out", add(v, int(4 * r)), f(`acc${r}`))),
      ]),
    ]);
    expect(source).toContain("v128.load32_splat");
    expect(source).toContain("f32x4.mul");
    expect(source).toContain("v128.store");
    expect(source).not.toMatch(/extract_lane|f32\.mul/);
  });

  test("what all lanes share is named once, in the forms in which it is used", async () => {
    const { source } = await agrees([
      lanes(
        define("spread", x(int(3))),
        define("single", x(int(4))),
        define("both", mul(x(int(5)), float(3))),
        define("unused", x(int(6))),
        define("sign", compare("gt", f("both"), float(0))),
        store("out", v, mul(f("spread"), add(f("both"), w(v)))),
        store("out", add(v, int(4)), sub(w(v), f("spread"))),
        store("out", int(8), add(f("single"), f("both"))),
        store("out", add(v, int(12)), select(local("sign", "bool"), w(v), x(v))),
        store("outB", v, binary("or", local("sign", "bool"), compare("gt", w(v), float(0)))),
      ),
    ]);
    expect(source.match(/v128\.load32_splat/g)).toHaveLength(1);
    expect(source).toContain("(local.set $single (f32.load");
    expect(source).toContain("(local.set $both_lanes (f32x4.splat (local.get $both)))");
    expect(source).not.toContain("$unused");
  });

  test("inductions of the vector loop itself count as lanes", async () => {
    const { source } = await agrees([
      loop(
        "v",
        4,
        "vector",
        [store("out", n("to"), mul(x(n("from")), float(2)))],
        [
          { name: "from", init: int(5), step: 1 },
          { name: "to", init: int(8), step: 1 },
        ],
      ),
    ]);
    expect(source).toContain("v128.load");
    expect(source).not.toContain("extract_lane");
  });

  test("a vector loop inside of others, with pointers that go down", async () => {
    await agrees([
      loop(
        "k",
        3,
        "grid",
        [
          loop(
            "v",
            4,
            "vector",
            [store("out", add(mul(k, int(4)), v), add(x(n("p")), x(sub(n("r"), v))))],
            [{ name: "p", init: n("base"), step: 1 }],
          ),
        ],
        [
          { name: "base", init: int(20), step: -4 },
          { name: "r", init: int(30), step: -1 },
        ],
      ),
    ]);
  });

  test.each<[string, Expr, string]>([
    ["neg", unary("neg", x(v)), "f32x4.neg"],
    ["abs", unary("abs", x(v)), "f32x4.abs"],
    ["sqrt", unary("sqrt", unary("abs", x(v))), "f32x4.sqrt"],
    ["sign", unary("sign", sub(x(v), float(1))), "v128.bitselect"],
    ["sub", sub(x(v), w(v)), "f32x4.sub"],
    ["div", binary("div", x(v), float(2)), "f32x4.div"],
    ["max", binary("max", x(v), w(v)), "f32x4.max"],
    ["min", binary("min", x(v), scalar("rate", "float32")), "f32x4.min"],
    ["relu's gradient", select(compare("gt", x(v), float(0)), w(v), float(0)), "v128.bitselect"],
    [
      "a choice that all lanes share",
      select(compare("gt", x(int(3)), float(0)), x(v), w(v)),
      "(if (result v128)",
    ],
    ["cast of int32", cast(load("i", "int32", v), "float32"), "f32x4.convert_i32x4_s"],
    ["cast of a truth value", cast(compare("lt", x(v), w(v)), "float32"), "v128.and"],
    ["bytes", cast(cast(load("u", "uint8", v), "int32"), "float32"), "i32x4.extend_low_i16x8_u"],
    ["truth values", select(load("b", "bool", v), x(v), w(v)), "v128.load32_zero"],
    ["the lane's number", cast(add(mul(v, int(3)), int(1)), "float32"), "(v128.const i32x4 0 3 6 9)"],
    [
      "not, and, or",
      cast(
        binary(
          "or",
          unary("not", load("b", "bool", v)),
          and(compare("le", x(v), w(v)), compare("ne", x(v), float(2))),
        ),
        "float32",
      ),
      "v128.not",
    ],
  ])("%s", async (_, value, instruction) => {
    const { source } = await agrees(values(value), value.kind === "unary" && value.op === "sqrt" ? 6e-8 : 0);
    expect(source).toContain(instruction);
    expect(source).not.toContain("extract_lane");
  });

  test.each(["exp", "tanh", "expm1"] as const)("%s of four numbers is part of the loop", async (op) => {
    const { source } = await agrees(values(unary(op, mul(x(v), float(0.25)))), 6e-8);
    expect(source).toContain(`(local.set $${op}.of`);
    expect(source).not.toContain("call");
  });

  test("sin calls its form for four numbers", async () => {
    const { source } = await agrees(values(unary("sin", mul(x(v), float(0.25)))), 6e-8);
    expect(source).toContain("call $math_sin_f32x4");
  });

  test("logarithms and powers", async () => {
    const positive = add(unary("abs", x(v)), float(0.5));
    const value = add(unary("log", positive), add(unary("log1p", positive), binary("pow", positive, w(v))));
    await agrees(values(value), 2e-7);
  });

  test("whole numbers, words and their comparisons", async () => {
    const i = load("i", "int32", v);
    const words = cast(i, "uint32");
    const mixed = binary("xor", mul(words, word(0x9e3779b9)), binary("shr", words, word(7)));
    const masked = cast(
      binary("bitand", add(mixed, cast(scalar("seed", "int32"), "uint32")), word(0xffff)),
      "int32",
    );
    const extremes = add(binary("max", i, int(1)), mul(binary("min", i, int(-2)), i));
    const { source } = await agrees([
      lanes(
        store("outI", v, masked),
        store("outI", add(v, int(4)), extremes),
        store("outI", add(v, int(8)), select(compare("lt", words, word(0x80000000)), i, int(7))),
        store("outI", add(v, int(12)), select(compare("ge", i, int(0)), int(1), unary("neg", int(3)))),
      ),
    ]);
    expect(source).toContain("i32x4.lt_u");
    expect(source).toContain("i32x4.ge_s");
    expect(source).not.toContain("extract_lane");
  });

  test("bytes and truth values are stored four at once", async () => {
    const { source } = await agrees([
      lanes(
        store("outU", v, load("u", "uint8", add(v, int(4)))),
        store("outU", add(v, int(4)), cast(add(v, int(251)), "uint8")),
        store("outB", v, compare("gt", x(v), float(0))),
      ),
    ]);
    expect(source).toContain("i8x16.narrow_i16x8_u");
    expect(source).not.toContain("i32.store8");
  });

  test("the first maximum of a window and its position, without branches", async () => {
    const candidate = f("c");
    const wins = binary("or", compare("gt", candidate, f("best")), unary("isnan", candidate));
    const contents: Contents = {
      ...BUFFERS,
      x: {
        dtype: "float32",
        data: wholeNumbers(64).map((value, at) => (at === 9 || at === 22 ? Number.NaN : value)),
      },
    };
    const { source, wasm } = await agrees(
      [
        lanes(
          accumulator("best", float(Number.NEGATIVE_INFINITY)),
          accumulator("winner", int(0), [0, 7]),
          loop("k", 8, "reduce", [
            define("c", x(add(mul(k, int(4)), v))),
            { kind: "if", condition: wins, body: [assign("best", candidate), assign("winner", k)] },
          ]),
          store("out", v, f("best")),
          store("outU", v, cast(n("winner"), "uint8")),
        ),
      ],
      0,
      contents,
    );
    expect(wasm.out[1]).toBeNaN();
    expect(wasm.outU[1]).toBe(2);
    expect(source).toContain("v128.bitselect");
    expect(source).not.toMatch(/\(if|i32\.store8/);
  });

  test("branches that all lanes take alike", async () => {
    await agrees([
      lanes(
        loop("k", 4, "serial", [
          {
            kind: "if",
            condition: compare("lt", k, int(2)),
            body: [store("out", add(mul(k, int(4)), v), x(v))],
          },
        ]),
      ),
    ]);
  });
});

describe("lanes that stand apart", () => {
  test.each([2, 3])(
    "%i elements apart they are picked out of two vectors, nothing read beyond",
    async (step) => {
      const at = (last: number) => add(mul(v, int(step)), int(last - 3 * step));
      const value = add(x(at(63)), cast(load("b", "bool", at(step === 2 ? 7 : 9)), "float32"));
      const contents = { ...BUFFERS, b: { dtype: "bool", data: [1, 0, 0, 1, 1, 1, 0, 0, 1, 1] } } as const;
      const { source } = await agrees([lanes(store("out", v, value))], 0, contents);
      expect(source).toContain("i8x16.shuffle");
      expect(source).not.toContain("replace_lane");
    },
  );

  const every = (first: number) => add(mul(v, int(2)), int(first));

  test("two stores that take turns are two vectors", async () => {
    const { source } = await agrees([
      lanes(store("out", every(3), x(v)), store("out", every(4), w(v)), store("out", every(20), float(2))),
    ]);
    expect(source.match(/v128\.store/g)).toHaveLength(2);
    expect(source.match(/extract_lane/g)).toHaveLength(4);
  });

  test("but not where the second reads what the first has stored, nor what lies elsewhere", async () => {
    const stored = load("out", "float32", every(0));
    const { source } = await agrees([
      lanes(store("out", every(0), x(v)), store("out", every(1), add(stored, w(v)))),
      lanes(store("out", every(16), x(v)), store("out", every(19), w(v))),
    ]);
    expect(source).not.toContain("v128.store");
  });
});

test("multiply-add of relaxed SIMD is used where the engine has it, and never when deterministic", async () => {
  const value = add(mul(x(v), w(v)), f("one"));
  const body = [define("one", constant(1, "float32")), lanes(store("out", v, value))];
  const deterministic = await runBody(body, BUFFERS, { backend });
  expect(deterministic.source).not.toContain("relaxed");
  const free = await runBody(body, BUFFERS, { backend: createWasmBackend({ deterministic: false }) });
  expect(free.source.includes("f32x4.relaxed_madd")).toBe(hasRelaxedMadd());
  // Small whole numbers: both roundings are exact.
  expect(free.wasm.out).toEqual(free.interpreter.out);
});
