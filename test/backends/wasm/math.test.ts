/** The elementary functions of generated modules against the engine's Math, in units of the last place of float32. */

import { describe, expect, test } from "vitest";
import { call, get, i32, type Local, loadAt, storeAt } from "../../../backends/wasm/encode/instructions.ts";
import { encodeModule, type WasmFunction } from "../../../backends/wasm/encode/module.ts";
import { type EngineMemory, engine, hasRelaxedMadd } from "../../../backends/wasm/engine.ts";
import { Alone } from "../../../backends/wasm/math/floats.ts";
import {
  inLanes,
  isBinary,
  isSingle,
  MATH_FUNCTIONS,
  type MathFunction,
  mathName,
  scalarFunction,
  vectorFunctions,
} from "../../../backends/wasm/math/functions.ts";
import { generator } from "../../support/draw.ts";

type Numbers = readonly number[];

/** The function of one number, and that of four by way of memory; of single precision also with multiply-adds. */
async function load(name: MathFunction, usesRelaxedMadd = false) {
  const count = isBinary(name) ? 2 : 1;
  const to: Local = { name: "to", type: "i32" };
  const operands = Array.from({ length: count }, (_, k) => loadAt("v128.load", i32(16 * k)));
  const around = new Alone(usesRelaxedMadd);
  const inFour = isSingle(name)
    ? inLanes(name, operands[0], around)
    : call(mathName(name, true), "v128", ...operands);
  const four: WasmFunction = {
    name: "four",
    parameters: [to],
    results: [],
    locals: around.locals,
    body: [storeAt("v128.store", get(to), inFour)],
    exported: true,
  };
  const one = { ...scalarFunction(name, usesRelaxedMadd), exported: true };
  const functions = [one, ...(isSingle(name) ? [] : vectorFunctions(name)), four];
  const bytes = encodeModule({
    name,
    imports: [],
    globals: [],
    functions,
    ownMemory: { minimum: 1, field: "memory" },
  });
  const wasm = engine()!;
  expect(wasm.validate(bytes)).toBe(true);
  const { exports } = await wasm.instantiate(await wasm.compile(bytes), {});
  const memory = exports.memory as unknown as EngineMemory;
  const floats = new Float32Array(memory.buffer);
  const ofOne = exports[mathName(name, false)] as (...x: number[]) => number;
  return {
    one: (...x: number[]): number => ofOne(...x),
    four(...x: readonly Numbers[]): Numbers {
      x.forEach((lanes, k) => {
        floats.set(lanes, 4 * k);
      });
      exports.four(64);
      return [...floats.slice(16, 20)];
    },
  };
}

/** Numbers in the order of their values, so that neighbours differ by 1. */
function position(x: number): number {
  const bits = new Int32Array(Float32Array.of(x).buffer)[0];
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

function unitsApart(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Object.is(a, b) ? 0 : Number.POSITIVE_INFINITY;
  return Math.abs(position(a) - position(b));
}

/** `e^x` has no denormal results: what is below the smallest normal number is 0. */
function expected(name: MathFunction, x: number, y: number): number {
  const value = Math.fround(name === "fmod" ? x % y : isBinary(name) ? Math[name](x, y) : Math[name](x));
  return name === "exp" && value < 2 ** -126 ? 0 : value;
}

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  Infinity,
  -Infinity,
  NaN,
  1e-40,
  -1e-40,
  88.7,
  88.8,
  -87,
  -104,
  3e38,
];

describe.each(["sin", "cos", "tan"] as const)("%s of large angles", (name) => {
  test("is float32's nearest however many turns there are, and next to multiples of a quarter", async () => {
    const { one } = await load(name);
    const random = generator(3);
    let worst = 0;
    for (let k = 0; k < 10_000; k++) {
      const quarters = Math.round(random() * 2 ** (random() * 80));
      const x = Math.fround(k % 2 === 0 ? quarters * (Math.PI / 2) : (random() + 1) * 2 ** (random() * 127));
      worst = Math.max(worst, unitsApart(one(x, 0), expected(name, x, 0)));
    }
    expect(worst).toBeLessThanOrEqual(1);
  });
});

describe("fmod", () => {
  test("is exact for quotients of any size", async () => {
    const { one } = await load("fmod");
    const random = generator(4);
    for (let k = 0; k < 10_000; k++) {
      const [x, y] = [1, 2].map(() => Math.fround((random() - 0.5) * 2 ** (random() * 250 - 125)));
      if (y !== 0) expect(one(x, y), `${x} by ${y}`).toBe(x % y);
    }
  });
});

/** With multiply-adds rounded twice, and where the engine has them rounded once. */
const FORMS = [false, ...(hasRelaxedMadd() ? [true] : [])];

describe.each(
  MATH_FUNCTIONS.flatMap((name) => (isSingle(name) ? FORMS : [false]).map((fused) => ({ name, fused }))),
)("$name, multiply-adds rounded once: $fused", ({ name, fused }) => {
  test("is float32's nearest to the engine's result over all magnitudes", async () => {
    const { one } = await load(name, fused);
    const random = generator(1);
    let worst = 0;
    for (let k = 0; k < 40_000; k++) {
      const x = Math.fround((random() * 2 - 1) * 10 ** (random() * 10 - 7));
      const y = Math.fround((random() * 2 - 1) * 8);
      worst = Math.max(worst, unitsApart(one(x, y), expected(name, x, y)));
    }
    // Doubles have some 40 good bits, so that only near ties fall apart; single precision errs by less than one unit.
    expect(worst).toBeLessThanOrEqual(1);
  });

  test("follows the engine at the ends: zeros with their signs, infinities, NaN, overflow", async () => {
    const { one } = await load(name, fused);
    for (const given of SPECIAL) {
      for (const y of isBinary(name) ? SPECIAL : [0]) {
        const x = Math.fround(given);
        const [actual, wanted] = [one(x, Math.fround(y)), expected(name, x, Math.fround(y))];
        // Single precision is off by less than one unit where a result is neither a limit nor exact.
        const most = isSingle(name) && Number.isFinite(wanted) && !Number.isInteger(wanted) ? 1 : 0;
        const units = unitsApart(actual, wanted);
        expect(units, `${name}(${x}, ${y}) is ${actual}, not ${wanted}`).toBeLessThanOrEqual(most);
        if (wanted === 0) expect(Object.is(actual, wanted), `the sign of ${name}(${x}, ${y})`).toBe(true);
      }
    }
  });

  test("gives the same bits for four numbers as for one", async () => {
    const { one, four } = await load(name, fused);
    const random = generator(2);
    const draw = (): number => Math.fround((random() * 2 - 1) * 10 ** (random() * 6 - 3));
    const groups = [SPECIAL.slice(0, 4), SPECIAL.slice(4, 8), SPECIAL.slice(8, 12), SPECIAL.slice(12, 16)];
    for (let k = 0; k < 500; k++) groups.push([draw(), draw(), draw(), draw()]);
    for (const group of groups) {
      const y = group.map(draw);
      const x = group.map(Math.fround);
      expect(four(x, y)).toEqual(x.map((value, lane) => one(value, y[lane])));
    }
  });
});
