/**
 * The beginning of C files whose loops have no lanes: plain C99, for microcontrollers and for
 * compilers without vector types. Also functions for what single values have no operator for, with lanes and without.
 */

/** Integers in memory that may hold floats at another time. */
export const WORDS_IN_MEMORY = `#if defined(__GNUC__)
typedef int32_t int32_at __attribute__((may_alias));
#else
typedef int32_t int32_at;
#endif`;

/** Functions of single values. */
export const SINGLE_VALUES = `INLINE int isnan_f(float a) { return a != a; }
INLINE float sign_f(float a) { return a > 0 ? 1.0f : a < 0 ? -1.0f : 0.0f; }
INLINE int32_t sign_i(int32_t a) { return (a > 0) - (a < 0); }
INLINE int32_t abs_i(int32_t a) { return a < 0 ? (int32_t)(0u - (uint32_t)a) : a; }
INLINE float maximum_f(float a, float b) {
  return a != a ? a : a > b ? a : a == b ? (signbit(a) ? b : a) : b;
}
INLINE float minimum_f(float a, float b) {
  return a != a ? a : a < b ? a : a == b ? (signbit(a) ? a : b) : b;
}
INLINE int32_t maximum_i(int32_t a, int32_t b) { return a > b ? a : b; }
INLINE int32_t minimum_i(int32_t a, int32_t b) { return a < b ? a : b; }
INLINE int32_t whole_f(float a) {
  return a != a ? 0 : a >= 2147483648.0f ? INT32_MAX : a < -2147483648.0f ? INT32_MIN : (int32_t)a;
}
// Every int32 is a double, and quotients of two that are no integers are far enough from one to be rounded right.
INLINE int64_t saturated(double a) { return a != a ? 0 : a >= 0x1p63 ? INT64_MAX : a < -0x1p63 ? INT64_MIN : (int64_t)a; }
INLINE int32_t divide_i(int32_t a, int32_t b) { return (int32_t)saturated(floor((double)a / b)); }
INLINE int32_t modulo_i(int32_t a, int32_t b) {
  return (int32_t)saturated(a - b * floor((double)a / b));
}
INLINE int32_t remainder_i(int32_t a, int32_t b) { return (int32_t)saturated(a - b * trunc((double)a / b)); }
INLINE float modulo_f(float a, float b) {
  return (float)((double)a - (double)b * floor((double)a / (double)b));
}

// Where the iterations of a thread begin.
INLINE int64_t first_of(int64_t extent, int64_t thread, int64_t threads) {
  const int64_t first = (extent + threads - 1) / threads * thread;
  return first < extent ? first : extent;
}
`;

/** With one value instead of lanes; a mask is all ones or all zeros. */
export const SCALAR_PRELUDE = `#include <math.h>
#include <stdint.h>
#include <string.h>
#define INLINE static inline
#define MASK(condition) (-(int32_t)(condition))
#define MASK_OF_DOUBLES(condition) (-(int64_t)(condition))

${WORDS_IN_MEMORY}

INLINE int32_t bits_v(float a) {
  int32_t bits;
  memcpy(&bits, &a, sizeof bits);
  return bits;
}
INLINE float float_v(int32_t bits) {
  float a;
  memcpy(&a, &bits, sizeof a);
  return a;
}
INLINE int64_t bits_d(double a) {
  int64_t bits;
  memcpy(&bits, &a, sizeof bits);
  return bits;
}
INLINE double double_d(int64_t bits) {
  double a;
  memcpy(&a, &bits, sizeof a);
  return a;
}

INLINE float choose_f(int32_t mask, float a, float b) { return mask ? a : b; }
INLINE double choose_d(int64_t mask, double a, double b) { return mask ? a : b; }
INLINE int any_l(int64_t mask) { return mask != 0; }
INLINE float fused_v(float a, float b, float c) { return a * b + c; }
INLINE float abs_v(float a) { return float_v(bits_v(a) & 0x7fffffff); }
INLINE float with_sign_v(float a, float b) {
  return float_v((bits_v(a) & 0x7fffffff) | (bits_v(b) & (-2147483647 - 1)));
}
INLINE float at_most_v(float a, float limit) { return limit < a ? limit : a; }
INLINE float at_least_v(float a, float limit) { return limit > a ? limit : a; }
INLINE float from_i_f(int32_t a) { return (float)a; }

// 2 to the power of the whole number in the lowest bits of a.
INLINE float power_v(float a) { return float_v((int32_t)(((uint32_t)bits_v(a) << 23) + 0x3f800000u)); }
// The exponent e of a = f * 2^e with f around 1, the place of its bits, and f.
INLINE int32_t exponent_v(float a) { return (int32_t)((uint32_t)bits_v(a) - 0x3f3504f3u) >> 23; }
INLINE int32_t place_v(int32_t exponent) { return (int32_t)((uint32_t)exponent << 23); }
INLINE float over_v(float a, int32_t place) { return float_v((int32_t)((uint32_t)bits_v(a) - (uint32_t)place)); }
// A power of two from the place of its exponent, and 0 where that is not normal.
INLINE float inverse_v(int32_t place) {
  const int32_t bits = (int32_t)(0x3f800000u - (uint32_t)place);
  return bits > 0 ? float_v(bits) : 0.0f;
}

INLINE double abs_d(double a) { return fabs(a); }
INLINE double with_sign_d(double a, double b) { return copysign(a, b); }
INLINE double max_d(double a, double b) { return a != a ? a : a > b ? a : b; }
INLINE double min_d(double a, double b) { return a != a ? a : a < b ? a : b; }
INLINE double floor_d(double a) { return floor(a); }
INLINE double trunc_d(double a) { return trunc(a); }
INLINE double sqrt_d(double a) { return sqrt(a); }
INLINE double nearest_d(double a) { return rint(a); }
INLINE double power_d(double a) {
  return double_d((int64_t)(((uint64_t)bits_d(a) << 52) + (uint64_t)bits_d(1)));
}
INLINE int64_t exponent_d(double a) {
  return (int64_t)((uint64_t)bits_d(a) - (uint64_t)bits_d(${Math.SQRT1_2})) >> 52;
}
INLINE double over_d(double a, int64_t exponent) {
  return double_d((int64_t)((uint64_t)bits_d(a) - ((uint64_t)exponent << 52)));
}
// A whole number below 2^51 as a double.
INLINE double number_d(int64_t a) {
  const double rounder = ${1.5 * 2 ** 52};
  return double_d((int64_t)((uint64_t)a + (uint64_t)bits_d(rounder))) - rounder;
}

${SINGLE_VALUES}`;
