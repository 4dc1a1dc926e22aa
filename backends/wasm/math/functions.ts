/**
 * The elementary functions as functions of a module, on one float32 and on four: those that training calls for every
 * element in single precision, the others by way of two pairs of doubles.
 */

import {
  call,
  extract,
  get,
  type Instruction,
  type Local,
  operation,
  set,
  shuffle,
} from "../encode/instructions.ts";
import type { WasmFunction } from "../encode/module.ts";
import { Doubles } from "./doubles.ts";
import * as inFloats from "./float-formulas.ts";
import { Floats } from "./floats.ts";
import { expm1, log, log1p, pow } from "./formulas.ts";
import { acosh, asinh, atanh, cosh, sinh } from "./hyperbolic.ts";
import { fmod } from "./remainder.ts";
import { acos, asin, atan, atan2, cos, sin, tan } from "./trigonometry.ts";

type Formula = (m: Doubles, x: Instruction, y: Instruction) => Instruction;

/** On four float32 at once. */
const SINGLE = { exp: inFloats.exp, tanh: inFloats.tanh } satisfies Readonly<
  Record<string, (m: Floats, x: Instruction) => Instruction>
>;
const UNARY = {
  ...{ expm1, log, log1p },
  ...{ sin, cos, tan, asin, acos, atan },
  ...{ sinh, cosh, asinh, acosh, atanh },
} satisfies Readonly<Record<string, Formula>>;
const BINARY = { pow, atan2, fmod } satisfies Readonly<Record<string, Formula>>;

type DoubleFunction = keyof typeof UNARY | keyof typeof BINARY;
export type MathFunction = DoubleFunction | keyof typeof SINGLE;

const FORMULAS: Readonly<Record<DoubleFunction, Formula>> = { ...UNARY, ...BINARY };

export const MATH_FUNCTIONS = Object.keys({ ...SINGLE, ...FORMULAS }) as readonly MathFunction[];

/** Whether a function is computed in single precision. */
export const isSingle = (name: MathFunction): name is keyof typeof SINGLE => Object.hasOwn(SINGLE, name);

/** Whether a function takes two numbers. */
export const isBinary = (name: MathFunction): name is keyof typeof BINARY => Object.hasOwn(BINARY, name);

const parametersOf = (name: MathFunction, type: Local["type"]): readonly Local[] =>
  (isBinary(name) ? ["a", "b"] : ["a"]).map((parameter) => ({ name: parameter, type }));

/** Bytes 8 … 15 first: the upper two floats as the lower two. */
const UPPER_HALF = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
/** The lower halves of two vectors side by side. */
const LOWER_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

/** The name in the module of the scalar form, or of the form for four numbers. */
export const mathName = (name: MathFunction, isVector: boolean): string =>
  isVector ? `math_${name}_f32x4` : `math_${name}_f32`;

/** `name` for one float32. In single precision it is one lane of the form for four, so that it gives the same bits. */
export function scalarFunction(name: MathFunction): WasmFunction {
  const parameters = parametersOf(name, "f32");
  if (isSingle(name)) {
    const lanes: Local = { name: "lanes", type: "v128" };
    const m = new Floats();
    const value = SINGLE[name](m, get(lanes));
    return {
      name: mathName(name, false),
      parameters,
      results: ["f32"],
      locals: [lanes, ...m.locals],
      body: [
        set(lanes, operation("f32x4.splat", get(parameters[0]))),
        ...m.body,
        extract("f32x4.extract_lane", 0, value),
      ],
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

/** `name` for four float32, and in double precision the function for two that it calls. */
export function vectorFunctions(name: MathFunction): readonly WasmFunction[] {
  const parameters = parametersOf(name, "v128");
  if (isSingle(name)) {
    const m = new Floats();
    const value = SINGLE[name](m, get(parameters[0]));
    return [
      {
        name: mathName(name, true),
        parameters,
        results: ["v128"],
        locals: m.locals,
        body: [...m.body, value],
        exported: false,
        comments: [`${name} of four numbers`],
      },
    ];
  }
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
