/** What an error shows of itself: a defect says whose it is and what to do about it, a mistake where it is. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PassManager } from "../../passes/manager.ts";
import { invariant } from "../../src/core/errors.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { opTable } from "../../src/ops/registry.ts";

const REQUEST = /this is a defect of Kiln, not of your model: please report it/g;

const messageOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
};

test("an internal error asks for a report", () => {
  const message = messageOf(() => invariant(false, "the group waits for itself"));
  expect(message).toMatch(/^the group waits for itself\n/);
  expect(message.match(REQUEST)).toHaveLength(1);
});

test("one that is told again with the pass that broke the graph asks once", () => {
  const graph = parseGraph("graph g(%x: f32[2]) {\n  %0: f32[2] = relu(%x)\n  return output=%0\n}", opTable);
  const broken = { name: "broken", doc: "", run: () => ({ ...graph, nodes: [] }) };
  const message = messageOf(() => new PassManager().run(broken, graph));
  expect(message).toMatch(/^after pass broken: /);
  expect(message.match(REQUEST)).toHaveLength(1);
});

test("a mistake that nobody catches shows its message and the user's line, and nothing of Kiln's inside", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kiln-uncaught-"));
  try {
    const program = join(folder, "net.mts");
    writeFileSync(
      program,
      `import { compile, nn, tensor } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};\n` +
        "class Net extends nn.Module {\n  forward(x) {\n    return x.add(tensor([1, 2, 3]));\n  }\n}\n" +
        "await compile(new Net(), { inputs: [[2, 4]] });\n",
    );
    const run = spawnSync(process.execPath, ["--import", import.meta.resolve("tsx"), program], {
      encoding: "utf8",
      env: { ...process.env, KILN_DEBUG: "" },
    });
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/KilnError: add cannot combine shapes .*\(net\.mts:4\)\n {4}at Net\.forward/);
    expect(run.stderr).not.toContain("/src/");
    expect(run.stderr).not.toContain("origins");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
