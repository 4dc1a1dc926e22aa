/** `kiln bench --chart FILE`: the file's extension selects a picture or a page. */

import { extname } from "node:path";
import { comparisonHtml } from "../../compare/report-html.ts";
import { comparisonSvg } from "../../compare/report-svg.ts";
import type { Comparison } from "../../compare/types.ts";
import { KilnError } from "../../core/errors.ts";

type Chart = (comparisons: readonly Comparison[], name: string) => string;

const CHARTS: Readonly<Record<string, Chart>> = { ".svg": comparisonSvg, ".html": comparisonHtml };

/** Throws unless the extension of `file` selects a kind of chart. */
export function checkChartFile(file: string): void {
  if (extname(file) in CHARTS) return;
  throw new KilnError(
    `--chart must name a file that ends in ${Object.keys(CHARTS).join(" or ")}, not "${file}"`,
  );
}

/** The chart for that file name; `model` is the model's name. */
export const chartText = (file: string, comparisons: readonly Comparison[], model: string): string =>
  CHARTS[extname(file)](comparisons, model);
