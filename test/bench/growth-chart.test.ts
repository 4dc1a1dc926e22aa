/** The chart of growing batches: straight lines for what grows with the batch alone, nothing for a single batch. */

import { expect, test } from "vitest";
import { growing, growthChart } from "../../bench/src/growth-chart.ts";
import { comparison, measured, report } from "./reports.ts";

const training = (batch: number, ms: number, peakBytes?: number) =>
  comparison(
    { task: "training", workload: "gpt", batch },
    measured("kiln-wasm", "kiln", ms, peakBytes === undefined ? {} : { peakBytes }),
    measured("jax-js", "javascript", 2 * ms),
  );

const lines = (svg: string): number[][][] =>
  [...svg.matchAll(/<polyline [^>]*points="([^"]*)"/g)].map(([, points]) =>
    points.split(" ").map((point) => point.split(",").map(Number)),
  );

test("a line for each peer and quantity, linear from 0 on, whatever the order of the batches", () => {
  const svg = growthChart(report(training(16, 4, 6e6), training(8, 2, 3e6), training(32, 8, 12e6)));
  const drawn = lines(svg);
  // Milliseconds of both peers; the memory of the one that tells it.
  expect(drawn).toHaveLength(3);
  for (const points of drawn) {
    const slope = (a: number[], b: number[]): number => (b[1] - a[1]) / (b[0] - a[0]);
    expect(points.map(([x]) => x)).toEqual(points.map(([x]) => x).toSorted((a, b) => a - b));
    // Coordinates are rounded to tenths of a pixel.
    expect(slope(points[0], points[1])).toBeCloseTo(slope(points[1], points[2]), 1);
  }
  expect(svg).toContain("gpt, MB at the peak");
  expect(svg).toContain(">12.0</text>");
});

test("there is nothing to draw of a single batch, or of inference", () => {
  const inference = [8, 16].map((batch) =>
    comparison({ task: "inference", workload: "mlp", batch }, measured("kiln-wasm", "kiln", 1)),
  );
  expect(growing(report(training(8, 2), ...inference))).toEqual([]);
});
