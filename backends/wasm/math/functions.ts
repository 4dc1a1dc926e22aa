/**
 * The elementary functions: those that training calls for every element in single precision, as code in loops of four
 * lanes; the others as functions of a module, with two pairs of doubles. For one float32 all are functions.
 */

import {
  call,
  extract,
  get,
  type Instruction,
  type Local,
  operation,
  sequence,
  shuffle,
} from "../encode/instructions.ts";
import type { WasmFunction } from "../encode/module.ts";
import { Doubles } from "./doubles.ts";
import * as inFloats from "./float-formulas.ts";
import { Alone, type Around, Floats } from "./floats.ts";
import { pow } from "./formulas.ts";
import { acosh, asinh, atanh, cosh, sinh } from "./hyperbolic.ts";
import { fmod } from "./remainder.ts";
import { acos, asin, atan, atan2, cos, sin, tan } from "./trigonometry.ts";

type Formula = (m: Doubles, x: Instruction, y: Instruction) => Instruction;

/** On four float32 at once. */
export const SINGLE = { ...inFloats } satisfies Readonly<
  Record<string, (m: Floats, x: Instruction) => Instruction>
>;
const UNARY = {
  ...{ sin, cos, tan, asin, acos, atan },
  ...{ sinh, cosh, asinh, acosh, atanh },
} satisfies Readonly<Record<string, Formula>>;
const BINARY = { pow, atan2, fmod } satisfies Readonly<Record<string, Formula>>;

export type DoubleFunction = keyof typeof UNARY | keyof typeof BINARY;
export type MathFunction = DoubleFunction | keyof typeof SINGLE;

export const FORMULAS: Readonly<Record<DoubleFunction, Formula>> = { ...UNARY, ...BINARY };

export const MATH_FUNCTIONS = Object.keys({ ...SINGLE, ...FORMULAS }) as readonly MathFunction[];

/** Whether a function is computed in single precision. */
export const isSingle = (name: MathFunction): name is keyof typeof SINGLE => Object.hasOwn(SINGLE, name);

/** Whether a function takes two numbers. */
export const isBinary = (name: MathFunction): name is keyof typeof BINARY => Object.hasOwn(BINARY, name);

const parametersOf = (name: MathFunction, type: Local["type"]): readonly Local[] =>
  (isBinary(name) ? ["a", "b"] : ["a"]).map((parameter) => ({ name: parameter, type }));

/** Moves the upper two floats to the lower two: bytes 8 … 15 first. */
const UPPER_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
/** The lower halves of two vectors in one. */
const LOWER_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

/** The name in the module of the scalar form, or of the form for four numbers. */
export const mathName = (name: MathFunction, isVector: boolean): string =>
  isVector ? `math_${name}_f32x4` : `math_${name}_f32`;

/** The value of a single-precision function of four float32, as code inlined into `around`. */
export function inLanes(name: keyof typeof SINGLE, argument: Instruction, around: Around): Instruction {
  const m = new Floats({
    local: (part) => around.local(`${name}.${part}`),
    constant: (shape, value) => around.constant(shape, value),
    usesRelaxedMadd: around.usesRelaxedMadd,
  });
  const value = SINGLE[name](m, m.name("of", argument));
  return sequence(m.body, value);
}

/**
 * `name` for one float32. In single precision it is one lane of the form for four, so that both give the same bits,
 * with and without multiply-adds of the engine.
 */
export function scalarFunction(name: MathFunction, usesRelaxedMadd: boolean): WasmFunction {
  const parameters = parametersOf(name, "f32");
  if (isSingle(name)) {
    const around = new Alone(usesRelaxedMadd);
    const value = inLanes(name, operation("f32x4.splat", get(parameters[0])), around);
    return {
      name: mathName(name, false),
      parameters,
      results: ["f32"],
      locals: around.locals,
      body: [extract("f32x4.extract_lane", 0, value)],
      exported: false,
      comments: [`${name} of one number`],
    };
  }
  const m = new Doubles(false);
  const [x, y] = parameters.map((p) => m.name(`${p.name}_double`, operation("f64.promote_f32", get(p))));
  const result = FORMULAS[name](m, x, y);
  return {
    name: mathName(name, false),
    parameters,
    results: ["f32"],
    locals: m.locals,
    body: [...m.body, operation("f32.demote_f64", result)],
    exported: false,
    comments: [`${name} of one number`],
  };
}

/** `name` in double precision for four float32, and the function for two doubles that it calls. */
export function vectorFunctions(name: DoubleFunction): readonly WasmFunction[] {
  const parameters = parametersOf(name, "v128");
  const m = new Doubles(true);
  const [a, b] = parameters.map(get);
  const pair: WasmFunction = {
    name: `math_${name}_f64x2`,
    parameters,
    results: ["v128"],
    body: [],
    locals: [],
    exported: false,
    comments: [`${name} of two doubles`],
  };
  const result = FORMULAS[name](m, a, b);
  const half = (of: (value: Instruction) => Instruction): Instruction => {
    const operands = parameters.map((p) => operation("f64x2.promote_low_f32x4", of(get(p))));
    return operation("f32x4.demote_f64x2_zero", call(pair.name, "v128", ...operands));
  };
  const four: WasmFunction = {
    name: mathName(name, true),
    parameters,
    results: ["v128"],
    locals: [],
    body: [
      shuffle(
        LOWER_HALVES,
        half((value) => value),
        half((value) => shuffle(UPPER_HALF, value, value)),
      ),
    ],
    exported: false,
    comments: [`${name} of four numbers`],
  };
  return [{ ...pair, locals: m.locals, body: [...m.body, result] }, four];
}
