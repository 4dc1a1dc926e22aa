/** Comparisons as an SVG chart, a panel for each batch size side by side. It loads nothing and runs nothing. */

import { escapeXml, plainLine } from "../inspect/escape.ts";
import { CHART_STYLE, comparisonPanel, PANEL_WIDTH, type Panel, text } from "./chart-panel.ts";
import { headingText } from "./figures-text.ts";
import type { Comparison } from "./types.ts";

/** In pixels. */
const MARGIN = 20;
const HEADING = 26;
const PANEL_HEADING = 14;
const GAP = 36;
const FOOTER = 22;

/** Panels in a row. */
const COLUMNS = 3;

/** The chart as the text of an SVG file; `name` is what the model is called. */
export function comparisonSvg(
  comparisons: readonly Comparison[],
  name: string = comparisons[0].model,
): string {
  const panels = comparisons.map(comparisonPanel);
  const columns = Math.min(COLUMNS, panels.length);
  const width = 2 * MARGIN + columns * PANEL_WIDTH + (columns - 1) * GAP;
  const parts = [text(MARGIN, MARGIN + 8, name, "name")];
  let y = MARGIN + HEADING;
  for (let k = 0; k < panels.length; k += columns) {
    const row = panels.slice(k, k + columns);
    for (const [column, panel] of row.entries()) {
      const x = MARGIN + column * (PANEL_WIDTH + GAP);
      parts.push(text(x, y + 4, headingText(comparisons[k + column]), "title"));
      parts.push(placed(panel, x, y + PANEL_HEADING));
    }
    y += PANEL_HEADING + Math.max(...row.map(({ height }) => height)) + GAP / 2;
  }
  parts.push(text(MARGIN, y + FOOTER / 2, comparisons[0].machine, "muted"));
  return chartElement(width, y + FOOTER, parts.join("\n"), {
    title: name,
    style: `<style>${CHART_STYLE}\n</style>`,
  });
}

/** A chart for a page that has the style already: one panel, as wide as there is room. */
export function panelSvg(comparison: Comparison, name: string): string {
  const { height, content } = comparisonPanel(comparison);
  return chartElement(PANEL_WIDTH, height, content, { title: name, style: "" });
}

function chartElement(
  width: number,
  height: number,
  content: string,
  { title, style }: { readonly title: string; readonly style: string },
): string {
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const named = `<title>${escapeXml(plainLine(title))}</title>`;
  const lines = [named, style, content].filter((line) => line !== "");
  return `<svg class="kiln-chart" xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n${lines.join("\n")}\n</svg>\n`;
}

const placed = ({ content }: Panel, x: number, y: number): string =>
  `<g transform="translate(${x} ${y})">\n${content}\n</g>`;
