/**
 * Comparisons as one page that needs nothing else: no script, no network, its colours for light and dark, narrow enough for
 * a phone and plain enough for paper. Every name in it is somebody's text and is escaped.
 */

import { bytesText, millisecondsText } from "../core/figures-text.ts";
import { escapeXml, plainLine } from "../inspect/escape.ts";
import { CHART_STYLE, PANEL_WIDTH } from "./chart-panel.ts";
import {
  denseGflops,
  deviationOf,
  deviationText,
  differenceText,
  headingText,
  memoryText,
  ratioText,
  sumOf,
  timeShareText,
} from "./figures-text.ts";
import { panelSvg } from "./report-svg.ts";
import type { BackendResult, Comparison, ValueDifference } from "./types.ts";

const STYLE = `
  :root { color-scheme: light dark; --line: #d0d7de; --muted: #656d76; --text: #24292f; --page: #ffffff; --head: #f6f8fa; --bad: #b42318; }
  @media (prefers-color-scheme: dark) {
    :root { --line: #3d444d; --muted: #9198a1; --text: #e6edf3; --page: #0d1117; --head: #161b22; --bad: #ff8577; }
  }
  body { margin: 0 auto; padding: 1rem; max-width: 80rem; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
  h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
  h2 { font-size: 1.1rem; margin: 2rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
  h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
  p { margin: .25rem 0 .75rem; overflow-wrap: anywhere; }
  .muted { color: var(--muted); }
  .beyond { color: var(--bad); }
  .kiln-chart { display: block; width: 100%; max-width: ${Math.round(1.3 * PANEL_WIDTH)}px; height: auto; margin-bottom: 1rem; }
  .table { overflow-x: auto; margin-bottom: 1rem; }
  table { border-collapse: collapse; font-size: .8rem; }
  th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
  th { background: var(--head); font-weight: 600; white-space: nowrap; }
  .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
  td.kernel { min-width: 9rem; max-width: 20rem; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
  .words { min-width: 12rem; }
  @media print {
    body { max-width: none; padding: 0; font-size: 10pt; }
    .table { overflow: visible; }
    td.kernel { min-width: 3cm; }
    .words { min-width: 0; }
    .kiln-chart { max-width: 12cm; break-inside: avoid; }
    tr { break-inside: avoid; }
    table { font-size: 7.5pt; }
    th, td { padding: 1pt 3pt; }
  }`;

/** The page as text; `name` is what the model is called. */
export function comparisonHtml(
  comparisons: readonly Comparison[],
  name: string = comparisons[0].model,
): string {
  const [{ machine }] = comparisons;
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${plain(name)}: backends compared</title>`,
    `<style>${STYLE}${CHART_STYLE}`,
    "</style>",
    "</head>",
    "<body>",
    `<h1>${plain(name)}</h1>`,
    `<p class="muted">${plain(machine)}</p>`,
    ...comparisons.map((comparison) => section(comparison, name)),
    `<p class="muted">${LEGEND}</p>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

const LEGEND =
  "Times are medians; kernels are timed apart, one after the other. GFLOP/s counts what a kernel executes, a multiply-add as " +
  "two; dense is what the same takes without skipped zeros. The difference of a value is the largest difference from the " +
  "oracle, which computes in double, over the value’s largest number; of integers and truth values it is the share of " +
  "elements that differ. A kernel whose difference is marked differs by more than rounding explains; no digit is left of " +
  "what rounding alone may change altogether, such as gradients that cancel to nothing.";

function section(comparison: Comparison, name: string): string {
  const { results } = comparison;
  return [
    `<h2>${headingText(comparison)}</h2>`,
    panelSvg(comparison, name),
    summary(results),
    ...results.map((result) => details(result, comparison)),
  ].join("\n");
}

type Column = readonly [heading: string, kind: "" | "number" | "kernel" | "words"];

const SUMMARY: readonly Column[] = [
  ["backend", "kernel"],
  ["ms", "number"],
  ["to the first", "number"],
  ["runs", "number"],
  ["compiled in", "number"],
  ["arena", "number"],
  ["states", "number"],
  ["difference", "number"],
];

const summary = (results: readonly BackendResult[]): string =>
  table(
    SUMMARY,
    results.map((result) => {
      const { backend, milliseconds, runs, compileMilliseconds, memory, difference } = result;
      const largest = difference.checked ? difference.largest : null;
      const isBeyond = difference.checked && difference.first !== null;
      return [
        plain(backend),
        millisecondsText(milliseconds),
        ratioText(result, results),
        `${runs}`,
        `${compileMilliseconds.toFixed(0)} ms`,
        bytesText(memory.arenaBytes),
        bytesText(memory.parameterBytes),
        marked(largest === null ? "not known" : deviationText(largest.difference), isBeyond),
      ];
    }),
  );

const KERNELS: readonly Column[] = [
  ["kernel", "kernel"],
  ["ms", "number"],
  ["share", "number"],
  ["GFLOP/s", "number"],
  ["dense", "number"],
  ["FLOP/byte", "number"],
  ["difference", "number"],
  ["schedule", "words"],
  ["at", "words"],
];

function details(result: BackendResult, comparison: Comparison): string {
  const { backend, kernels, difference } = result;
  const total = sumOf(kernels, ({ milliseconds }) => milliseconds);
  const rows = kernels.map((kernel) => {
    const deviation = deviationOf(kernel, difference);
    const isBeyond = deviation !== undefined && deviation.difference > deviation.allowed;
    return [
      plain(kernel.name),
      millisecondsText(kernel.milliseconds),
      timeShareText(kernel, total),
      kernel.gflops.toFixed(1),
      denseGflops(kernel).toFixed(1),
      kernel.intensity.toFixed(2),
      deviation === undefined ? "" : marked(shownDeviation(deviation), isBeyond),
      plain(kernel.schedule ?? ""),
      plain(kernel.at),
    ];
  });
  const isBeyond = difference.checked && difference.first !== null;
  return [
    `<h3>${plain(backend)}</h3>`,
    `<p>${marked(`Difference: ${plain(differenceText(difference, comparison))}.`, isBeyond)}<br>Memory: ${plain(memoryText(result))}.</p>`,
    table(KERNELS, rows),
  ].join("\n");
}

/** A table; cells are markup already. */
function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const open = (tag: string, kind: string): string => (kind === "" ? `<${tag}>` : `<${tag} class="${kind}">`);
  const line = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((cell, k) => `${open(tag, columns[k][1])}${cell}</${tag}>`).join("")}</tr>`;
  const head = line(
    "th",
    columns.map(([heading]) => heading),
  );
  const body = rows.map((cells) => line("td", cells)).join("\n");
  return `<div class="table"><table>\n<thead>${head}</thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`;
}

const marked = (markup: string, isBeyond: boolean): string =>
  isBeyond ? `<strong class="beyond">${markup}</strong>` : markup;

const plain = (name: string): string => escapeXml(plainLine(name));

/** Of a value that rounding leaves no digit of, the difference tells nothing. */
const shownDeviation = ({ difference, allowed }: ValueDifference): string =>
  allowed >= 1 ? "no digit left" : deviationText(difference);
