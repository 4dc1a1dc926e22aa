/** The parts of the command line that work without a process: the output folder, the loss curve, error texts. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkWritable, writeFiles } from "../../src/cli/output-folder.ts";
import { reportText } from "../../src/cli/report.ts";
import { LossCurve } from "../../src/cli/train/loss-curve.ts";
import { KilnError } from "../../src/core/errors.ts";
import { suggestion } from "../../src/core/suggestion.ts";
import { temporaryFolder } from "./kiln.ts";

const folder = temporaryFolder();
const ROOT = new URL("../../", import.meta.url);

describe("the output folder", () => {
  it("is checked without a trace", async () => {
    await checkWritable(join(folder, "a/b/c"));
    await checkWritable(folder);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("gets whole files, which replace older ones", async () => {
    const out = join(folder, "run/one");
    await writeFiles(out, { "a.txt": "old", "b.bin": Uint8Array.of(1, 2) });
    await writeFiles(out, { "a.txt": "new" });
    expect(readdirSync(out).sort()).toEqual(["a.txt", "b.bin"]);
    expect(readFileSync(join(out, "a.txt"), "utf8")).toBe("new");
  });

  it("keeps no half-written file when writing fails", async () => {
    const out = join(folder, "taken");
    await writeFiles(join(out, "a.txt"), { inner: "" });
    await expect(writeFiles(out, { "a.txt": "text" })).rejects.toThrow(KilnError);
    expect(readdirSync(out)).toEqual(["a.txt"]);
  });

  it("is cleared of what a killed process was writing, and of nothing else", async () => {
    const out = join(folder, "leftovers");
    const gone = spawnSync(process.execPath, ["--version"]).pid;
    const own = `.a.txt.${process.pid}.tmp`;
    await writeFiles(out, {
      [`.a.txt.${gone}.tmp`]: "",
      [`.b.txt.${gone}.k3x-0.tmp`]: "",
      [own]: "",
      ".hidden": "",
      "b.1.tmp": "",
    });
    await checkWritable(out);
    expect(readdirSync(out).sort()).toEqual([own, ".hidden", "b.1.tmp"].sort());
  });

  it("cannot lie below a file", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const message = `cannot write to the folder ${file}/x: a part of the path is a file, not a folder`;
    await expect(checkWritable(`${file}/x`)).rejects.toThrow(message);
    expect(existsSync(file)).toBe(true);
  });
});

describe("the loss curve", () => {
  it("keeps every loss while there are few", () => {
    const curve = new LossCurve();
    for (const loss of [3, 2, 1]) curve.add(loss);
    expect(curve.toJSON()).toEqual({ stepsPerPoint: 1, losses: [3, 2, 1] });
    expect(curve.draw(10, 2).split("\n")).toHaveLength(3);
  });

  it("stays short and true to the mean when there are many", () => {
    const curve = new LossCurve();
    const count = 8000;
    for (let step = 0; step < count; step++) curve.add(step);
    const { stepsPerPoint, losses } = curve.toJSON();
    expect(losses.length * stepsPerPoint).toBe(count);
    expect(losses.length).toBeLessThanOrEqual(2000);
    expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeCloseTo((count - 1) / 2, 6);
    for (const line of curve.draw(40, 5).split("\n")) expect(line.length).toBeLessThanOrEqual(52);
  });

  it("goes on from its state as if it had never stopped", () => {
    const whole = new LossCurve();
    let resumed = new LossCurve();
    for (let step = 0; step < 9001; step++) {
      whole.add(Math.sin(step));
      resumed.add(Math.sin(step));
      if (step % 977 === 0) resumed = new LossCurve(JSON.parse(JSON.stringify(resumed.state)));
    }
    expect(resumed.state).toEqual(whole.state);
    expect(whole.state.stepsPerPoint).toBe(8);
  });

  it("is not drawn from one loss", () => {
    const curve = new LossCurve();
    curve.add(1);
    expect(curve.draw(10, 2)).toBe("");
  });
});

describe("an error's text", () => {
  it("is one line for a mistake, whatever its message holds", () => {
    const error = new KilnError("wrong\nmodel\u001b[2J");
    error.stack = "";
    expect(reportText(error, ROOT)).toBe("kiln: wrong model [2J");
  });

  it("names the user's line where the mistake itself does not", () => {
    const stack = `    at view (${new URL("src/tensor/tensor.ts", ROOT).pathname}:3:1)\n    at f (/home/me/net.ts:7:9)`;
    const error = Object.assign(new KilnError("no such view"), { stack });
    expect(reportText(error, ROOT)).toBe("kiln: no such view (/home/me/net.ts:7)");
    const placed = Object.assign(new KilnError("bad", [{ file: "a.ts", line: 2, module: "fc" }]), { stack });
    expect(reportText(placed, ROOT)).toBe("kiln: bad (a.ts:2 fc)");
  });

  it("is one line for a failure of the system", async () => {
    const error = await import("node:fs/promises").then((fs) =>
      fs.readFile("/gone").catch((e: unknown) => e),
    );
    expect(reportText(error, ROOT)).toMatch(/^kiln: ENOENT: [^\n]*$/);
  });

  it("shows the stack of a defect and asks for a report", () => {
    const error = new TypeError("x is undefined");
    error.stack = `TypeError: x is undefined\n    at run (${new URL("src/compile.ts", ROOT).pathname}:3:1)`;
    expect(reportText(error, ROOT)).toMatch(
      /^kiln: this should not have happened; .*report it.*\nTypeError: x is/,
    );
  });

  it("names the user's line when the user's code threw", () => {
    const error = new TypeError("x is undefined");
    error.stack = "TypeError: x is undefined\n    at Array.map (<anonymous>)\n    at f (/home/me/net.ts:7:9)";
    expect(reportText(error, ROOT)).toBe("kiln: TypeError: x is undefined (/home/me/net.ts:7)");
  });
});

describe("a suggestion", () => {
  it.each([
    ["--epoch", " (did you mean --epochs?)"],
    ["--epohcs", " (did you mean --epochs?)"],
    ["--colour", ""],
    ["e", ""],
  ])("for %s", (given, hint) => {
    expect(suggestion(given, ["--data", "--epochs", "--lr"])).toBe(hint);
  });
});
