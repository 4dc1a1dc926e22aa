/** `kiln summary`: the table and the data of a model file, for other shapes and batches. */

import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseCommand } from "../../src/cli/command.ts";
import { summaryCommand } from "../../src/cli/summary.ts";
import { LENET, ROOT } from "./kiln.ts";

const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
  vi.spyOn(console, "log").mockImplementation((text: string) => void lines.push(text));
});
afterEach(() => vi.restoreAllMocks());

async function summaryOf(...args: string[]): Promise<string> {
  await summaryCommand.run(parseCommand(summaryCommand, [LENET, ...args]), pathToFileURL(ROOT));
  return lines.join("\n");
}

test("prints a table, with the memory of a training step by default", async () => {
  const text = await summaryOf("--optimizer", "adam", "--input", "64,1,32,32");
  expect(text).toContain("  conv2: Conv2d  [64,16,10,10]       2,416  30.8 M\n");
  expect(text).toContain("parameters   61,706: 247 kB\n");
  // Adam keeps two numbers for each parameter.
  expect(text).toMatch(/training step, and 740 kB for parameters/);
});

test("gives data, for another batch or other shapes", async () => {
  const flops = 2 * (6 * 784 * 51 + 16 * 100 * 301 + 120 * 801 + 84 * 241 + 10 * 169);
  const { kilnSummary, layers, memory } = JSON.parse(
    await summaryOf("--batch-size", "2", "--mode", "forward", "--json"),
  );
  expect([kilnSummary, layers.length, layers[0].outputs]).toEqual([
    1,
    6,
    [{ dtype: "float32", shape: [2, 10] }],
  ]);
  expect(layers.slice(1).reduce((sum: number, layer: { flops: number }) => sum + layer.flops, 0)).toBe(flops);
  expect(memory).not.toHaveProperty("training");
  await expect(summaryOf("--input", "2,1,32,32", "--batch-size", "2")).rejects.toThrow("not both");
});
