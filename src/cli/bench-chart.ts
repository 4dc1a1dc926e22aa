/** `kiln bench --chart FILE`: the ending of the name says whether it is a picture or a page. */

import { mkdir } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { comparisonHtml } from "../compare/report-html.ts";
import { comparisonSvg } from "../compare/report-svg.ts";
import type { Comparison } from "../compare/types.ts";
import { KilnError } from "../core/errors.ts";
import { fileErrorReason, writeAtomically } from "../runtime/atomic-file.ts";

type Chart = (comparisons: readonly Comparison[], name: string) => string;

const CHARTS: Readonly<Record<string, Chart>> = { ".svg": comparisonSvg, ".html": comparisonHtml };

/** Throws unless the name of `file` says what kind of chart it is to be. */
export function checkChartFile(file: string): void {
  if (extname(file) in CHARTS) return;
  throw new KilnError(
    `--chart must name a file that ends in ${Object.keys(CHARTS).join(" or ")}, not "${file}"`,
  );
}

/** Writes the chart, and the folders it lies in. */
export async function writeChart(
  file: string,
  comparisons: readonly Comparison[],
  name: string,
): Promise<void> {
  const text = CHARTS[extname(file)](comparisons, name);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeAtomically(file, text);
  } catch (error) {
    throw new KilnError(`cannot write ${file}: ${fileErrorReason(error)}`);
  }
}
