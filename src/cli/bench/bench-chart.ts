/** `kiln bench --chart FILE`: the ending of the name says whether it is a picture or a page. */

import { extname } from "node:path";
import { comparisonHtml } from "../../compare/report-html.ts";
import { comparisonSvg } from "../../compare/report-svg.ts";
import type { Comparison } from "../../compare/types.ts";
import { KilnError } from "../../core/errors.ts";

type Chart = (comparisons: readonly Comparison[], name: string) => string;

const CHARTS: Readonly<Record<string, Chart>> = { ".svg": comparisonSvg, ".html": comparisonHtml };

/** Throws unless the name of `file` says what kind of chart it is to be. */
export function checkChartFile(file: string): void {
  if (extname(file) in CHARTS) return;
  throw new KilnError(
    `--chart must name a file that ends in ${Object.keys(CHARTS).join(" or ")}, not "${file}"`,
  );
}

/** The chart of that name; `model` is what the model is called. */
export const chartText = (file: string, comparisons: readonly Comparison[], model: string): string =>
  CHARTS[extname(file)](comparisons, model);
