/** Numbers of any dtype as the 32-bit floats that all GPU buffers hold. */

import type { TypedArray } from "../../src/core/dtype.ts";
import { KilnError } from "../../src/core/errors.ts";

/** Up to here every integer is a float. */
const MOST = 2 ** 24;

/** A copy; an integer that no float holds is an error, never another number. */
export function asFloats(data: TypedArray, what: string): Float32Array {
  if (data instanceof Int32Array) {
    const tooLarge = data.find((value) => value > MOST || value < -MOST);
    if (tooLarge !== undefined) {
      throw new KilnError(
        `${what} holds ${tooLarge}, and gpujs kernels hold whole numbers only up to ${MOST}: use the js backend`,
      );
    }
  }
  return Float32Array.from(data);
}

/** Copies the results of a kernel; an integer too large for floats, which kernels mark by infinity, is an error. */
export function intoTyped(numbers: Float32Array, into: TypedArray, what: string): void {
  const own = numbers.subarray(0, into.length);
  if (
    !(into instanceof Float32Array || into instanceof Float64Array) &&
    own.some((value) => Math.abs(value) === Number.POSITIVE_INFINITY)
  ) {
    throw new KilnError(
      `${what} holds a whole number beyond ${MOST}, up to which gpujs kernels count: use the js backend`,
    );
  }
  into.set(own);
}
