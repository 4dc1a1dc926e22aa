/**
 * Functions that GPUs compute coarsely or not at all, in operations that every mode has: they stay
 * accurate near zero, where `exp(x) - 1` and the like have lost all digits.
 */

/** Takes statements, and returns names for their values. */
export interface Statements {
  emit(line: string): void;
  fresh(stem: string): string;
}

/** `e^x - 1` by its series where the difference would cancel: nine terms leave 1e-9 at 1/2. */
export function expm1(s: Statements, x: string): string {
  const result = s.fresh("expm1_");
  s.emit(`let ${result} = Math.exp(${x}) - 1.0;`);
  s.emit(`if (Math.abs(${x}) < 0.5) {`);
  const series = [9, 8, 7, 6, 5, 4, 3, 2].reduce(
    (inner, k) => `1.0 + ${x} * ${1 / k} * (${inner})`,
    `1.0 + ${x} * 0.1`,
  );
  s.emit(`  ${result} = ${x} * (${series});`);
  s.emit("}");
  return result;
}

/** `log(1 + x)`: around 0 as `2·atanh(x / (2 + x))` by its series, whose next term is below 1e-9. */
export function log1p(s: Statements, x: string): string {
  const result = s.fresh("log1p_");
  s.emit(`let ${result} = 0.0;`);
  s.emit(`if (${x} > -0.375 && ${x} < 0.5) {`);
  const [ratio, square] = [s.fresh("ratio"), s.fresh("square")];
  s.emit(`  const ${ratio} = ${x} / (2.0 + ${x});`);
  s.emit(`  const ${square} = ${ratio} * ${ratio};`);
  const series = [11, 9, 7, 5, 3].reduce((inner, k) => `${1 / k} + ${square} * (${inner})`, `${1 / 13}`);
  s.emit(`  ${result} = 2.0 * ${ratio} * (1.0 + ${square} * (${series}));`);
  s.emit("} else {");
  s.emit(`  ${result} = Math.log(1.0 + ${x});`);
  s.emit("}");
  return result;
}

/** The hyperbolic tangent by exponentials that cannot overflow; a GPU's own returns NaN for large arguments. */
export function tanh(s: Statements, x: string): string {
  const result = s.fresh("tanh_");
  s.emit(`let ${result} = 1.0 - 2.0 / (Math.exp(2.0 * Math.min(${x}, 20.0)) + 1.0);`);
  s.emit(`if (Math.abs(${x}) < 0.25) {`);
  const twice = s.fresh("twice");
  s.emit(`  const ${twice} = 2.0 * ${x};`);
  const grown = expm1({ emit: (line) => s.emit(`  ${line}`), fresh: (stem) => s.fresh(stem) }, twice);
  s.emit(`  ${result} = ${grown} / (${grown} + 2.0);`);
  s.emit("}");
  return result;
}

/** -1, 0 or 1; zeros and NaN are themselves. */
export function sign(s: Statements, x: string): string {
  const result = s.fresh("sign_");
  s.emit(`let ${result} = 0.0;`);
  s.emit(`if (${x} > 0.0) { ${result} = 1.0; }`);
  s.emit(`if (${x} < 0.0) { ${result} = -1.0; }`);
  return result;
}

/** `x` rounded towards zero. */
export function truncate(s: Statements, x: string): string {
  const result = s.fresh("whole");
  s.emit(`let ${result} = Math.floor(${x});`);
  s.emit(`if (${x} < 0.0) { ${result} = Math.ceil(${x}); }`);
  return result;
}

/** The nearest integer, ties to even; from 2²³ on floats are integers. */
export function round(s: Statements, x: string): string {
  const result = s.fresh("rounded");
  s.emit(`let ${result} = Math.floor(${x});`);
  const over = s.fresh("over");
  s.emit(`const ${over} = ${x} - ${result};`);
  const isOdd = `${result} - 2.0 * Math.floor(${result} * 0.5) > 0.5`;
  s.emit(`if (${over} > 0.5 || (${over} === 0.5 && ${isOdd})) { ${result} = ${result} + 1.0; }`);
  return result;
}

/** Quotients of two floats have at most this many bits. */
const QUOTIENT_BITS = 277;

/**
 * The remainder of a truncated division, with the sign of `x`. The divisor, doubled as often as it fits and then halved
 * again, is subtracted wherever it fits: no step rounds.
 */
export function remainder(s: Statements, x: string, y: string): string {
  const [rest, size] = [s.fresh("rest"), s.fresh("divisor")];
  s.emit(`let ${rest} = Math.abs(${x});`);
  s.emit(`const ${size} = Math.abs(${y});`);
  s.emit(
    `if (${x} - ${x} !== 0.0 || ${y} === 0.0 || ${y} !== ${y}) { ${rest} = Math.sqrt(-1.0 - ${rest} * 0.0); }`,
  );
  const [scaled, up, down] = [s.fresh("scaled"), s.fresh("up"), s.fresh("down")];
  s.emit(`let ${scaled} = ${size};`);
  s.emit(`if (${rest} >= ${size}) {`);
  s.emit(`  for (let ${up} = 0; ${up} < ${QUOTIENT_BITS}; ${up}++) {`);
  s.emit(`    if (${scaled} <= ${rest} * 0.5) { ${scaled} = ${scaled} * 2.0; }`);
  s.emit("  }");
  s.emit(`  for (let ${down} = 0; ${down} <= ${QUOTIENT_BITS}; ${down}++) {`);
  s.emit(`    if (${rest} >= ${scaled}) { ${rest} = ${rest} - ${scaled}; }`);
  s.emit(`    if (${scaled} > ${size}) { ${scaled} = ${scaled} * 0.5; }`);
  s.emit("  }");
  s.emit("}");
  s.emit(`if (${x} < 0.0) { ${rest} = -1.0 * ${rest}; }`);
  return rest;
}

/** `x` to a known power, as products if the exponent is a small integer. */
export function powerOf(s: Statements, x: string, exponent: number): string | undefined {
  switch (exponent) {
    case 0.5:
      return `Math.sqrt(${x})`;
    case -0.5:
      return `1.0 / Math.sqrt(${x})`;
    case 0:
      return "1.0";
    case 1:
      return x;
    case 2:
      return `${x} * ${x}`;
    case 3:
      return `${x} * ${x} * ${x}`;
    case -1:
      return `1.0 / ${x}`;
    case -2:
      return `1.0 / (${x} * ${x})`;
    default: {
      if (!Number.isInteger(exponent) || Math.abs(exponent) > 8) return undefined;
      const half = s.fresh("half");
      const inner = powerOf(s, x, Math.trunc(Math.abs(exponent) / 2))!;
      s.emit(`const ${half} = ${inner};`);
      const whole = exponent % 2 === 0 ? `${half} * ${half}` : `${half} * ${half} * ${x}`;
      return exponent > 0 ? whole : `1.0 / (${whole})`;
    }
  }
}

/** `x` to any power; a GPU's own is undefined for negative bases and for 0 to the power of 0. */
export function power(s: Statements, x: string, y: string): string {
  const result = s.fresh("power");
  s.emit(`let ${result} = 1.0;`);
  s.emit(`if (${y} !== 0.0) {`);
  s.emit(`  if (${x} === 0.0) {`);
  s.emit(`    if (${y} > 0.0) { ${result} = 0.0; } else { ${result} = Infinity; }`);
  s.emit("  } else {");
  s.emit(`    ${result} = Math.pow(Math.abs(${x}), ${y});`);
  s.emit(`    if (${x} < 0.0) {`);
  s.emit(`      const whole_${result} = Math.floor(${y});`);
  s.emit(`      if (whole_${result} !== ${y}) { ${result} = Math.sqrt(${x}); }`);
  s.emit(
    `      else { if (whole_${result} - 2.0 * Math.floor(whole_${result} * 0.5) > 0.5) { ${result} = -1.0 * ${result}; } }`,
  );
  s.emit("    }");
  s.emit("  }");
  s.emit("}");
  return result;
}
