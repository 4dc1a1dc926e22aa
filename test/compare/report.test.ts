/** What a comparison looks like: as text, as a chart, as a page; whatever somebody calls models and kernels. */

import { describe, expect, test } from "vitest";
import { comparisonHtml } from "../../src/compare/report-html.ts";
import { comparisonSvg } from "../../src/compare/report-svg.ts";
import { comparisonText } from "../../src/compare/report-text.ts";
import type { BackendResult, Comparison, Difference, KernelResult } from "../../src/compare/types.ts";
import { HOSTILE } from "../inspect/hostile.ts";

const kernel = (name: string, milliseconds: number, partOf = name): KernelResult => ({
  ...{ name, partOf, at: "net.ts:4 fc", milliseconds, gflops: 2, flops: 2e6, nominalFlops: 4e6 },
  ...{ bytes: 1e6, intensity: 2, schedule: "plain", prepares: false },
});

const MEMORY = {
  arenaBytes: 1500,
  parameterBytes: 800,
  preparedBytes: 0,
  unsharedBytes: 2000,
  peakBytes: 1400,
  peakKernel: "fc",
};

const deviation = (name: string, difference: number) => ({
  ...{ kernel: name, at: "net.ts:4 fc", value: "%3", difference, allowed: 1e-5 },
  ...{ elements: 6000, beyond: difference > 1e-5 ? 4000 : 0 },
});

const FINE: Difference = {
  ...{ checked: true, batchSize: 8, first: null },
  ...{ largest: deviation("fc", 2e-6), values: [deviation("fc", 2e-6)] },
};

const result = (backend: string, milliseconds: number, difference: Difference = FINE): BackendResult => ({
  ...{ backend, compileMilliseconds: 12, milliseconds, runs: 9, memory: MEMORY, tuned: [], difference },
  kernels: [kernel("fc", milliseconds / 2), kernel("fc_panel0", milliseconds / 10, "fc")],
});

const comparison = (results: readonly BackendResult[], batchSize = 8): Comparison => ({
  ...{ model: "Net", mode: "training", batchSize, machine: "an engine", results },
});

const PLAIN = comparison([result("js", 2), result("wasm", 1)]);

describe("the text", () => {
  test("says what rounding explains, and on how many samples", () => {
    const text = comparisonText({ ...PLAIN, batchSize: 64 });
    expect(text).toMatch(
      /^Net, training step, batch 64\n\njs: 2\.00 ms \(median of 9; compiled in 12 ms\)\n/,
    );
    expect(text).toContain("wasm: 1.00 ms, 0.50 × js");
    expect(text).toContain(
      "  difference: at most 2.0e-6 (%3 of kernel fc), which is rounding; compared on 8 samples of 64\n",
    );
    expect(text).toContain(
      "  memory: 1.50 kB arena (1.40 kB alive at once in kernel fc), 800 B parameters and other states\n",
    );
  });

  test("names the first kernel that differs, and why nothing was compared", () => {
    const wrong = deviation("fc", 0.25);
    const difference: Difference = { ...FINE, first: wrong, largest: wrong } as Difference;
    expect(comparisonText(comparison([result("js", 2, difference)]))).toContain(
      "difference: more than rounding first in kernel fc at net.ts:4 fc: 2.5e-1 in %3, 4000 of 6000 elements; at most 2.5e-1 (%3 of kernel fc)\n",
    );
    const few: Difference = { ...FINE, first: { ...wrong, beyond: 6 } } as Difference;
    expect(comparisonText(comparison([result("js", 2, few)]))).toContain(
      "2.5e-1 in %3, 6 of 6000 elements (perhaps a relu or a maximum over nearly equal numbers);",
    );
    const none: Difference = { checked: false, reason: "it was not asked for" };
    expect(comparisonText(comparison([result("js", 2, none)]))).toContain(
      "difference: not compared with the oracle: it was not asked for\n",
    );
  });
});

describe("the chart", () => {
  const namesIn = (svg: string): string[] =>
    [...svg.matchAll(/class="name">([^<]*)</g)].map(([, name]) => name);

  test("has a bar for each backend's step, and one for each kernel with its parts", () => {
    const svg = comparisonSvg([PLAIN], "net.ts");
    expect(namesIn(svg)).toEqual(["net.ts", "fc"]);
    expect(svg.match(/<rect /g)).toHaveLength(4);
    expect(svg).toContain(">1.20</text>");
    expect(svg).not.toContain("logarithmic");
  });

  test("names the largest of many kernels and sums up the rest", () => {
    const kernels = Array.from({ length: 40 }, (_, k) => kernel(`k${k}`, 40 - k));
    const svg = comparisonSvg([comparison([{ ...result("js", 900), kernels }])]);
    const first = Array.from({ length: 12 }, (_, k) => `k${k}`);
    expect(namesIn(svg)).toEqual(["Net", ...first, "the other 28 kernels together"]);
    // 28 + 27 + … + 1
    expect(svg).toContain(">406</text>");
  });

  test("is logarithmic where backends lie far apart, and has a panel for each batch", () => {
    const slow = comparison([result("js", 2), result("gpujs:cpu", 200)], 64);
    const svg = comparisonSvg([PLAIN, slow]);
    expect(svg).toContain("Training step, batch 8");
    expect(svg).toContain("Training step, batch 64");
    expect(svg.match(/on a logarithmic scale/g)).toHaveLength(1);
    expect(Number(/<svg .*? width="(\d+)"/.exec(svg)?.[1])).toBeGreaterThan(800);
  });

  test("draws what took no time at all", () => {
    const still = { ...result("js", 0), kernels: [kernel("fc", 0)] };
    expect(comparisonSvg([comparison([still])])).not.toMatch(/NaN|Infinity/);
  });
});

describe("the page", () => {
  test("needs no script and nothing from elsewhere", () => {
    const html = comparisonHtml([PLAIN], "net.ts");
    expect(html).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    );
    expect(html).not.toMatch(/<script|\son\w+=|<link|<img|<iframe|@import|url\(|\ssrc=|\shref=/i);
    // The namespace of SVG is a name and no reference.
    expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:|\/\//);
    expect(html).toContain('<meta name="viewport"');
    expect(html.match(/prefers-color-scheme: dark/g)).toHaveLength(2);
    expect(html).toContain("@media print");
    expect(html).toContain("an engine");
  });

  test("marks what rounding does not explain", () => {
    const wrong = deviation("fc", 0.25);
    const difference = { ...FINE, first: wrong, largest: wrong, values: [wrong] } as Difference;
    const html = comparisonHtml([comparison([result("js", 2), result("wasm", 1, difference)])]);
    // In the summary, in the sentence, at the kernel.
    expect(html.match(/class="beyond"/g)).toHaveLength(3);
  });
});

describe("hostile names", () => {
  const named = (name: string): Comparison => {
    const wrong = { ...deviation(name, 0.5), at: name, value: name };
    const difference: Difference = {
      checked: true,
      batchSize: 2,
      first: wrong,
      largest: wrong,
      values: [wrong],
    };
    const base = result(name, 1, difference);
    const skipped = result("js", 1, { checked: false, reason: name });
    const kernels = [{ ...kernel(name, 1), at: name, schedule: name }];
    const memory = { ...MEMORY, peakKernel: name };
    return { ...comparison([{ ...base, kernels, memory }, skipped]), model: name, machine: name };
  };
  /** Markup alone: what stands between and around tags. */
  const tagsOf = (markup: string): string[] => markup.match(/<[^>]*>/g) ?? [];
  const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

  test.each(HOSTILE)("%j is shown as text", (name) => {
    const [bad, good] = [named(name), named("good")];
    for (const report of [comparisonSvg, comparisonHtml]) {
      expect(tagsOf(report([bad])).map((tag) => tag.replace(/(width|x)="[\d.]*"/g, ""))).toEqual(
        tagsOf(report([good])).map((tag) => tag.replace(/(width|x)="[\d.]*"/g, "")),
      );
      expect(report([bad]).replaceAll("\n", "")).not.toMatch(CONTROL);
    }
    const text = comparisonText(bad);
    expect(text.replaceAll("\n", "")).not.toMatch(CONTROL);
    expect(text.split("\n")).toHaveLength(comparisonText(good).split("\n").length);
  });
});
