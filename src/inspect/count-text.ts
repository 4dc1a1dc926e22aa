/** Large counts as people read them. */

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
