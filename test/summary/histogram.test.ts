/** Histograms against counts by hand and, for the growing bins, their definition. */

import { describe, expect, it } from "vitest";
import { makeHistogram } from "../../src/summary/histogram.ts";

describe("makeHistogram", () => {
  it("counts into equal bins, the upper edge of the last included, with an empty bin in front", () => {
    const histogram = makeHistogram([0, 1, 1, 2, 4], 4, "h");
    expect(histogram).toEqual({
      min: 0,
      max: 4,
      count: 5,
      sum: 8,
      sumOfSquares: 22,
      limits: [0, 1, 2, 3, 4],
      counts: [0, 1, 2, 1, 1],
    });
    expect(makeHistogram([3, 3], 1, "h")).toMatchObject({ limits: [2.5, 3.5], counts: [0, 2] });
  });

  it("leaves out empty bins at both ends and keeps those between", () => {
    const histogram = makeHistogram([2.5, 4.5, 4.6], [0, 1, 2, 3, 4, 5, 6], "h");
    expect(histogram).toMatchObject({ limits: [2, 3, 4, 5], counts: [0, 1, 0, 2] });
    // Values outside of given edges are not counted, but are among the moments.
    expect(makeHistogram([-9, 0.5, 9], [0, 1], "h")).toMatchObject({ count: 3, min: -9, counts: [0, 1] });
  });

  it("has bins that grow by a tenth in both directions by default", () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i) * 10 ** ((i % 7) - 4));
    const { limits, counts, count } = makeHistogram(values, "tensorflow", "h");
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(1000);
    expect([count, counts[0], counts.length]).toEqual([1000, 0, limits.length]);
    expect(counts[1]).toBeGreaterThan(0);
    expect(counts.at(-1)).toBeGreaterThan(0);
    for (let k = 1; k < limits.length; k++) {
      const inBin = values.filter((value) => value >= limits[k - 1] && value < limits[k]).length;
      expect(counts[k]).toBe(inBin);
      // Each limit is the one before, a tenth further from zero or nearer to it, or lies beside zero.
      const ratio = limits[k] / limits[k - 1];
      const grows = Math.abs(ratio - 1.1) < 1e-9 || Math.abs(ratio - 1 / 1.1) < 1e-9;
      expect(grows || limits[k - 1] === 0 || limits[k] === 0).toBe(true);
    }
    expect(makeHistogram([0], "tensorflow", "h")).toMatchObject({ limits: [0, 1e-12], counts: [0, 1] });
  });

  it("names what it cannot count", () => {
    expect(() => makeHistogram([], 3, "h")).toThrow("histogram h has no values");
    expect(() => makeHistogram([1], 0, "h")).toThrow("histogram h needs at least 1 bin, not 0");
    expect(() => makeHistogram([1], [2, 1], "h")).toThrow("needs two or more bin edges in ascending order");
    expect(() => makeHistogram([5], [0, 1], "h")).toThrow(
      "histogram h counts nothing: all values lie outside of its bins from 0 to 1",
    );
    expect(() => makeHistogram([1, Number.POSITIVE_INFINITY], 3, "h")).toThrow(
      "histogram h cannot count Infinity, its value at index 1",
    );
  });
});
