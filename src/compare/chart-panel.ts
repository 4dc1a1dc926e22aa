/**
 * One comparison as a panel of a chart: a bar for each backend's step, and below one for each of its largest kernels. A
 * panel is as narrow as a phone; what it is drawn with stands in a style that follows light and dark pages.
 */

import { millisecondsText } from "../core/figures-text.ts";
import { escapeXml, plainLine } from "../inspect/escape.ts";
import { ratioText, sumOf } from "./figures-text.ts";
import type { BackendResult, Comparison } from "./types.ts";

/** In pixels. */
export const PANEL_WIDTH = 420;
const VALUES = 122;
const NAMES = 104;
const STEP = { row: 22, bar: 13 } as const;
const KERNEL = { row: 12, bar: 8, name: 16, gap: 7 } as const;

/** Kernels with a name of their own; all others are one sum. */
const MOST_KERNELS = 12;

/** Times that lie further apart than this are drawn as their logarithms: of the shorter ones nothing would be seen. */
const LINEAR_UP_TO = 30;

/** Colours that backends get in turn, on light and on dark pages. */
const COLOURS: readonly (readonly [light: string, dark: string])[] = [
  ["#d9480f", "#ff7a45"],
  ["#4977b8", "#6f9fe0"],
  ["#b08800", "#d4a72c"],
  ["#2b8a5a", "#4cbb8a"],
  ["#8250df", "#b388f5"],
  ["#6e7781", "#9198a1"],
];

const colours = (which: 0 | 1): string =>
  COLOURS.map((pair, k) => `.kiln-chart .b${k} { fill: ${pair[which]}; }`).join("\n  ");

export const CHART_STYLE = `
  .kiln-chart text { font: 11px system-ui, sans-serif; fill: #24292f; }
  .kiln-chart .title { font-size: 13px; font-weight: 600; }
  .kiln-chart .name { font: 11px ui-monospace, monospace; }
  .kiln-chart .muted { fill: #656d76; }
  ${colours(0)}
  @media (prefers-color-scheme: dark) {
  .kiln-chart text { fill: #e6edf3; }
  .kiln-chart .muted { fill: #9198a1; }
  ${colours(1)}
  }`;

export interface Panel {
  readonly height: number;
  /** The content of an SVG element. */
  readonly content: string;
}

/** A kernel with all its parts, or the sum of several, with the time that each backend takes for it. */
interface Row {
  readonly name: string;
  /** In the order of the results; absent if the backend has no such kernel. */
  readonly milliseconds: readonly (number | undefined)[];
}

export function comparisonPanel(comparison: Comparison): Panel {
  const { results } = comparison;
  const rows = kernelRows(results);
  const steps = results.map(({ milliseconds }) => milliseconds);
  const isLinear = Math.max(...steps) <= LINEAR_UP_TO * Math.min(...steps);
  const scale = isLinear ? "" : ", on a logarithmic scale";
  const parts = [text(0, 12, `Milliseconds${scale}; shorter is better`, "muted")];
  let y = 20;
  const stepLength = scaleOf(steps, isLinear, PANEL_WIDTH - NAMES - VALUES);
  for (const [k, result] of results.entries()) {
    const ratio = ratioText(result, results);
    parts.push(
      text(0, y + 14, shortened(result.backend, 16), ""),
      bar(k, NAMES, y + (STEP.row - STEP.bar) / 2, stepLength(result.milliseconds), STEP.bar),
      text(
        NAMES + stepLength(result.milliseconds) + 6,
        y + 14,
        `${millisecondsText(result.milliseconds)}${ratio && ` · ${ratio}`}`,
      ),
    );
    y += STEP.row;
  }
  y += 22;
  parts.push(text(0, y, "Kernels, timed one by one, with what prepares and finishes them", "muted"));
  y += 8;
  const length = scaleOf(
    rows.flatMap(({ milliseconds }) => milliseconds.filter((ms) => ms !== undefined)),
    isLinear,
    PANEL_WIDTH - VALUES / 2,
  );
  for (const { name, milliseconds } of rows) {
    parts.push(text(0, y + 11, shortened(name, 60), "name"));
    y += KERNEL.name;
    for (const [k, ms] of milliseconds.entries()) {
      if (ms === undefined) continue;
      parts.push(
        bar(k, 0, y + (KERNEL.row - KERNEL.bar) / 2, length(ms), KERNEL.bar),
        text(length(ms) + 5, y + 10, millisecondsText(ms), "muted"),
      );
      y += KERNEL.row;
    }
    y += KERNEL.gap;
  }
  return { height: y, content: parts.join("\n") };
}

/** The kernels that take the largest shares of their backends' time, largest first, and the sum of all others. */
function kernelRows(results: readonly BackendResult[]): readonly Row[] {
  const totals = results.map(({ kernels }) => sumOf(kernels, ({ milliseconds }) => milliseconds));
  const times = results.map(timesOf);
  const names = [...new Set(times.flatMap((ofBackend) => [...ofBackend.keys()]))];
  const weight = (name: string): number =>
    times.reduce((sum, ofBackend, k) => sum + (ofBackend.get(name) ?? 0) / (totals[k] || 1), 0);
  const weights = new Map(names.map((name) => [name, weight(name)]));
  const sorted = names.sort((a, b) => weights.get(b)! - weights.get(a)!);
  // One kernel that is left over is named as well: its sum would take as much room.
  const named = sorted.length === MOST_KERNELS + 1 ? sorted : sorted.slice(0, MOST_KERNELS);
  const others = sorted.slice(named.length);
  const rows = named.map(
    (name): Row => ({ name, milliseconds: times.map((ofBackend) => ofBackend.get(name)) }),
  );
  if (others.length === 0) return rows;
  const sums = times.map((ofBackend) => {
    const own = others.flatMap((name) => ofBackend.get(name) ?? []);
    return own.length === 0 ? undefined : own.reduce((sum, ms) => sum + ms, 0);
  });
  return [...rows, { name: `the other ${others.length} kernels together`, milliseconds: sums }];
}

/** Milliseconds of a run by kernel before scheduling, which backends have in common. */
function timesOf({ kernels }: BackendResult): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { partOf, milliseconds, prepares } of kernels)
    if (!prepares) times.set(partOf, (times.get(partOf) ?? 0) + milliseconds);
  return times;
}

/** From milliseconds to the length of a bar of at most `longest`; logarithms begin at the decade below the shortest time. */
function scaleOf(all: readonly number[], isLinear: boolean, longest: number): (ms: number) => number {
  const times = all.filter((ms) => ms > 0);
  const most = Math.max(...times, 0);
  if (most === 0) return () => 1;
  const least = Math.min(...times);
  const begin = Math.floor(Math.log10(least / 1.5));
  const span = Math.log10(most) - begin;
  const share = (ms: number): number => (isLinear ? ms / most : ms > 0 ? (Math.log10(ms) - begin) / span : 0);
  return (ms) => Math.max(1, longest * share(ms));
}

const bar = (backend: number, x: number, y: number, length: number, height: number): string =>
  `<rect class="b${backend % COLOURS.length}" x="${round(x)}" y="${round(y)}" width="${round(length)}" height="${height}" rx="2"/>`;

export function text(x: number, y: number, content: string, kind = ""): string {
  const classes = kind === "" ? "" : ` class="${kind}"`;
  return `<text x="${round(x)}" y="${round(y)}"${classes}>${escapeXml(plainLine(content))}</text>`;
}

/** Names that are too long lose their middle: both ends tell kernels apart. */
function shortened(name: string, most: number): string {
  const characters = [...name];
  if (characters.length <= most) return name;
  const half = (most - 1) >> 1;
  return `${characters.slice(0, half).join("")}…${characters.slice(-half).join("")}`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
