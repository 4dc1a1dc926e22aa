/** Types in kernels: loads, stores, operators and locals that do not have the type they ought to have are found and named. */

import { expect, test } from "vitest";
import { InternalError } from "../../src/core/errors.ts";
import { cast, compare, float, int, load, local, variable } from "../../src/loop/build.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { verifyKernel } from "../../src/loop/verify.ts";

const BUFFERS: readonly BufferParam[] = [
  { name: "out", dtype: "float32", length: 8, access: "write" },
  { name: "list", dtype: "int32", length: 4, access: "write" },
  { name: "bytes", dtype: "uint8", length: 4, access: "write" },
  { name: "winners", dtype: "int32", length: 4, access: "read" },
];

const kernel = (...body: Stmt[]): Kernel => ({
  name: "k",
  ops: [],
  buffers: BUFFERS,
  scalars: [],
  body,
  origins: [],
  nominalFlops: 0,
});

const store = (buffer: string, index: Expr, value: Expr): Stmt => ({ kind: "store", buffer, index, value });
const loop = (name: string, extent: number, ...body: Stmt[]): Stmt => ({
  kind: "for",
  name,
  extent,
  loop: "serial",
  body,
});
const counter: Stmt = { kind: "accumulator", name: "n", init: int(0), range: [0, 4] };
const append = (value: Expr): Stmt => ({
  kind: "append",
  count: "n",
  capacity: 4,
  condition: compare("ne", load("winners", "int32", int(0)), int(0)),
  base: int(0),
  values: [{ buffer: "list", value }],
});
const i = variable("i");

test("what has the right types passes, one name for two types in two bodies among it", () => {
  const part = (value: Expr, stored: Stmt): Stmt => ({
    kind: "section",
    name: "part",
    body: [{ kind: "let", name: "t", value }, stored],
  });
  const sound = kernel(
    part(float(1), store("out", int(0), local("t", "float32"))),
    part(load("winners", "int32", int(1)), store("list", int(0), local("t", "int32"))),
    part(cast(int(3), "uint8"), store("bytes", int(0), local("t", "uint8"))),
  );
  expect(() => verifyKernel(sound)).not.toThrow();
});

const BROKEN: Readonly<Record<string, readonly [kernel: Kernel, message: string]>> = {
  "a load of another type than its buffer's": [
    kernel(store("out", int(0), cast(load("winners", "uint8", int(0)), "float32"))),
    "winners holds int32, not uint8",
  ],
  "a store of another type than its buffer's": [
    kernel(store("out", int(0), int(1))),
    "out takes float32, not int32",
  ],
  "an entry of another type than its list's": [
    kernel(counter, loop("i", 4, append(cast(i, "float32")))),
    "list takes int32, not float32",
  ],
  "operands of two types": [
    kernel(store("out", int(0), { kind: "binary", dtype: "float32", op: "add", a: float(1), b: int(1) })),
    "add takes two of one type, not float32 and int32",
  ],
  "an operator that says it gives another type": [
    kernel(store("out", int(0), { kind: "binary", dtype: "float32", op: "add", a: int(1), b: int(1) })),
    "gives int32, not float32",
  ],
  "a choice that hangs on a number": [
    kernel(
      store("out", int(0), {
        kind: "select",
        dtype: "float32",
        condition: int(1),
        a: float(1),
        b: float(2),
      }),
    ),
    "the condition of select takes bool, not int32",
  ],
  "a local that is read as another type": [
    kernel({ kind: "let", name: "t", value: int(1) }, store("out", int(0), local("t", "float32"))),
    "t holds int32, not float32",
  ],
  "an accumulator that is given another type": [
    kernel(
      { kind: "accumulator", name: "sum", init: float(0) },
      { kind: "assign", name: "sum", value: int(1) },
    ),
    "the accumulator sum holds float32, not int32",
  ],
};

test.each(Object.entries(BROKEN))("finds %s", (_what, [broken, message]) => {
  expect(() => verifyKernel(broken)).toThrow(InternalError);
  expect(() => verifyKernel(broken)).toThrow(message);
  expect(() => verifyKernel(broken)).toThrow("kernel k: ");
});
