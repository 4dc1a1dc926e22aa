/**
 * The beginning of C files whose loops have lanes: the compilers' vector types for a number of lanes, and functions for
 * what has no operator there. A file gets only those that it calls (`support.ts`).
 */

import { WORDS_IN_MEMORY } from "./scalar-prelude.ts";
import { nameForLanes } from "./scope.ts";

/** The options of a program's code. */
export interface CodeOptions {
  readonly lanes: number;
  /** Whether a product and a sum are rounded once, if the processor does that in one instruction. */
  readonly isFused: boolean;
}

/** The beginning of files with lanes, for any number of lanes. */
export const sharedPrelude = ({ isFused }: CodeOptions): string => `#include <math.h>
#include <stdint.h>
#if !defined(KILN_FUSED)
#define KILN_FUSED ${isFused ? 1 : 0}
#endif
#define INLINE static inline __attribute__((always_inline, unused))
#if defined(__clang__)
#define EVERY_LANE 0xffff
#else
#define EVERY_LANE -1
#endif

${WORDS_IN_MEMORY}`;

/** One source for any compiler that has vector types. */
export const vectorPrelude = (lanes: number): string => `#define LANES ${lanes}
#define EACH(expression) for (int k = 0; k < LANES; k++) expression

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef uint8_t bytes __attribute__((vector_size(LANES)));
typedef double doubles __attribute__((vector_size(4 * LANES)));
typedef int64_t longs __attribute__((vector_size(4 * LANES)));
typedef uint64_t unsigned_longs __attribute__((vector_size(4 * LANES)));
typedef float half_floats __attribute__((vector_size(2 * LANES)));

// The same in memory: at the place of any element, of whatever type memory was written as.
typedef float floats_at __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ints_at __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint8_t bytes_at __attribute__((vector_size(LANES), aligned(1), may_alias));

#define MASK(condition) ((ints)(condition))
#define MASK_OF_DOUBLES(condition) ((longs)(condition))

INLINE floats all_f(float a) { return (floats){${list(lanes, "a")}}; }
INLINE ints all_i(int32_t a) { return (ints){${list(lanes, "a")}}; }
INLINE words all_u(uint32_t a) { return (words){${list(lanes, "a")}}; }
INLINE doubles all_d(double a) { return (doubles){${list(lanes / 2, "a")}}; }

INLINE floats load_f(const float *p) { return *(const floats_at *)p; }
INLINE ints load_i(const int32_at *p) { return *(const ints_at *)p; }
INLINE ints load_b(const uint8_t *p) { return __builtin_convertvector(*(const bytes_at *)p, ints); }
INLINE void store_f(float *p, floats a) { *(floats_at *)p = a; }
INLINE void store_i(int32_at *p, ints a) { *(ints_at *)p = a; }
INLINE void store_b(uint8_t *p, ints a) { *(bytes_at *)p = __builtin_convertvector(a, bytes); }

// Where the mask has ones, else b.
INLINE ints choose_i(ints mask, ints a, ints b) { return (a & mask) | (b & ~mask); }
INLINE words choose_u(ints mask, words a, words b) { return (words)choose_i(mask, (ints)a, (ints)b); }
INLINE floats choose_f(ints mask, floats a, floats b) {
#if defined(__AVX__) && LANES == 8
  return __builtin_ia32_blendvps256(b, a, (floats)mask);
#elif defined(__SSE4_1__) && LANES == 4
  return __builtin_ia32_blendvps(b, a, (floats)mask);
#else
  return (floats)choose_i(mask, (ints)a, (ints)b);
#endif
}
INLINE doubles choose_d(longs mask, doubles a, doubles b) {
  return (doubles)(((longs)a & mask) | ((longs)b & ~mask));
}
INLINE ints bits_v(floats a) { return (ints)a; }
INLINE floats float_v(ints bits) { return (floats)bits; }
INLINE int any_l(longs a) {
  int64_t found = 0;
  for (int k = 0; k < LANES / 2; k++) found |= a[k];
  return found != 0;
}

// a * b + c, rounded once where the processor does so in one instruction.
INLINE floats fused_v(floats a, floats b, floats c) {
#if !KILN_FUSED
  return a * b + c;
#elif defined(__AVX512F__) && LANES == 16
  return __builtin_ia32_vfmaddps512_mask(a, b, c, EVERY_LANE, 4);
#elif defined(__FMA__) && LANES == 8
  return __builtin_ia32_vfmaddps256(a, b, c);
#elif defined(__FMA__) && LANES == 4
  return __builtin_ia32_vfmaddps(a, b, c);
#elif defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  floats sum;
  EACH(sum[k] = __builtin_fmaf(a[k], b[k], c[k]));
  return sum;
#else
  return a * b + c;
#endif
}

INLINE ints isnan_v(floats a) { return (ints)(a != a); }
INLINE floats abs_v(floats a) { return (floats)((ints)a & 0x7fffffff); }
INLINE floats with_sign_v(floats a, floats b) {
  return (floats)(((ints)a & 0x7fffffff) | ((ints)b & (-2147483647 - 1)));
}
// Neither above nor below 0 are the zeros and NaN.
INLINE floats sign_v(floats a) { return (floats)((ints)with_sign_v(all_f(1), a) & (ints)(abs_v(a) > 0)); }
INLINE floats at_most_v(floats a, floats limit) { return choose_f((ints)(limit < a), limit, a); }
INLINE floats at_least_v(floats a, floats limit) { return choose_f((ints)(limit > a), limit, a); }
// 2 to the power of the whole number in the lowest bits of a.
INLINE floats power_v(floats a) { return (floats)(((words)a << 23) + 0x3f800000u); }
// The exponent e of a = f * 2^e with f around 1, the place of its bits, and f.
INLINE ints exponent_v(floats a) { return (ints)((words)a - 0x3f3504f3u) >> 23; }
INLINE ints place_v(ints exponent) { return (ints)((words)exponent << 23); }
INLINE floats over_v(floats a, ints place) { return (floats)((words)a - (words)place); }
// A power of two from the place of its exponent, and 0 where that is not normal.
INLINE floats inverse_v(ints place) {
  const ints bits = (ints)(0x3f800000u - (words)place);
  return (floats)(bits & (ints)(bits > 0));
}

${[
  rounding("sqrt", "sqrt", undefined),
  rounding("floor", "floor", 9),
  rounding("ceil", "ceil", 10),
  rounding("trunc", "trunc", 11),
  rounding("round", "rint", 4),
].join("\n")}

// NaN where one is NaN, and -0 below +0.
INLINE floats maximum_v(floats a, floats b) {
  const floats more = choose_f((ints)(a > b), a, b);
  return choose_f((ints)(a == b), (floats)((ints)a & (ints)b), choose_f(isnan_v(a), a, more));
}
INLINE floats minimum_v(floats a, floats b) {
  const floats less = choose_f((ints)(a < b), a, b);
  return choose_f((ints)(a == b), (floats)((ints)a | (ints)b), choose_f(isnan_v(a), a, less));
}

INLINE floats from_i_f(ints a) { return __builtin_convertvector(a, floats); }
INLINE floats from_u_f(words a) { return __builtin_convertvector(a, floats); }
INLINE floats from_mask_f(ints a) { return (floats)(a & 0x3f800000); }
// Cut off towards 0; the nearest int32 where it is beyond, and 0 for NaN.
INLINE ints whole_v(floats a) {
  const ints above = (ints)(a >= 2147483648.0f), below = (ints)(a < -2147483648.0f);
  const ints whole = __builtin_convertvector((floats)((ints)a & ~(above | below | isnan_v(a))), ints);
  return choose_i(above, all_i(2147483647), choose_i(below, all_i(-2147483647 - 1), whole));
}

INLINE doubles widened(floats a, int upper) {
  half_floats half;
  for (int k = 0; k < LANES / 2; k++) half[k] = a[k + upper * (LANES / 2)];
  return __builtin_convertvector(half, doubles);
}
INLINE floats narrowed(doubles a, doubles b) {
  const half_floats lower = __builtin_convertvector(a, half_floats), upper = __builtin_convertvector(b, half_floats);
  floats all;
  EACH(all[k] = k < LANES / 2 ? lower[k] : upper[k - LANES / 2]);
  return all;
}
INLINE doubles abs_d(doubles a) { return (doubles)((longs)a & INT64_MAX); }
INLINE doubles with_sign_d(doubles a, doubles b) { return (doubles)(((longs)a & INT64_MAX) | ((longs)b & INT64_MIN)); }
INLINE doubles power_d(doubles a) { return (doubles)(((unsigned_longs)a << 52) + (unsigned_longs)all_d(1)); }
INLINE longs exponent_d(doubles a) {
  return (longs)((unsigned_longs)a - (unsigned_longs)all_d(${Math.SQRT1_2})) >> 52;
}
INLINE doubles over_d(doubles a, longs exponent) {
  return (doubles)((unsigned_longs)a - ((unsigned_longs)exponent << 52));
}
// A whole number below 2^51 as a double.
INLINE doubles number_d(longs a) {
  const doubles rounder = all_d(${1.5 * 2 ** 52});
  return (doubles)((unsigned_longs)a + (unsigned_longs)rounder) - rounder;
}
INLINE doubles max_d(doubles a, doubles b) {
  return choose_d((longs)(a != a), a, choose_d((longs)(a > b), a, b));
}
INLINE doubles min_d(doubles a, doubles b) {
  return choose_d((longs)(a != a), a, choose_d((longs)(a < b), a, b));
}
${["floor", "trunc", "sqrt"].map((name) => inDoubles(name, name)).join("\n")}
${inDoubles("nearest", "rint")}
`;

/** The same text for fewer lanes, next to that for more: the types and functions that it defines get other names. */
export const renamedForLanes = (text: string, lanes: number, most: number): string => {
  if (lanes === most) return text;
  const defined = new Set([...text.matchAll(DEFINITIONS)].map(([, name]) => name));
  return text.replace(/[A-Za-z_]\w*/g, (name) =>
    defined.has(name) ? nameForLanes(name, lanes, most) : name,
  );
};

/** The name before a typedef's attributes, after `#define`, and of a function that stands by itself. */
const DEFINITIONS = /^(?:typedef \w+ |#define |(?:INLINE|static) \w+ )(\w+)/gm;

const list = (count: number, text: string): string => Array.from({ length: count }, () => text).join(", ");

/** A function of one float that processors have an instruction for; \`mode\` is its rounding mode. */
function rounding(name: string, builtin: string, mode: number | undefined): string {
  const [of16, of8, of4] =
    mode === undefined
      ? ["sqrtps512_mask(a, a, -1, 4)", "sqrtps256(a)", "sqrtps(a)"]
      : [`rndscaleps_mask(a, ${mode & 7}, a, -1, 8)`, `roundps256(a, ${mode})`, `roundps(a, ${mode})`];
  return `INLINE floats ${name}_v(floats a) {
#if defined(__AVX512F__) && LANES == 16 && !defined(__clang__)
  return __builtin_ia32_${of16};
#elif defined(__AVX__) && LANES == 8 && !defined(__clang__)
  return __builtin_ia32_${of8};
#elif defined(__SSE4_1__) && LANES == 4 && !defined(__clang__)
  return __builtin_ia32_${of4};
#else
  floats result;
  EACH(result[k] = __builtin_${builtin}f(a[k]));
  return result;
#endif
}`;
}

const inDoubles = (name: string, builtin: string): string => `INLINE doubles ${name}_d(doubles a) {
  doubles result;
  for (int k = 0; k < LANES / 2; k++) result[k] = __builtin_${builtin}(a[k]);
  return result;
}`;
