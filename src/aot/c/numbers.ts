/** Numbers as initialisers: floats by their bits, so that every compiler reads exactly the same. */

import type { TypedArray } from "../../core/dtype.ts";

const bits = new DataView(new ArrayBuffer(4));

/** A float32 as a hexadecimal literal of C99. */
export function hexFloat(value: number): string {
  if (Number.isNaN(value)) return "NAN";
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = word >>> 31 === 1 ? "-" : "";
  const exponent = (word >>> 23) & 0xff;
  const fraction = ((word & 0x7fffff) << 1).toString(16).padStart(6, "0").replace(/0+$/, "");
  if (exponent === 0xff) return `${sign}INFINITY`;
  if (exponent === 0) return fraction === "" ? `${sign}0.0f` : `${sign}0x0.${fraction}p-126f`;
  return `${sign}0x1${fraction === "" ? "" : `.${fraction}`}p${exponent - 127}f`;
}

const IN_A_LINE = 8;

/** The lines between the braces of an array's initialiser. */
export function numberLines(data: TypedArray): string[] {
  const text = data instanceof Float32Array ? hexFloat : wholeNumber;
  const lines: string[] = [];
  for (let k = 0; k < data.length; k += IN_A_LINE)
    lines.push(`  ${Array.from(data.subarray(k, k + IN_A_LINE), text).join(", ")},`);
  return lines;
}

/** The least int32 has no literal of its own in C. */
const wholeNumber = (value: number): string => (value === -(2 ** 31) ? "(-2147483647 - 1)" : `${value}`);
