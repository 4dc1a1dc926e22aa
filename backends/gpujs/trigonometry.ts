/**
 * Trigonometric and hyperbolic functions in operations that every mode has: those of
 * GPUs have few correct digits, and gpu.js has no hyperbolic ones in all modes. Sines
 * of angles beyond `FAR` are the mode's own, and on a GPU as inaccurate as that.
 */

import { expm1, log1p, type Statements } from "./functions.ts";

/** π/2 in parts of 8 bits and the rest: products with up to 2¹⁶ are exact in float32. */
const PARTS = [1.5703125, 0.0004825592041015625, 1.2665987014770508e-6, 9.920935796805404e-10];
/** Beyond this there are more quarter turns than products with parts are exact for. */
const FAR = 1e5;

const SINE = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362_880];
const COSINE = [1, -1 / 2, 1 / 24, -1 / 720, 1 / 40_320, -1 / 3_628_800];
/** Of atan(s)/s in powers of s², where |s| <= tan(π/8). */
const ATAN = Array.from({ length: 10 }, (_, k) => (k % 2 === 0 ? 1 : -1) / (2 * k + 1));

const number = (value: number): string => (Number.isInteger(value) ? `${value}.0` : `${value}`);
const polynomial = (coefficients: readonly number[], x: string): string =>
  coefficients
    .slice(0, -1)
    .reduceRight((inner, c) => `(${number(c)} + ${x} * ${inner})`, number(coefficients.at(-1)!));

const within = (s: Statements): Statements => ({
  emit: (line) => s.emit(`  ${line}`),
  fresh: (stem) => s.fresh(stem),
});

function named(s: Statements, stem: string, text: string): string {
  const name = s.fresh(stem);
  s.emit(`const ${name} = ${text};`);
  return name;
}

/** Sine and cosine of an angle within the exact range, and its quadrant. */
function waves(s: Statements, angle: string) {
  const quarters = named(s, "quarters", `Math.floor(${angle} * ${2 / Math.PI} + 0.5)`);
  const rest = PARTS.reduce((left, part) => named(s, "rest", `${left} - ${quarters} * ${part}`), angle);
  const square = named(s, "square", `${rest} * ${rest}`);
  const sine = named(s, "sine", `${rest} * ${polynomial(SINE, square)}`);
  const cosine = named(s, "cosine", polynomial(COSINE, square));
  return { quarters, sine, cosine };
}

/** Which of the four quadrants, counted from 0. */
const quarterOf = (s: Statements, quarters: string): string =>
  named(s, "quarter", `${quarters} - 4.0 * Math.floor(${quarters} * 0.25)`);

/** The sine or, a quarter turn ahead, the cosine. */
export function wave(s: Statements, x: string, name: "sin" | "cos"): string {
  const result = s.fresh(`${name}_`);
  s.emit(`let ${result} = 0.0;`);
  s.emit(`if (Math.abs(${x}) < ${number(FAR)}) {`);
  const inner = within(s);
  const { quarters, sine, cosine } = waves(inner, x);
  const quarter = quarterOf(inner, name === "sin" ? quarters : named(inner, "ahead", `${quarters} + 1.0`));
  inner.emit(`${result} = ${sine};`);
  inner.emit(`if (${quarter} > 0.5) { ${result} = ${cosine}; }`);
  inner.emit(`if (${quarter} > 1.5) { ${result} = -1.0 * ${sine}; }`);
  inner.emit(`if (${quarter} > 2.5) { ${result} = -1.0 * ${cosine}; }`);
  s.emit(`} else { ${result} = Math.${name}(${x}); }`);
  return result;
}

function tan(s: Statements, x: string): string {
  const result = s.fresh("tan_");
  s.emit(`let ${result} = 0.0;`);
  s.emit(`if (Math.abs(${x}) < ${number(FAR)}) {`);
  const inner = within(s);
  const { quarters, sine, cosine } = waves(inner, x);
  const quarter = quarterOf(inner, quarters);
  inner.emit(`${result} = ${sine} / ${cosine};`);
  inner.emit(`if (${quarter} === 1.0 || ${quarter} === 3.0) { ${result} = -1.0 * ${cosine} / ${sine}; }`);
  s.emit(`} else { ${result} = Math.sin(${x}) / Math.cos(${x}); }`);
  return result;
}

/** The angle of the point (x, y), from that of the smaller coordinate over the larger. */
export function atan2(s: Statements, y: string, x: string): string {
  const [across, up] = [named(s, "across", `Math.abs(${x})`), named(s, "up", `Math.abs(${y})`)];
  const result = s.fresh("angle");
  s.emit(`let ${result} = 0.0;`);
  const t = s.fresh("t");
  s.emit(`let ${t} = Math.min(${across}, ${up}) / Math.max(${across}, ${up});`);
  // Neither two infinities nor two zeros have a quotient.
  s.emit(`if (${across} === ${up}) { ${t} = 1.0; }`);
  s.emit(`if (${across} === 0.0 && ${up} === 0.0) { ${t} = 0.0; }`);
  s.emit(`if (${t} > ${Math.tan(Math.PI / 8)}) {`);
  const series = (on: Statements, value: string): string =>
    `${value} * ${polynomial(ATAN, named(on, "square", `${value} * ${value}`))}`;
  const inner = within(s);
  const turned = named(inner, "turned", `(${t} - 1.0) / (${t} + 1.0)`);
  inner.emit(`${result} = ${Math.PI / 4} + ${series(inner, turned)};`);
  s.emit("} else {");
  inner.emit(`${result} = ${series(inner, t)};`);
  s.emit("}");
  s.emit(`if (${up} > ${across}) { ${result} = ${Math.PI / 2} - ${result}; }`);
  s.emit(`if (${x} < 0.0) { ${result} = ${Math.PI} - ${result}; }`);
  s.emit(`if (${y} < 0.0) { ${result} = -1.0 * ${result}; }`);
  // NaN compares unequal to everything.
  s.emit(`if (${x} !== ${x} || ${y} !== ${y}) { ${result} = ${x} + ${y}; }`);
  return result;
}

const otherLeg = (s: Statements, x: string): string =>
  named(s, "leg", `Math.sqrt((1.0 - ${x}) * (1.0 + ${x}))`);

const atan = (s: Statements, x: string): string => atan2(s, x, named(s, "one", "1.0"));
const asin = (s: Statements, x: string): string => atan2(s, x, otherLeg(s, x));
const acos = (s: Statements, x: string): string => atan2(s, otherLeg(s, x), x);

/** `value`, computed from the size of `x`, with the sign of `x`. */
function withSign(s: Statements, x: string, value: string): string {
  const result = s.fresh("signed");
  s.emit(`let ${result} = ${value};`);
  s.emit(`if (${x} < 0.0) { ${result} = -1.0 * ${result}; }`);
  return result;
}

const size = (s: Statements, x: string): string => named(s, "size", `Math.abs(${x})`);

/** By halves of the exponent, so that no power overflows before the result does. */
function sinh(s: Statements, x: string): string {
  const own = size(s, x);
  const result = s.fresh("sinh_");
  s.emit(`let ${result} = 0.0;`);
  s.emit(`if (${own} < 40.0) {`);
  const inner = within(s);
  const growth = expm1(inner, own);
  inner.emit(`${result} = 0.5 * (${growth} + ${growth} / (${growth} + 1.0));`);
  s.emit("} else {");
  const half = named(inner, "half", `Math.exp(0.5 * ${own})`);
  inner.emit(`${result} = 0.5 * ${half} * ${half};`);
  s.emit("}");
  return withSign(s, x, result);
}

function cosh(s: Statements, x: string): string {
  const half = named(s, "half", `Math.exp(0.5 * Math.abs(${x}))`);
  return named(s, "cosh_", `0.5 * ${half} * ${half} + 0.5 / ${half} / ${half}`);
}

/** `asinh|x| = ln(1 + |x| + x²/(1 + √(1 + x²)))`, of large numbers `ln 2|x|`. */
function asinh(s: Statements, x: string): string {
  const own = size(s, x);
  const result = s.fresh("asinh_");
  s.emit(`let ${result} = 0.0;`);
  s.emit(`if (${own} < 1e9) {`);
  const inner = within(s);
  const square = named(inner, "square", `${own} * ${own}`);
  const grown = named(inner, "grown", `${own} + ${square} / (1.0 + Math.sqrt(1.0 + ${square}))`);
  inner.emit(`${result} = ${log1p(inner, grown)};`);
  s.emit(`} else { ${result} = Math.log(${own}) + ${Math.LN2}; }`);
  return withSign(s, x, result);
}

/** `acosh x = ln(1 + t + √(2t + t²))` with `t = x - 1`. */
function acosh(s: Statements, x: string): string {
  const result = s.fresh("acosh_");
  s.emit(`let ${result} = 0.0;`);
  s.emit(`if (${x} < 1e9) {`);
  const inner = within(s);
  const t = named(inner, "t", `${x} - 1.0`);
  const grown = named(inner, "grown", `${t} + Math.sqrt(${t}) * Math.sqrt(${t} + 2.0)`);
  inner.emit(`${result} = ${log1p(inner, grown)};`);
  s.emit(`} else { ${result} = Math.log(${x}) + ${Math.LN2}; }`);
  return result;
}

/** `atanh|x| = ln(1 + 2|x|/(1 - |x|))/2`. */
function atanh(s: Statements, x: string): string {
  const own = size(s, x);
  const logarithm = log1p(s, named(s, "ratio", `2.0 * ${own} / (1.0 - ${own})`));
  return withSign(s, x, `0.5 * ${logarithm}`);
}

/** The functions of one number that differ only in name. */
export const FUNCTIONS = {
  ...{ tan, asin, acos, atan },
  ...{ sinh, cosh, asinh, acosh, atanh },
};
