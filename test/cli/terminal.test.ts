/** Texts for terminals of any width, with colours and without. */

import { afterEach, describe, expect, test } from "vitest";
import { paletteFor } from "../../src/cli/colours.ts";
import { table } from "../../src/cli/command.ts";
import { fitted } from "../../src/cli/terminal.ts";
import { TimeLeft } from "../../src/cli/train/time-left.ts";
import { TrainingDisplay } from "../../src/cli/train/training-display.ts";

const columns = Object.getOwnPropertyDescriptor(process.stdout, "columns");
afterEach(() => {
  if (columns === undefined) Reflect.deleteProperty(process.stdout, "columns");
  else Object.defineProperty(process.stdout, "columns", columns);
});
const onColumns = (value: number): void => {
  Object.defineProperty(process.stdout, "columns", { value, configurable: true, writable: true });
};

describe("tables", () => {
  const ROWS = [
    ["--epochs N", "how often all training samples are seen"],
    [
      "--optimizer sgd|adam|adamw|nadam|radam|adamax|rmsprop",
      "what updates the parameters ".repeat(4).trim(),
    ],
  ] as const;

  test("leave the text room beside a long option, which stands above it", () => {
    onColumns(80);
    const lines = table(ROWS).split("\n");
    expect(lines[0]).toBe("  --epochs N  how often all training samples are seen");
    expect(lines[1]).toBe("  --optimizer sgd|adam|adamw|nadam|radam|adamax|rmsprop");
    expect(lines[2]).toMatch(/^ {14}what updates the parameters what/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("are cut at a terminal's edge, and whole elsewhere", () => {
    const text = `${"a".repeat(60)}\nshort`;
    expect(fitted(text, { isTTY: true, columns: 50 })).toBe(`${"a".repeat(49)}…\nshort`);
    expect(fitted(text, {})).toBe(text);
  });
});

test("the time left goes by the pace of the steps, in all epochs that are to come", () => {
  let now = 0;
  const left = new TimeLeft(3, () => now);
  left.epochBegins(1, 100, 40);
  expect(left.text).toBe("");
  now = 500;
  left.step();
  expect(left.text).toBe("2 min 10 s left");
  now = 90_000; // testing between two epochs is no step
  left.epochBegins(3, 100, 97);
  now += 500;
  left.step();
  expect(left.text).toBe("1 s left");
  left.epochBegins(1, Number.NaN, 0);
  expect(left.text).toBe("");
});

describe("what a training shows", () => {
  const epoch = { epoch: 1, loss: 0.25, metrics: { accuracy: 0.9 }, seconds: 2, samplesPerSecond: 1234 };

  test("has colours where they are wanted, around the same text", () => {
    const lines: string[] = [];
    for (const env of [{ FORCE_COLOR: "1" }, { NO_COLOR: "1" }]) {
      const display = new TrainingDisplay(3, undefined, {
        palette: paletteFor({ isTTY: true }, env),
        print: (line) => lines.push(line),
      });
      display.epochEnds(epoch);
    }
    const [coloured, plain] = lines;
    expect(plain).toBe("epoch 1/3  loss 0.2500  test accuracy 90.00 %  2.0 s  1,234 samples/s");
    expect(coloured).toContain("\u001b[");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
    expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(plain);
  });

  test("keeps its chart within the terminal", () => {
    const lines: string[] = [];
    const display = new TrainingDisplay(1, undefined, {
      palette: paletteFor({}, {}),
      print: (line) => lines.push(...line.split("\n")),
      columns: 50,
    });
    for (let step = 0; step < 500; step++) display.curve.add(1 / (step + 1));
    display.showCurve();
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(50);
    expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(40);
  });
});
