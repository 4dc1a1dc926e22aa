/** How times, sizes and rates are written in lines and tables that people read. */

/** Milliseconds with three digits or so that mean something: `0.0412`, `8.47`, `312`. */
export const millisecondsText = (milliseconds: number): string =>
  milliseconds.toFixed(milliseconds >= 100 ? 0 : milliseconds >= 1 ? 2 : 4);

/** The same with the unit. */
export const formatMilliseconds = (milliseconds: number): string => `${millisecondsText(milliseconds)} ms`;

/** Bytes in the largest unit that leaves a whole number, decimal: `512 B`, `1.2 MB`. */
export const formatBytes = (bytes: number): string => scaled(bytes, ["B", "KB", "MB", "GB"]);

/** Operations, a multiply-add counting as two: `940 FLOP`, `1.84 MFLOP`. */
export const formatFlops = (flops: number): string => scaled(flops, ["FLOP", "KFLOP", "MFLOP", "GFLOP"]);

function scaled(value: number, units: readonly string[]): string {
  let [rest, unit] = [value, 0];
  for (; rest >= 1000 && unit < units.length - 1; unit++) rest /= 1000;
  return `${rest >= 100 || unit === 0 ? rest.toFixed(0) : rest.toFixed(rest >= 10 ? 1 : 2)} ${units[unit]}`;
}
