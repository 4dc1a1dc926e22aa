/** The bounds verifier: kernels broken on purpose, one for every statement kind, are found and named. */

import { describe, expect, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { InternalError } from "../../src/core/errors.ts";
import {
  add,
  and,
  cast,
  compare,
  float,
  inRange,
  int,
  load,
  local,
  mul,
  reduce,
  scalar,
  select,
  sub,
  variable,
} from "../../src/loop/build.ts";
import type { BufferParam, Expr, Kernel, LoopKind, Stmt } from "../../src/loop/types.ts";
import { verifyKernel } from "../../src/loop/verify.ts";

const BUFFERS: readonly BufferParam[] = [
  { name: "a", dtype: "float32", length: 8, access: "read" },
  { name: "out", dtype: "float32", length: 8, access: "write" },
  { name: "list", dtype: "int32", length: 4, access: "readwrite", range: [0, 7] },
  { name: "zero", dtype: "int32", length: 1, access: "read", range: [0, 0] },
  { name: "wild", dtype: "int32", length: 4, access: "read" },
  { name: "winner", dtype: "uint8", length: 4, access: "write", range: [0, 3] },
];

const kernel = (...body: Stmt[]): Kernel => ({
  name: "k",
  ops: [],
  buffers: BUFFERS,
  scalars: ["lr"],
  body,
  origins: [],
  nominalFlops: 0,
});

const loop = (name: string, extent: number, ...body: Stmt[]): Stmt => {
  const kind: LoopKind = "serial";
  return { kind: "for", name, extent, loop: kind, body };
};
const store = (buffer: string, index: Expr, value: Expr): Stmt => ({ kind: "store", buffer, index, value });
const a = (index: Expr): Expr => load("a", "float32", index);
const counted = (count: string, most: number, ...body: Stmt[]): Stmt => ({
  kind: "for",
  name: "e",
  extent: { count, most },
  loop: "serial",
  body,
});
const counter = (name: string, most: number): Stmt => ({
  kind: "accumulator",
  name,
  init: int(0),
  range: [0, most],
});
const append = (count: string, capacity: number, base: Expr, value: Expr): Stmt => ({
  kind: "append",
  count,
  capacity,
  condition: compare("ne", a(int(0)), float(0)),
  base,
  values: [{ buffer: "list", value }],
});
const [i, j] = [variable("i"), variable("j")];

/** `0 - 1 >= 0`, as substitution leaves it. */
const minusOne: Expr = { kind: "binary", dtype: "int32", op: "add", a: int(0), b: int(-1) };
const never = { kind: "compare", dtype: "bool", op: "ge", a: minusOne, b: int(0) } as const;

/** Sound kernels, each beside the way in which it can be broken. */
const SOUND: Readonly<Record<string, Kernel>> = {
  "loads and stores that fill their buffers": kernel(
    loop("i", 2, loop("j", 4, store("out", add(mul(i, int(4)), j), a(sub(int(7), add(mul(i, int(4)), j)))))),
  ),
  "a guarded load": kernel(
    loop(
      "i",
      12,
      loop("j", 8, store("out", j, select(inRange(sub(i, int(3)), 8), a(sub(i, int(3))), float(0)))),
    ),
  ),
  // What unrolling leaves of a tap that lies in the padding: its guard never holds, in any of these ways.
  "a load behind a guard of constants that never holds": kernel(
    store("out", int(0), select(never, a(int(-1)), float(0))),
  ),
  "a load behind a guard in a local that never holds": kernel(
    { kind: "let", name: "fits", value: never },
    store("out", int(0), select(local("fits", "bool"), a(int(-1)), float(0))),
  ),
  "a load behind a guard that never holds under its loops": kernel(
    loop("i", 4, store("out", i, select(compare("ge", i, int(4)), a(add(i, int(8))), float(0)))),
  ),
  "a load behind guards that contradict each other": kernel(
    loop(
      "i",
      20,
      store(
        "out",
        int(0),
        select(and(compare("lt", i, int(5)), compare("gt", i, int(9))), a(add(i, int(50))), float(0)),
      ),
    ),
  ),
  "a guarded store": kernel(
    loop("i", 12, { kind: "if", condition: compare("lt", i, int(8)), body: [store("out", i, float(1))] }),
  ),
  "an index in a local, a guard in another": kernel(
    loop(
      "i",
      12,
      { kind: "let", name: "p", value: sub(i, int(4)) },
      { kind: "let", name: "fits", value: compare("ge", i, int(4)) },
      store("out", int(0), select(local("fits", "bool"), a(local("p", "int32")), float(0))),
    ),
  ),
  "a pointer that is bumped": kernel({
    kind: "for",
    name: "i",
    extent: 4,
    loop: "serial",
    inductions: [{ name: "p", init: int(1), step: 2 }],
    body: [store("out", local("p", "int32"), float(0))],
  }),
  "a reduction": kernel(
    store(
      "out",
      int(0),
      reduce("sum", [{ name: "k", extent: 8 }], ([k]) => a(k)),
    ),
  ),
  "a list that is filled and read": kernel(
    counter("n", 4),
    loop("i", 4, append("n", 4, int(0), add(i, int(4)))),
    counted("n", 4, store("out", load("list", "int32", variable("e")), float(1))),
  ),
  "a winner within its declared range": kernel(
    loop("i", 4, store("winner", i, cast(select(compare("lt", i, int(2)), i, int(3)), "uint8"))),
  ),
  "an accumulator that keeps to its declared values": kernel(
    { kind: "accumulator", name: "best", init: int(0), range: [0, 7] },
    loop("i", 8, { kind: "assign", name: "best", value: i }),
    store("out", local("best", "int32"), float(1)),
  ),
  "a scalar that it declares": kernel(store("out", int(0), scalar("lr", "float32"))),
};

test.each(Object.entries(SOUND))("%s: passes", (_what, sound) => {
  expect(() => verifyKernel(sound)).not.toThrow();
});

const BROKEN: Readonly<Record<string, readonly [kernel: Kernel, message: string]>> = {
  "a load behind the end": [
    kernel(loop("i", 9, store("out", int(0), a(i)))),
    "load of a[8] at i in 0..8 is out of bounds",
  ],
  "a load before the start": [
    kernel(loop("i", 8, store("out", int(0), a(sub(i, int(1)))))),
    "load of a[8] at i - 1 in -1..6",
  ],
  "a store behind the end": [
    kernel(loop("i", 2, loop("j", 4, store("out", add(mul(i, int(5)), j), float(0))))),
    "store of out[8] at i * 5 + j in 0..8",
  ],
  "a guard that is too wide": [
    kernel(
      loop("i", 12, store("out", int(0), select(inRange(sub(i, int(3)), 9), a(sub(i, int(3))), float(0)))),
    ),
    "load of a[8] at i - 3 in 0..8",
  ],
  "a load in the branch that the guard does not hold in": [
    kernel(loop("i", 12, store("out", int(0), select(compare("lt", i, int(8)), float(0), a(i))))),
    "load of a[8] at i in 0..11",
  ],
  "a guard on another variable": [
    kernel(loop("i", 12, loop("j", 8, store("out", int(0), select(inRange(j, 8), a(i), float(0)))))),
    "load of a[8] at i in 0..11",
  ],
  "a store behind an if that ends before it": [
    kernel(loop("i", 12, { kind: "if", condition: inRange(i, 8), body: [] }, store("out", i, float(0)))),
    "store of out[8] at i in 0..11",
  ],
  "a load in the condition of an if": [
    kernel({ kind: "if", condition: compare("gt", a(int(8)), float(0)), body: [] }),
    "load of a[8] at 8 in 8..8",
  ],
  "a load in a let": [kernel({ kind: "let", name: "t", value: a(int(-1)) }), "load of a[8] at -1 in -1..-1"],
  "a load in an accumulator's start": [
    kernel({ kind: "accumulator", name: "s", init: a(int(8)) }),
    "load of a[8] at 8",
  ],
  "a load in an assignment": [
    kernel(
      { kind: "accumulator", name: "s", init: float(0) },
      { kind: "assign", name: "s", value: a(int(8)) },
    ),
    "load of a[8] at 8",
  ],
  "a load in a section": [
    kernel({ kind: "section", name: "part", body: [store("out", int(0), a(int(9)))] }),
    "load of a[8] at 9",
  ],
  "a load in a reduction that runs too far": [
    kernel(
      store(
        "out",
        int(0),
        reduce("max", [{ name: "k", extent: 9 }], ([k]) => a(k)),
      ),
    ),
    "load of a[8] at k in 0..8",
  ],
  "a pointer that is bumped too far": [
    kernel({
      kind: "for",
      name: "i",
      extent: 4,
      loop: "serial",
      inductions: [{ name: "p", init: int(2), step: 2 }],
      body: [store("out", local("p", "int32"), float(0))],
    }),
    "store of out[8] at p in 2..8",
  ],
  "an indirect load through a buffer that declares too much": [
    kernel(store("out", int(0), a(add(load("list", "int32", int(0)), int(1))))),
    "load of a[8] at list[0] + 1 in 1..8",
  ],
  "an indirect load through a buffer that declares nothing": [
    kernel(store("out", int(0), a(load("wild", "int32", int(0))))),
    "load of a[8] at wild[0] in -Infinity..Infinity",
  ],
  "the index buffer's own index": [
    kernel(store("out", int(0), a(load("list", "int32", int(4))))),
    "load of list[4] at 4",
  ],
  "a stored value outside of the declared range": [
    kernel(loop("i", 4, store("list", i, mul(i, int(3))))),
    "list holds 0..7 but is given i * 3 in 0..9",
  ],
  "a winner outside of the declared range": [
    kernel(loop("i", 4, store("winner", i, cast(add(i, int(1)), "uint8")))),
    "winner holds 0..3 but is given u8(i + 1) in 1..4",
  ],
  "an assigned value outside of the declared range": [
    kernel(
      { kind: "accumulator", name: "best", init: int(0), range: [0, 7] },
      loop("i", 9, { kind: "assign", name: "best", value: i }),
    ),
    "best holds 0..7 but is given i in 0..8",
  ],
  "an append that may happen more often than it has room for": [
    kernel(counter("n", 8), loop("i", 2, loop("j", 4, append("n", 7, int(0), j)))),
    "append to n may happen 8 times, capacity 7",
  ],
  "an append into a list that is too short": [
    kernel(counter("n", 5), loop("i", 5, append("n", 5, int(0), i))),
    "append of list[4] at n in 0..4",
  ],
  "an append behind the list's end": [
    kernel(counter("n", 2), loop("i", 2, append("n", 2, int(3), i))),
    "append of list[4]",
  ],
  "an appended value outside of the declared range": [
    kernel(counter("n", 4), loop("i", 4, append("n", 4, int(0), add(i, int(5))))),
    "list holds 0..7 but is given i + 5 in 5..8",
  ],
  "an append to a counter that does not exist": [kernel(loop("i", 4, append("n", 4, int(0), i))), "n"],
  "a loop over a count that may be larger than it declares": [
    kernel(counter("n", 4), loop("i", 4, append("n", 4, int(0), i)), counted("n", 3)),
    "count n in 0..4 exceeds the declared 3",
  ],
  "a loop to an unknown count": [kernel(counted("n", 3)), "unknown count n"],
  "a store into a buffer that is only read": [kernel(store("a", int(0), float(0))), "store into read-only a"],
  "a buffer that the kernel does not have": [
    kernel(store("nowhere", int(0), float(0))),
    "store of unknown buffer nowhere",
  ],
  "a name that is not in scope": [
    kernel(loop("i", 4, store("out", i, float(0))), store("out", int(0), cast(i, "float32"))),
    "i is not in scope",
  ],
  "a name that a section's neighbour declared": [
    kernel(
      { kind: "section", name: "one", body: [{ kind: "let", name: "t", value: int(1) }] },
      { kind: "section", name: "two", body: [store("out", int(0), a(local("t", "int32")))] },
    ),
    "t is not in scope",
  ],
  "a name that is declared twice": [
    kernel(loop("i", 4, loop("i", 4, store("out", i, float(0))))),
    "i is declared twice",
  ],
  "an assignment to a name that does not exist": [
    kernel({ kind: "assign", name: "s", value: float(0) }),
    "assignment to unknown s",
  ],
  "a scalar that the kernel does not declare": [
    kernel(store("out", int(0), scalar("momentum", "float32"))),
    "unknown scalar momentum",
  ],
  "an extent that is no whole number": [kernel(loop("i", 2.5)), "loop i has extent 2.5"],
};

describe("finds", () => {
  test.each(Object.entries(BROKEN))("%s", (_what, [broken, message]) => {
    expect(() => verifyKernel(broken)).toThrow(InternalError);
    expect(() => verifyKernel(broken)).toThrow(message);
    expect(() => verifyKernel(broken)).toThrow("kernel k: ");
  });

  test("a value in a local before it is stored with a range", () => {
    const through = (dtype: DType, value: Expr): Kernel =>
      kernel(
        loop("i", 4, { kind: "let", name: "t", value }, store("winner", i, cast(local("t", dtype), "uint8"))),
      );
    expect(() => verifyKernel(through("int32", i))).not.toThrow();
    expect(() => verifyKernel(through("int32", add(i, int(1))))).toThrow("winner holds 0..3");
  });

  test("nothing wrong with a conjunction of guards on two axes", () => {
    const [row, column] = [sub(i, int(1)), sub(j, int(1))];
    const guard = and(inRange(row, 2), inRange(column, 4));
    const body = loop(
      "i",
      4,
      loop("j", 6, store("out", int(0), select(guard, a(add(mul(row, int(4)), column)), float(0)))),
    );
    expect(() => verifyKernel(kernel(body))).not.toThrow();
  });
});

test("a byte in a local keeps its range", () => {
  const body = loop(
    "i",
    4,
    { kind: "let", name: "t", value: cast(i, "uint8") },
    store("winner", i, local("t", "uint8")),
  );
  expect(() => verifyKernel(kernel(body))).not.toThrow();
});

test("finds a load behind the end in the index of a store", () => {
  expect(() => verifyKernel(kernel(store("out", load("list", "int32", int(9)), float(0))))).toThrow(
    "load of list[4] at 9",
  );
});

test("finds a load behind the end in the base of an append", () => {
  const body = loop("i", 1, append("n", 1, load("zero", "int32", int(1)), i));
  expect(() => verifyKernel(kernel(counter("n", 1), body))).toThrow("load of zero[1] at 1");
});
