/**
 * How time and memory of a training step grow with the batch, as an SVG chart: for each workload that a report has with
 * several batches a panel of milliseconds and one of megabytes, with a line for each peer. Both axes are linear and begin
 * at 0, so that what grows with the batch alone is a straight line.
 */

import { escapeXml } from "../../src/inspect/escape.ts";
import { chartText, distinct, round, svgDocument } from "./chart.ts";
import { type Measured, measuredPeers, type Report, threeDigits } from "./report.ts";

/** In pixels. */
const PANEL = { width: 390, height: 210, left: 56, right: 96, top: 26, bottom: 34 } as const;
const MARGIN = 16;
const HEADING = 40;

/** The figure that is drawn, and its unit. */
const QUANTITIES: readonly { readonly unit: string; of(peer: Measured): number | undefined }[] = [
  { unit: "ms a step", of: ({ msPerStep }) => msPerStep },
  { unit: "MB at the peak", of: ({ peakBytes }) => peakBytes && peakBytes / 1e6 },
];

/** The measured points of one peer, by batch. */
interface Line {
  readonly peer: Measured;
  readonly points: readonly (readonly [batch: number, value: number])[];
}

/** The workloads that were trained with several batches; none if no chart can be drawn. */
export const growing = ({ results }: Report): readonly string[] =>
  distinct(results.map(({ workload }) => workload)).filter(
    (name) => results.filter(({ workload, task }) => workload === name && task === "training").length > 1,
  );

/** The chart as the text of an SVG file. */
export function growthChart(report: Report): string {
  const { date, machine } = report;
  const parts = [
    chartText(MARGIN, MARGIN + 14, "Training steps of growing batches", "title"),
    chartText(
      MARGIN,
      MARGIN + 30,
      "Memory is what a step needs beside parameters and optimizer states.",
      "muted",
    ),
  ];
  let y = MARGIN + HEADING;
  for (const workload of growing(report)) {
    QUANTITIES.forEach(({ unit, of }, column) => {
      const lines = linesOf(report, workload, of);
      if (lines.length === 0) return;
      const x = MARGIN + column * PANEL.width;
      parts.push(
        `<g transform="translate(${x} ${y})">\n${panel(`${workload}, ${unit}`, lines).join("\n")}\n</g>`,
      );
    });
    y += PANEL.height;
  }
  const origin = `${date.slice(0, 10)} · ${machine.cpu}, ${machine.cores} cores · Node ${machine.node}`;
  parts.push(chartText(MARGIN, y + 12, origin, "muted"));
  return svgDocument(
    2 * MARGIN + 2 * PANEL.width,
    y + MARGIN + 12,
    `Kiln, growing batches, ${date.slice(0, 10)}`,
    parts,
  );
}

function linesOf(
  { results }: Report,
  name: string,
  of: (peer: Measured) => number | undefined,
): readonly Line[] {
  const trainings = results
    .filter(({ workload, task }) => workload === name && task === "training")
    .toSorted((a, b) => a.batch - b.batch);
  const peers = distinct(trainings.flatMap((r) => measuredPeers(r).map(({ peer }) => peer)));
  return peers.flatMap((name) => {
    const points = trainings.flatMap((training) => {
      const peer = measuredPeers(training).find((p) => p.peer === name);
      const value = peer && of(peer);
      return value === undefined ? [] : [{ peer: peer!, point: [training.batch, value] as const }];
    });
    return points.length === 0 ? [] : [{ peer: points[0].peer, points: points.map(({ point }) => point) }];
  });
}

function panel(title: string, lines: readonly Line[]): string[] {
  const batches = distinct(lines.flatMap(({ points }) => points.map(([batch]) => batch)));
  const most = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)));
  const bottom = PANEL.height - PANEL.bottom;
  const x = (batch: number): number =>
    PANEL.left + ((PANEL.width - PANEL.left - PANEL.right) * batch) / Math.max(...batches);
  const y = (value: number): number => bottom - ((bottom - PANEL.top) * value) / most;
  const grid = [0, most / 2, most].flatMap((value) => [
    `<line class="grid" x1="${PANEL.left}" y1="${round(y(value))}" x2="${PANEL.width - PANEL.right}" y2="${round(y(value))}"/>`,
    chartText(PANEL.left - 6, y(value) + 4, value === 0 ? "0" : threeDigits(value), "muted", "end"),
  ]);
  const ticks = batches.map((batch) => chartText(x(batch), bottom + 15, `${batch}`, "muted", "middle"));
  // Overlapping names are moved apart.
  let above = Number.NEGATIVE_INFINITY;
  const curves = lines
    .toSorted((a, b) => b.points.at(-1)![1] - a.points.at(-1)![1])
    .flatMap(({ peer, points }) => {
      const path = points.map(([batch, value]) => `${round(x(batch))},${round(y(value))}`).join(" ");
      const [lastBatch, last] = points.at(-1)!;
      above = Math.max(above + 12, y(last) + 4);
      return [
        `<polyline class="line ${peer.kind}" points="${path}"><title>${escapeXml(peer.peer)}</title></polyline>`,
        ...points.map(
          ([batch, value]) =>
            `<circle class="${peer.kind}" cx="${round(x(batch))}" cy="${round(y(value))}" r="2.5"/>`,
        ),
        chartText(x(lastBatch) + 6, above, peer.peer),
      ];
    });
  return [chartText(0, 12, title, "panel"), ...grid, ...ticks, ...curves];
}
