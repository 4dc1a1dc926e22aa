/**
 * A report as an SVG chart: a panel for each workload and batch, in it a bar for each peer, as long as the logarithm
 * of its time. It contains its colours for light and for dark pages, and loads nothing.
 */

import { escapeXml } from "../../src/inspect/escape.ts";
import type { PeerKind } from "./peer.ts";
import { TASKS } from "./protocol.ts";
import {
  basePeer,
  type Comparison,
  formatRatio,
  isMeasured,
  type Measured,
  measuredPeers,
  type Report,
  threeDigits,
  type Unmeasured,
} from "./report.ts";

/** In pixels. */
const PANEL = { width: 330, names: 96, bars: 124, header: 24, row: 17, bar: 11, footer: 22 } as const;
const MARGIN = 16;
const HEADING = 34;
const LINE = 18;

const STYLE = `
  text { font: 11px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .panel { font-size: 12px; font-weight: 600; }
  .muted { fill: #656d76; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .kiln { fill: #d9480f; }
  .javascript { fill: #b08800; }
  .native { fill: #4977b8; }
  .line { stroke-width: 1.5; }
  .line.kiln { stroke: #d9480f; fill: none; }
  .line.javascript { stroke: #b08800; fill: none; }
  .line.native { stroke: #4977b8; fill: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .muted { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .kiln { fill: #ff7a45; }
    .javascript { fill: #d4a72c; }
    .native { fill: #6f9fe0; }
  }`;

/** What the colours mean. */
const LEGEND: readonly { readonly kind: PeerKind; readonly label: string; readonly width: number }[] = [
  { kind: "kiln", label: "Kiln", width: 44 },
  { kind: "javascript", label: "JavaScript and WebAssembly", width: 190 },
  { kind: "native", label: "native code", width: 80 },
];

const TITLES = {
  training: "Milliseconds per training step (forward, backward, update)",
  inference: "Milliseconds per forward pass",
} as const;

/** The chart as the text of an SVG file. */
export function chart({ date, machine, results }: Report): string {
  const columns = distinct(results.map(({ workload }) => workload));
  const width = 2 * MARGIN + Math.max(2, columns.length) * PANEL.width;
  const parts: string[] = [];
  let y = MARGIN;
  for (const task of TASKS) {
    const ofTask = withoutAbsent(results.filter((r) => r.task === task && basePeer(r) !== undefined));
    if (ofTask.length === 0) continue;
    parts.push(chartText(MARGIN, y + 14, TITLES[task], "title"));
    const base = basePeer(ofTask[0])!.peer;
    const explanation = `Logarithmic scale, shorter is better; × says how many times the time of ${base}.`;
    parts.push(chartText(MARGIN, y + 30, explanation, "muted"), legend(width - MARGIN, y + 30));
    y += HEADING + LINE / 2;
    for (const batch of distinct(ofTask.map((r) => r.batch))) {
      const row = ofTask.filter((r) => r.batch === batch);
      for (const comparison of row) {
        const x = MARGIN + columns.indexOf(comparison.workload) * PANEL.width;
        parts.push(group(x, y, panel(comparison)));
      }
      y += Math.max(...row.map(panelHeight)) + LINE / 2;
    }
    y += LINE / 2;
  }
  const origin = `${date.slice(0, 10)} · ${machine.cpu}, ${machine.cores} cores · Node ${machine.node}`;
  parts.push(chartText(MARGIN, y + LINE - 6, origin, "muted"));
  y += LINE + MARGIN / 2;
  return svgDocument(width, y, `Kiln and other libraries, ${date.slice(0, 10)}`, parts);
}

/** A whole SVG file with the charts' colours. */
export const svgDocument = (
  width: number,
  height: number,
  title: string,
  parts: readonly string[],
): string => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeXml(title)}</title>
<style>${STYLE}
</style>
${parts.join("\n")}
</svg>
`;

/** Without the peers that have no figure anywhere, such as those that cannot train. */
function withoutAbsent(results: readonly Comparison[]): readonly Comparison[] {
  const present = new Set(results.flatMap((r) => measuredPeers(r).map(({ peer }) => peer)));
  return results.map((r) => ({ ...r, peers: r.peers.filter(({ peer }) => present.has(peer)) }));
}

const panelHeight = ({ peers }: Comparison): number => PANEL.header + peers.length * PANEL.row + PANEL.footer;

/** The colours with their meaning, set flush right at `right`. */
function legend(right: number, y: number): string {
  let x = right - LEGEND.reduce((sum, { width }) => sum + width, 0);
  return LEGEND.map(({ kind, label, width }) => {
    const entry = `<rect class="${kind}" x="${x}" y="${y - 9}" width="10" height="10" rx="2"/>${chartText(x + 14, y, label, "muted")}`;
    x += width;
    return entry;
  }).join("\n");
}

function panel(comparison: Comparison): string[] {
  const { workload, batch, peers } = comparison;
  const decades = decadesOf(measuredPeers(comparison));
  const bottom = PANEL.header + peers.length * PANEL.row;
  const scale = (ms: number): number =>
    (PANEL.bars * (Math.log10(ms) - decades[0])) / (decades[decades.length - 1] - decades[0]);
  const ends = [decades[0], decades[decades.length - 1]];
  const grid = decades.flatMap((decade) => {
    const x = PANEL.names + scale(10 ** decade);
    const line = `<line class="grid" x1="${round(x)}" y1="${PANEL.header - 4}" x2="${round(x)}" y2="${bottom}"/>`;
    return ends.includes(decade)
      ? [line, chartText(x, bottom + 13, `${power(decade)} ms`, "muted", "middle")]
      : [line];
  });
  const base = basePeer(comparison)!;
  const rows = peers.map((peer, k) => row(peer, base, PANEL.header + k * PANEL.row, scale));
  return [chartText(0, 12, `${workload}, batch ${batch}`, "panel"), ...grid, ...rows.flat()];
}

function row(
  peer: Measured | Unmeasured,
  base: Measured,
  y: number,
  scale: (ms: number) => number,
): readonly string[] {
  const middle = y + PANEL.row / 2 + 2;
  const name = chartText(PANEL.names - 6, middle, peer.peer, "", "end");
  if (!isMeasured(peer)) return [name, chartText(PANEL.names + 4, middle, "not measured", "muted")];
  const length = scale(peer.msPerStep);
  const ratio = peer === base ? "" : ` · ${formatRatio(peer.msPerStep / base.msPerStep)}`;
  const top = y + (PANEL.row - PANEL.bar) / 2 - 2;
  return [
    name,
    `<rect class="${peer.kind}" x="${PANEL.names}" y="${round(top)}" width="${round(length)}" height="${PANEL.bar}" rx="2"/>`,
    chartText(PANEL.names + length + 5, middle, `${threeDigits(peer.msPerStep)} ms${ratio}`),
  ];
}

/** Powers of ten that include all times, so that even the shortest bar is visible. */
function decadesOf(measured: readonly Measured[]): readonly number[] {
  const times = measured.map(({ msPerStep }) => msPerStep);
  const first = Math.floor(Math.log10(Math.min(...times) / 1.5));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...times))));
  return Array.from({ length: last - first + 1 }, (_, k) => first + k);
}

const power = (decade: number): string =>
  decade < 0 ? (10 ** decade).toFixed(-decade) : String(10 ** decade);

/** A line of text of a chart. */
export function chartText(x: number, y: number, content: string, kind = "", anchor = "start"): string {
  const classes = kind === "" ? "" : ` class="${kind}"`;
  const anchored = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}"${classes}${anchored}>${escapeXml(content)}</text>`;
}

function group(x: number, y: number, parts: readonly string[]): string {
  return `<g transform="translate(${round(x)} ${round(y)})">\n${parts.join("\n")}\n</g>`;
}

export const round = (value: number): number => Math.round(value * 10) / 10;

/** Each value once, in order. */
export const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];
