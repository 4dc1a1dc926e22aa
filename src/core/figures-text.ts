/** Formats times, counts and sizes for people to read. */

/** Milliseconds with about three significant digits: `0.0412`, `8.47`, `312`. */
export const millisecondsText = (milliseconds: number): string =>
  milliseconds.toFixed(milliseconds >= 100 ? 0 : milliseconds >= 1 ? 2 : 4);

/** The same with the unit. */
export const millisecondsWithUnit = (milliseconds: number): string => `${millisecondsText(milliseconds)} ms`;

/** A time in a suitable unit, with three digits: `2.67 s`, `84.7 ms`, `312 µs`, `1 min 40 s`. */
export function durationText(milliseconds: number): string {
  const microseconds = 1000 * milliseconds;
  if (microseconds < 999.5) return `${threeDigits(microseconds)} µs`;
  if (milliseconds < 999.5) return `${threeDigits(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 99.95) return `${threeDigits(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

const threeDigits = (value: number): string => value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);

const PREFIXES = ["", "k", "M", "G", "T"] as const;

/** Three digits and a decimal prefix: `1.23 M`, `17.6 k`, `840 `; a unit follows at once. */
export function countText(value: number): string {
  let scaled = value;
  let power = 0;
  while (scaled >= 999.5 && power < PREFIXES.length - 1) {
    scaled /= 1000;
    power++;
  }
  const digits = power === 0 ? 0 : scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${PREFIXES[power]}`;
}

/** `512 B`, `1.23 MB`. */
export const bytesText = (bytes: number): string => `${countText(bytes)}B`;

/** Operations, a multiply-add counting as two: `940 FLOP`, `1.84 MFLOP`. */
export const flopsText = (flops: number): string => `${countText(flops)}FLOP`;
