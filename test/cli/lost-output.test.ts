/** Commands whose output is lost, to a reader who has left or to a full disk: files are written all the same, or it is an error. */

import { spawn } from "node:child_process";
import { existsSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { barModel, COMMAND, LENET, type Result, smallMnist, temporaryFolder, writeAll } from "./kiln.ts";

const folder = temporaryFolder();
writeAll(folder, { ...smallMnist("mnist"), "bars.ts": barModel() });
const TRAIN = ["train", "bars.ts", "--data", "mnist", "--epochs", "3"];

/** Runs the command with a reader that leaves after the first line, or with a full disk, behind its output. */
function kilnInto(end: "a reader who leaves" | "a full disk", args: readonly string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stdoutEnd = end === "a full disk" ? openSync("/dev/full", "w") : "pipe";
    const child = spawn(process.execPath, [COMMAND, ...args], {
      cwd: folder,
      stdio: ["ignore", stdoutEnd, "pipe"],
      env: { ...process.env, KILN_DEBUG: "" },
    });
    let [stdout, stderr] = ["", ""];
    child.stdout?.setEncoding("utf8").once("data", (text: string) => {
      stdout = text;
      child.stdout?.destroy();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const hasFull = existsSync("/dev/full");
const FULL = "kiln: cannot write to standard output: the disk is full\n";

describe("kiln train", () => {
  it("saves what it learns when nobody listens any more", async () => {
    const { code, stderr } = await kilnInto("a reader who leaves", [...TRAIN, "--out", "unheard"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(readdirSync(join(folder, "unheard")).sort()).toEqual([
      "checkpoint.safetensors",
      "model.safetensors",
      "run.json",
    ]);
  });

  it("ends with an error when nobody listens and nothing is saved", async () => {
    const { code, stderr } = await kilnInto("a reader who leaves", TRAIN);
    expect(stderr).toBe(
      "kiln: the training has ended, as nothing would be left of it without --out: its output is lost, its reader has gone\n",
    );
    expect(code).toBe(1);
  });

  it.skipIf(!hasFull)(
    "saves what it learns and ends with an error when its output's disk is full",
    async () => {
      const { code, stderr } = await kilnInto("a full disk", [...TRAIN, "--out", "full"]);
      expect([code, stderr]).toEqual([1, FULL]);
      expect(existsSync(join(folder, "full", "model.safetensors"))).toBe(true);
    },
  );
});

const COMMANDS: readonly (readonly string[])[] = [
  ["--help"],
  ["backends"],
  ["check", LENET],
  ["dump", "bars.ts", "--all"],
  ["build", "bars.ts", "--out", "built"],
  ["bench", "bars.ts", "--backends", "js", "--seconds", "0.01", "--no-verify"],
  ["explore", "bars.ts", "--seconds", "0", "--out", "bars.html", "--no-open", "--backends", "js"],
];

describe.skipIf(!hasFull)("one line and code 1 when the disk is full", () => {
  it.each(COMMANDS)("kiln %s", async (...args) => {
    const { code, stderr } = await kilnInto("a full disk", args);
    expect([code, stderr]).toEqual([1, FULL]);
  });
});

it("a command whose output is its product ends well when its reader leaves", async () => {
  const { code, stderr } = await kilnInto("a reader who leaves", ["dump", "bars.ts", "--all"]);
  expect([code, stderr]).toEqual([0, ""]);
});
