/** A comparison in one sentence: which backend is fastest, and by how much. */

import { plainLine } from "../inspect/escape.ts";
import type { Comparison } from "./types.ts";

/** Times closer than this are called the same: a median varies by as much from one run to the next. */
const SAME = 1.05;

/** `wasm is the fastest: 1.4 times as fast as c, 24 times as fast as js.` Empty where there is nothing to compare. */
export function verdictText({ results, batchSize }: Comparison, hasSeveralBatches = false): string {
  const [fastest, ...others] = [...results].sort((a, b) => a.milliseconds - b.milliseconds);
  if (others.length === 0) return "";
  const name = plainLine(fastest.backend);
  const isTied = others[0].milliseconds < SAME * fastest.milliseconds;
  const compared = others.map(({ backend, milliseconds }) => {
    const ratio = milliseconds / fastest.milliseconds;
    const other = plainLine(backend);
    return ratio < SAME ? `about as fast as ${other}` : `${timesText(ratio)} times as fast as ${other}`;
  });
  const where = hasSeveralBatches ? `At batch ${batchSize} ` : "";
  return isTied
    ? `${where}${name} is ${listed(compared)}.`
    : `${where}${name} is the fastest: ${listed(compared)}.`;
}

const timesText = (ratio: number): string => ratio.toFixed(ratio >= 9.95 ? 0 : ratio >= 1.095 ? 1 : 2);

const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
