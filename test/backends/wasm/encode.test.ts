/** The encoder: numbers as bytes, every kind of instruction in a module that the engine accepts and runs, and text. */

import { describe, expect, test } from "vitest";
import { ByteWriter } from "../../../backends/wasm/encode/bytes.ts";
import {
  block,
  branch,
  call,
  choose,
  comment,
  extract,
  f32,
  f64,
  get,
  getGlobal,
  type Instruction,
  i32,
  i64,
  type Local,
  loadAt,
  loop,
  operation,
  replace,
  selectValue,
  set,
  setGlobal,
  shuffle,
  storeAt,
  tee,
  vector,
  when,
} from "../../../backends/wasm/encode/instructions.ts";
import { encodeModule, type WasmFunction, type WasmModule } from "../../../backends/wasm/encode/module.ts";
import {
  EXTRACTS,
  LOADS,
  OPERATIONS,
  type OperationName,
  REPLACES,
  STORES,
  type ValueType,
} from "../../../backends/wasm/encode/operations.ts";
import { printFunction } from "../../../backends/wasm/encode/text.ts";
import { engine } from "../../../backends/wasm/engine.ts";

const wasm = engine()!;

const functionOf = (
  name: string,
  results: readonly ValueType[],
  body: readonly Instruction[],
  parts: Partial<WasmFunction> = {},
): WasmFunction => ({ name, parameters: [], results, locals: [], body, exported: true, ...parts });

const moduleOf = (functions: readonly WasmFunction[], parts: Partial<WasmModule> = {}): WasmModule => ({
  name: "test",
  imports: [],
  globals: [],
  functions,
  ownMemory: { minimum: 1, maximum: 2, field: "memory" },
  ...parts,
});

async function instantiate(
  module: WasmModule,
): Promise<Readonly<Record<string, (...x: number[]) => unknown>>> {
  const bytes = encodeModule(module);
  expect(wasm.validate(bytes)).toBe(true);
  return (await wasm.instantiate(await wasm.compile(bytes), {})).exports;
}

const ZEROS: Readonly<Record<ValueType, Instruction>> = {
  i32: i32(0),
  i64: i64(0),
  f32: f32(0),
  f64: f64(0),
  v128: vector("i32x4", [0, 0, 0, 0]),
};

describe("numbers as bytes", () => {
  test.each<[number, number[]]>([
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 0x01]],
    [624485, [0xe5, 0x8e, 0x26]],
    [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])("%d unsigned", (value, bytes) => {
    expect([...new ByteWriter().unsigned(value).finish()]).toEqual(bytes);
  });

  test.each<[bigint, number[]]>([
    [0n, [0]],
    [63n, [0x3f]],
    [64n, [0xc0, 0x00]],
    [-1n, [0x7f]],
    [-64n, [0x40]],
    [-65n, [0xbf, 0x7f]],
    [-123456n, [0xc0, 0xbb, 0x78]],
    [-(2n ** 63n), [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]],
  ])("%d signed", (value, bytes) => {
    expect([...new ByteWriter().signed(value).finish()]).toEqual(bytes);
  });

  test("more than a block of bytes", () => {
    const bytes = new ByteWriter().append(new Uint8Array(5000).fill(7)).name("é").finish();
    expect(bytes.length).toBe(5003);
    expect([...bytes.slice(-3)]).toEqual([2, 0xc3, 0xa9]);
  });

  test("what is no unsigned 32-bit number is refused", () => {
    expect(() => new ByteWriter().unsigned(-1)).toThrow("-1");
    expect(() => new ByteWriter().unsigned(2 ** 32)).toThrow("4294967296");
  });
});

describe("instructions", () => {
  // The engine checks code and types against each other: a wrong code would not validate, but for equal types.
  const relaxed = (name: string): boolean => name.includes("relaxed");
  test.each(Object.keys(OPERATIONS).filter((name) => !relaxed(name)) as OperationName[])("%s", (name) => {
    const { operands, result } = OPERATIONS[name];
    const value = operation(name, ...operands.map((type) => ZEROS[type]));
    expect(wasm.validate(encodeModule(moduleOf([functionOf("f", [result], [value])])))).toBe(true);
  });

  test("loads, stores and lanes", () => {
    const loads = Object.entries(LOADS).map(([name, { type }]) =>
      functionOf(name, [type], [loadAt(name as keyof typeof LOADS, i32(8), 300)]),
    );
    const stores = Object.entries(STORES).map(([name, { type }]) =>
      functionOf(name, [], [storeAt(name as keyof typeof STORES, i32(8), ZEROS[type], 5)]),
    );
    const lanes = [
      ...Object.entries(EXTRACTS).map(([name, { scalar }]) =>
        functionOf(name, [scalar], [extract(name as keyof typeof EXTRACTS, 3, ZEROS.v128)]),
      ),
      ...Object.entries(REPLACES).map(([name, { scalar }]) =>
        functionOf(name, ["v128"], [replace(name as keyof typeof REPLACES, 2, ZEROS.v128, ZEROS[scalar])]),
      ),
    ];
    expect(wasm.validate(encodeModule(moduleOf([...loads, ...stores, ...lanes])))).toBe(true);
  });

  test("arithmetic, told apart from others of the same type", async () => {
    const cases: readonly (readonly [OperationName, number, number, number])[] = [
      ["i32.add", 7, 3, 10],
      ["i32.sub", 7, 3, 4],
      ["i32.mul", 7, 3, 21],
      ["i32.div_s", -7, 2, -3],
      ["i32.div_u", 7, 2, 3],
      ["i32.rem_s", -7, 2, -1],
      ["i32.rem_u", 7, 2, 1],
      ["i32.and", 6, 3, 2],
      ["i32.or", 6, 3, 7],
      ["i32.xor", 6, 3, 5],
      ["i32.shl", 3, 2, 12],
      ["i32.shr_u", -1, 31, 1],
      ["i32.eq", 2, 2, 1],
      ["i32.ne", 2, 2, 0],
      ["i32.lt_s", -1, 0, 1],
      ["i32.lt_u", -1, 0, 0],
      ["i32.gt_s", -1, 0, 0],
      ["i32.gt_u", -1, 0, 1],
      ["i32.le_s", 0, 0, 1],
      ["i32.le_u", -1, 0, 0],
      ["i32.ge_s", -1, 0, 0],
      ["i32.ge_u", -1, 0, 1],
    ];
    const exports = await instantiate(
      moduleOf(cases.map(([name, a, b]) => functionOf(name, ["i32"], [operation(name, i32(a), i32(b))]))),
    );
    for (const [name, , , expected] of cases) expect(exports[name](), name).toBe(expected);
  });

  test("vectors of four numbers, told apart", async () => {
    const [a, b] = [vector("f32x4", [1, -2, 3, 4]), vector("f32x4", [2, 2, -5, 4])];
    const cases: readonly (readonly [OperationName, readonly number[]])[] = [
      ["f32x4.add", [3, 0, -2, 8]],
      ["f32x4.sub", [-1, -4, 8, 0]],
      ["f32x4.mul", [2, -4, -15, 16]],
      ["f32x4.div", [0.5, -1, Math.fround(-3 / 5), 1]],
      ["f32x4.min", [1, -2, -5, 4]],
      ["f32x4.max", [2, 2, 3, 4]],
    ];
    const lanes = [0, 1, 2, 3];
    const exports = await instantiate(
      moduleOf(
        cases.flatMap(([name]) =>
          lanes.map((lane) =>
            functionOf(
              `${name}${lane}`,
              ["f32"],
              [extract("f32x4.extract_lane", lane, operation(name, a, b))],
            ),
          ),
        ),
      ),
    );
    for (const [name, expected] of cases)
      expect(
        lanes.map((lane) => exports[`${name}${lane}`]()),
        name,
      ).toEqual(expected);
  });

  test("operands of the wrong type or number are refused where the tree is built", () => {
    expect(() => operation("f32.add", f32(1), i32(1))).toThrow("f32.add takes f32 f32, not f32 i32");
    expect(() => operation("f32.neg", f32(1), f32(1))).toThrow("f32.neg takes f32");
    expect(() => set({ name: "x", type: "f32" }, i32(1))).toThrow("x: f32 is given i32");
    expect(() => loadAt("f32.load", f32(1))).toThrow("address of type f32");
    expect(() => selectValue(i32(1), f32(1), i32(1))).toThrow("select");
  });
});

describe("modules", () => {
  const n: Local = { name: "n", type: "i32" };
  const k: Local = { name: "k", type: "i32" };
  const sum: Local = { name: "sum", type: "f64" };
  const isNegative = operation("i32.lt_s", get(n), i32(0));
  const below = operation("i32.le_s", get(k), get(n));

  /** Σ 1…n, in a global as well; -1 for negative n. */
  const triangle = functionOf(
    "triangle",
    ["f64"],
    [
      comment("adds up"),
      block("end", [
        branch("end", isNegative),
        loop("again", [
          set(sum, operation("f64.add", get(sum), operation("f64.convert_i32_s", get(k)))),
          set(k, operation("i32.add", get(k), i32(1))),
          branch("again", below),
        ]),
      ]),
      when(isNegative, [set(sum, f64(-1))]),
      setGlobal("last", get(sum)),
      call("nothing", "none"),
      getGlobal("last", "f64"),
    ],
    { parameters: [n], locals: [sum, k], comments: ["triangle: test"] },
  );
  const nothing = functionOf("nothing", [], [], { exported: false });
  const globals = [{ name: "last", type: "f64", mutable: true, initial: 0.5 }] as const;

  test("control flow, locals of several types, globals and calls", async () => {
    const exports = await instantiate(moduleOf([nothing, triangle], { globals }));
    expect(exports.triangle(10)).toBe(55);
    expect(exports.triangle(-3)).toBe(-1);
  });

  test("choices, tees and shuffles", async () => {
    const v: Local = { name: "v", type: "v128" };
    const reversed = shuffle(
      [12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3],
      tee(v, vector("i32x4", [1, 2, 3, 4])),
      get(v),
    );
    const first = extract("i32x4.extract_lane", 0, reversed);
    const either = selectValue(get(n), vector("i32x4", [5, 5, 5, 5]), vector("i32x4", [6, 6, 6, 6]));
    const exports = await instantiate(
      moduleOf([
        functionOf("first", ["i32"], [choose(get(n), first, i32(-1))], { parameters: [n], locals: [v] }),
        functionOf("either", ["i32"], [extract("i32x4.extract_lane", 2, either)], { parameters: [n] }),
      ]),
    );
    expect([exports.first(1), exports.first(0)]).toEqual([4, -1]);
    expect([exports.either(1), exports.either(0)]).toEqual([5, 6]);
  });

  test("imported functions come before the module's own", async () => {
    const imports = [
      { module: "host", field: "twice", name: "twice", parameters: ["i32"], results: ["i32"] },
    ] as const;
    const f = functionOf("f", ["i32"], [call("twice", "i32", get(n))], { parameters: [n] });
    const bytes = encodeModule(moduleOf([nothing, f], { imports }));
    const host = { twice: (x: number) => 2 * x };
    const { exports } = await wasm.instantiate(await wasm.compile(bytes), { host });
    expect(exports.f(21)).toBe(42);
  });

  test("a shared memory must state its maximum, and is then accepted", () => {
    const shared = (maximum?: number): WasmModule =>
      moduleOf([nothing], {
        ownMemory: { minimum: 1, field: "memory", shared: true, ...(maximum && { maximum }) },
      });
    expect(() => encodeModule(shared())).toThrow("maximum");
    expect(wasm.validate(encodeModule(shared(4)))).toBe(true);
  });

  test("names that are not there, or twice, are refused", () => {
    expect(() => encodeModule(moduleOf([nothing, nothing]))).toThrow("unique");
    expect(() => encodeModule(moduleOf([functionOf("f", [], [call("g", "none")])]))).toThrow(
      "g is not declared",
    );
    expect(() => encodeModule(moduleOf([functionOf("f", [], [branch("x")])]))).toThrow("no label x");
    expect(() => encodeModule(moduleOf([functionOf("f", ["i32"], [get(n)])]))).toThrow("n is not declared");
  });

  test("names longer than a line leave every bracket closed", () => {
    const long: Local = { name: "n".repeat(150), type: "i32" };
    const text = printFunction(functionOf("f", [], [set(n, operation("i32.add", get(long), i32(1)))]));
    expect(text.split("(").length).toBe(text.split(")").length);
  });

  test("the text shows what is encoded", () => {
    expect(printFunction(triangle)).toMatchInlineSnapshot(`
      ";; triangle: test
      (func $triangle (export "triangle") (param $n i32) (result f64)
        (local $sum f64)
        (local $k i32)
        ;; adds up
        (block $end
          (br_if $end (i32.lt_s (local.get $n) (i32.const 0)))
          (loop $again
            (local.set $sum (f64.add (local.get $sum) (f64.convert_i32_s (local.get $k))))
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (br_if $again (i32.le_s (local.get $k) (local.get $n)))
          )
        )
        (if
          (i32.lt_s (local.get $n) (i32.const 0))
          (then
            (local.set $sum (f64.const -1))
          )
        )
        (global.set $last (local.get $sum))
        (call $nothing)
        (global.get $last)
      )"
    `);
  });
});
