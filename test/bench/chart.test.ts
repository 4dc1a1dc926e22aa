/** The SVG chart: well-formed, its bars as long as logarithms, its text escaped. */

import { describe, expect, test } from "vitest";
import { chart } from "../../bench/src/chart.ts";
import type { PeerKind } from "../../bench/src/peer.ts";
import { comparison, measured, report } from "./reports.ts";

const JOB = { task: "training", workload: "lenet5", batch: 1 } as const;

/** Every tag closes what was opened last; returns the names of all elements. */
function elements(svg: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  for (const [, slash, name, rest] of svg.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<>]*")*\s*\/?)>/g)) {
    if (slash === "/") expect(open.pop()).toBe(name);
    else {
      names.push(name);
      if (!rest.endsWith("/")) open.push(name);
    }
  }
  expect(open).toEqual([]);
  return names;
}

const bars = (svg: string, kind: PeerKind): number[] =>
  [...svg.matchAll(new RegExp(`class="${kind}" x="96" y="[\\d.]+" width="([\\d.]+)"`, "g"))].map((match) =>
    Number(match[1]),
  );

describe("the chart", () => {
  test("has a bar for each measured peer, as long as the logarithm of its time", () => {
    const svg = chart(
      report(
        comparison(
          JOB,
          measured("kiln-wasm", "kiln", 0.1),
          measured("pytorch", "native", 1),
          measured("tfjs-wasm", "javascript", 10),
          measured("jax-js", "javascript", 100),
        ),
      ),
    );
    elements(svg);
    // Four decades, from 0.01 ms on so that the shortest bar is seen, over 124 pixels.
    expect(bars(svg, "kiln")).toEqual([31]);
    expect(bars(svg, "native")).toEqual([62]);
    expect(bars(svg, "javascript")).toEqual([93, 124]);
    expect(svg).toContain(">0.100 ms</text>");
    expect(svg).toContain(">10.0 ms · 100×</text>");
    expect(svg).toContain(">0.01 ms</text>");
  });

  test("names a peer that is missing here, but not one that is missing everywhere", () => {
    const kiln = measured("kiln-wasm", "kiln", 1);
    const never = { peer: "onnxruntime", missing: "cannot train" };
    const svg = chart(
      report(
        comparison(JOB, kiln, measured("tfjs-cpu", "javascript", 9), never),
        comparison({ ...JOB, batch: 64 }, kiln, { peer: "tfjs-cpu", missing: "too slow" }, never),
      ),
    );
    expect(svg.match(/not measured/g)).toHaveLength(1);
    expect(svg).not.toContain("onnxruntime");
  });

  test("panels are grouped by task, workload and batch", () => {
    const kiln = measured("kiln-wasm", "kiln", 1);
    const jobs = (["training", "inference"] as const).flatMap((task) =>
      ["lenet5", "mlp"].flatMap((workload) => [1, 8].map((batch) => ({ task, workload, batch }))),
    );
    const svg = chart(report(...jobs.map((job) => comparison(job, kiln))));
    const titles = [...svg.matchAll(/class="(?:title|panel)">([^<]*)</g)].map((match) => match[1]);
    const panels = ["lenet5, batch 1", "mlp, batch 1", "lenet5, batch 8", "mlp, batch 8"];
    expect(titles).toEqual([
      "Milliseconds per training step (forward, backward, update)",
      ...panels,
      "Milliseconds per forward pass",
      ...panels,
    ]);
  });

  test("escapes what stands in names, and brings colours for light and dark pages", () => {
    const name = `<script>alert("&")</script>`;
    const whole = report(comparison({ ...JOB, workload: name }, measured(name, "kiln", 1)));
    const svg = chart({ ...whole, machine: { ...whole.machine, cpu: name } });
    expect(elements(svg)).not.toContain("script");
    expect(
      svg.match(/&lt;script&gt;alert\(&quot;&amp;&quot;\)&lt;\/script&gt;/g)!.length,
    ).toBeGreaterThanOrEqual(3);
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).not.toMatch(/href|url\(/);
  });

  test("of nothing is an empty picture", () => {
    expect(elements(chart(report()))).not.toContain("rect");
  });
});
