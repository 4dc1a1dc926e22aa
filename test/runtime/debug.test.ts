/** `KILN_DEBUG`: what each level shows, how little of it, and that nothing is shown without it. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { compile, compileTraining, nn, optim, randn, type Tensor, tensor } from "kiln-js";
import { afterEach, describe, expect, test } from "vitest";
import { debugLevel, debugTo, readDebug, setDebug } from "../../src/runtime/inspection/debug.ts";
import { RunLog } from "../../src/runtime/inspection/run-log.ts";
import { kiln, ROOT, temporaryFolder, writeAll } from "../cli/kiln.ts";

afterEach(() => setDebug(undefined));

/** Has that level on from here to the end of the test; the lines that are written. */
function linesAt(level: number): string[] {
  const lines: string[] = [];
  setDebug(debugTo(level, (line) => lines.push(line)));
  return lines;
}

class Net extends nn.Module {
  fc1 = new nn.Linear(4, 8);
  fc2 = new nn.Linear(8, 2);

  override forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).relu());
  }
}

const trainNet = (accumulate = 1) => {
  const model = new Net();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const loss = new nn.CrossEntropyLoss();
  return compileTraining(model, { inputs: [[4, 4]], loss, optimizer, backend: "js", accumulate });
};

const LABELS = tensor(new Int32Array(4));

describe("the variable", () => {
  test.each([
    [undefined, 0],
    ["", 0],
    ["0", 0],
    ["1", 1],
    [" 4 ", 4],
    [3, 3],
    ["5", undefined],
    ["yes", undefined],
    ["1.5", undefined],
    ["toString", undefined],
  ])("%j means level %j", (value, level) => {
    expect(debugLevel(value)).toBe(level);
  });

  test("what is no level is said once, with what there is, and shows nothing", () => {
    const lines: string[] = [];
    expect(readDebug("loud\u001b[2J", (line) => lines.push(line))).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^kiln: KILN_DEBUG is "loud\\u001b\[2J", which is not a level, so nothing is shown; /,
    );
    for (const level of ["0 (", "1 (", "2 (", "3 (", "4 ("]) expect(lines[0]).toContain(level);
  });
});

describe("level 1", () => {
  test("a line for each program, and why there had to be another one", async () => {
    const lines = linesAt(1);
    const program = await compile(new Net(), { inputs: [[4, 4]], backend: "js", maxPrograms: 4 });
    for (let k = 0; k < 5; k++) await program.run(randn(4, 4));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^kiln: net forward pass f32\[4,4\]: compiled in [\d.]+ ms, js on 1 thread, 2 kernels, [\d.]+ k?B arena, [\d.]+ k?B states$/,
    );
    for (const batch of [1, 2, 3, 5, 6, 1, 6]) await program.run(randn(batch, 4));
    const again = lines.slice(1);
    expect(again.map((line) => line.replace(/: compiled.*;/, ";"))).toEqual([
      "kiln: net forward pass f32[1,4]; because it was compiled for another batch size",
      ...[2, 3, 5].map(
        (n) => `kiln: net forward pass f32[${n},4]; because it was compiled for other batch sizes`,
      ),
      ...[6, 1].map(
        (n) =>
          `kiln: net forward pass f32[${n},4]; because it was compiled for other batch sizes, of which the 4 last used are kept`,
      ),
    ]);
  });

  test("training: the step, the gradients where they are asked for, an update of its own", async () => {
    const lines = linesAt(1);
    const trainer = await trainNet(2);
    await trainer.gradients(randn(4, 4), LABELS);
    expect(lines.map((line) => line.replace(/: compiled.*/, ""))).toEqual([
      "kiln: net training step f32[4,4] i32[4]",
      "kiln: net_update from summed gradients",
      "kiln: net gradients f32[4,4] i32[4]",
    ]);
  });

  test("interactive mode: which line asked, and why it was compiled", async () => {
    const lines = linesAt(1);
    for (let k = 1; k < 5; k++) await tensor([1, 2, 3]).mul(k).sub(7).data();
    expect(lines.map((line) => line.replace(/: compiled.*;/, ";"))).toEqual([
      expect.stringMatching(
        /^kiln: lazy program for test\/runtime\/debug\.test\.ts:\d+ f32\[3\]; because its operations are new$/,
      ),
      expect.stringMatching(/; because its constants are others than when it was first compiled/),
    ]);
  });

  test("names cannot make a terminal do anything", async () => {
    const lines = linesAt(2);
    const model = new nn.Sequential({ "red\u001b[31m\u202e": new nn.Linear(2, 2) });
    await compile(model, { inputs: [[1, 2]], backend: "js" });
    expect(lines.join("\n")).toContain("red?[31m?");
    expect(lines.join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

test("level 2 shows every pass with what it changed, and every kernel with its line", async () => {
  const lines = linesAt(2);
  const trainer = await trainNet();
  const passes = lines.flatMap(
    (line) => /^kiln: {3}pass (\S+) +[\d.]+ ms {2}(.+)$/.exec(line)?.slice(1, 3) ?? [],
  );
  expect(passes.filter((_, k) => k % 2 === 0)).toEqual(trainer.stages.map(({ name }) => name));
  const changes = Object.fromEntries(
    passes.flatMap((name, k) => (k % 2 === 0 ? [[name, passes[k + 1]]] : [])),
  );
  expect(changes.trace).toMatch(/^nodes \d+$/);
  expect(changes.autodiff).toMatch(/^nodes \d+ -> \d+$/);
  expect(changes.fuse).toMatch(/^groups 0 -> \d+$/);
  expect(changes["plan-memory"]).toMatch(/arena/);
  const kernels = lines.filter((line) => line.startsWith("kiln:   kernel "));
  expect(kernels).toHaveLength(trainer.kernels.length);
  expect(kernels[0]).toMatch(/: [\d.]+ k?FLOP, [\d.]+ k?B, .*at test\/runtime\/debug\.test\.ts:\d+ fc1/);
  const before = lines.length;
  await trainer.step(randn(4, 4), LABELS);
  expect(lines).toHaveLength(before);
});

describe("levels 3 and 4", () => {
  test("the first run of a program, then one line a second for all of its runs", () => {
    const lines: string[] = [];
    let time = 0;
    const log = new RunLog(
      debugTo(3, (line) => lines.push(line)),
      () => time,
    );
    for (let k = 1; k <= 1200; k++) {
      time += 2;
      log.record("net step", { milliseconds: k === 700 ? 4 : 2 });
    }
    log.flush();
    expect(lines).toEqual([
      "kiln: net step: a run of 2.00 ms",
      "kiln: net step: 499 runs of 2.00 ms each (2.00 ms to 2.00 ms)",
      "kiln: net step: 500 runs of 2.00 ms each (2.00 ms to 4.00 ms)",
      "kiln: net step: 200 runs of 2.00 ms each (2.00 ms to 2.00 ms)",
    ]);
    log.flush();
    expect(lines).toHaveLength(4);
  });

  test("interactive runs say how often their program was there", () => {
    const lines: string[] = [];
    const log = new RunLog(debugTo(3, (line) => lines.push(line)));
    for (const found of [false, true, true, false]) log.record("lazy", { milliseconds: 1, found });
    log.flush();
    expect(lines).toEqual([
      "kiln: lazy: a run of 1.00 ms, 0 found compiled, 1 not",
      "kiln: lazy: 3 runs of 1.00 ms each (1.00 ms to 1.00 ms), 2 found compiled, 1 not",
    ]);
  });

  test("level 4 times kernels, and the numbers stay what they are", async () => {
    const x = randn(4, 4);
    const model = new Net();
    const usual = await compile(model, { inputs: [[4, 4]], backend: "js" });
    const expected = await (await usual.run(x)).data();
    const lines = linesAt(4);
    const program = await compile(model, { inputs: [[4, 4]], backend: "js" });
    expect(await (await program.run(x)).data()).toEqual(expected);
    const shown = lines.slice(lines.findIndex((line) => line.includes("a run of")) + 1);
    expect(shown).toHaveLength(program.kernels.length + 1);
    for (const [k, { name }] of program.kernels.entries())
      expect(shown[k]).toMatch(new RegExp(`^kiln: +[\\d.]+ ms +[\\d.]+ % {2}${name}$`));
    expect(shown.at(-1)).toMatch(/^kiln: +-?[\d.]+ ms +beside kernels$/);
  });
});

/** What a user's own program writes with that value of the variable. */
function debugged(
  value: string | undefined,
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const { KILN_DEBUG: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    ["--import", "tsx", join(ROOT, "test/support/processes/debugged.ts")],
    { cwd: ROOT, env: value === undefined ? env : { ...env, KILN_DEBUG: value } },
  );
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...texts, code }));
  });
}

describe("a user's own program", () => {
  const RESULT = "3\n6\n9\n";

  test("shows nothing without the variable", async () => {
    expect(await debugged(undefined)).toEqual({ stdout: RESULT, stderr: "", code: 0 });
  });

  test("shows on standard error alone, one line each; runs that wait are shown at the end", async () => {
    const { stdout, stderr, code } = await debugged("3");
    expect([stdout, code]).toEqual([RESULT, 0]);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.filter((line) => !line.startsWith("kiln: "))).toEqual([]);
    // The first run of a program has a line; how many more share one is a matter of how fast this machine is just now.
    const runsOf = (label: string): number[] =>
      [...stderr.matchAll(/^kiln: (.*): (a run|\d+ runs) of /gm)].flatMap(([, name, runs]) =>
        name === label ? [Number.parseInt(runs, 10) || 1] : [],
      );
    const sum = (runs: readonly number[]): number => runs.reduce((a, b) => a + b, 0);
    const [passes, steps] = [
      runsOf("net forward pass f32[4,4]"),
      runsOf("net training step f32[4,4] i32[4]"),
    ];
    expect([passes[0], sum(passes)]).toEqual([1, 3]);
    expect([steps[0], sum(steps)]).toEqual([1, 5]);
    expect(stderr).toMatch(
      /lazy program for test\/support\/processes\/debugged\.ts:\d+: .*1 found compiled, 1 not/,
    );
  });

  test("goes on with a value that cannot be understood", async () => {
    const { stdout, stderr, code } = await debugged("verbose");
    expect([stdout, code]).toEqual([RESULT, 0]);
    expect(stderr).toMatch(
      /^kiln: KILN_DEBUG is "verbose", which is not a level, so nothing is shown; .*\n$/,
    );
  });
});

describe("the command", () => {
  test("tells of the levels in its help", async () => {
    const { stdout } = await kiln(["--help"]);
    expect(stdout).toMatch(
      /KILN_DEBUG in the environment makes it say more[\s\S]*\n +1 +every compilation[\s\S]*\n +4 +the times of kernels/,
    );
  });

  test("shows stacks from level 1 on, and says once that it knows no such level", async () => {
    const folder = temporaryFolder();
    writeAll(folder, { "broken.ts": "export const inputs = [[1]];\n" });
    const run = (level: string) => kiln(["dump", "broken.ts"], { cwd: folder, env: { KILN_DEBUG: level } });
    const [none, stacks, unknown] = [await run(""), await run("2"), await run("all")];
    expect(none.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stacks.stderr).toMatch(/\n +at /);
    expect(unknown.stderr.match(/KILN_DEBUG is "all"/g)).toHaveLength(1);
    expect(unknown.stderr).not.toMatch(/\n +at /);
    expect([none.code, stacks.code, unknown.code]).toEqual([1, 1, 1]);
  });
});
