/** Runs the `kiln` command as a user does, as a process of its own, and makes the files it is given. */

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, inject } from "vitest";
import { idxBytes } from "../data/idx-bytes.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The command as the package has it; `src/cli/bin.js` beside the sources runs them. */
export const COMMAND = inject("command");
export const LENET = join(ROOT, "examples/lenet.ts");

/** What a run of the command came to. */
export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Is sent SIGINT when this appears on standard output. */
  readonly interruptAt?: string;
  /** Is shown all of standard output so far, whenever there is more; `interrupt` sends SIGINT. */
  readonly onOutput?: (stdout: string, interrupt: () => void) => void;
  /** Changes to the environment; what is `undefined` is not there. */
  readonly env?: NodeJS.ProcessEnv;
  /** The `bin.js` that is started. */
  readonly command?: string;
}

/** Runs `kiln` with `args`, by default in the checkout. */
export function kiln(
  args: readonly string[],
  { cwd = ROOT, interruptAt, onOutput, env, command = COMMAND }: RunOptions = {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, ...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, KILN_DEBUG: "", ...env },
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const before = stdout;
      stdout += text;
      onOutput?.(stdout, () => child.kill("SIGINT"));
      if (interruptAt === undefined || before.includes(interruptAt) || !stdout.includes(interruptAt)) return;
      child.kill("SIGINT");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** A folder that is removed when the tests of the file have run. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kiln-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files into `folder` by relative path. */
export function writeAll(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** `count` images of 28×28 pixels: a vertical bar whose place tells the class. */
export const barImages = (count: number): Uint8Array =>
  idxBytes(
    [count, 28, 28],
    Uint8Array.from({ length: count * 784 }, (_, k) =>
      Math.floor((k % 28) / 2.8) === Math.floor(k / 784) % 10 ? 255 : 0,
    ),
  );

/** The classes that go with {@link barImages}. */
export const barLabels = (count: number): Uint8Array =>
  idxBytes(
    [count],
    Array.from({ length: count }, (_, k) => k % 10),
  );

/** The four files of MNIST, with few images. */
export const smallMnist = (folder: string, trainCount = 40, testCount = 20): Record<string, Uint8Array> => ({
  [`${folder}/train-images-idx3-ubyte`]: barImages(trainCount),
  [`${folder}/train-labels-idx1-ubyte`]: barLabels(trainCount),
  [`${folder}/t10k-images-idx3-ubyte`]: barImages(testCount),
  [`${folder}/t10k-labels-idx1-ubyte`]: barLabels(testCount),
});

/** A small network for 28×28 images as a model file, with parts of it replaced. */
export function barModel(replaced: { readonly forward?: string; readonly inputs?: string } = {}): string {
  const { forward = "return this.fc.forward(x.flatten(1));", inputs = "[[16, 1, 28, 28]]" } = replaced;
  return [
    'import { F, nn, type Tensor } from "kiln-js";',
    "export default class Bars extends nn.Module {",
    forward.includes("conv") ? "  conv = new nn.Conv2d(1, 2, 3);" : "",
    forward.includes("fc") ? "  fc = new nn.Linear(28 * 28, 10);" : "",
    "  override forward(x: Tensor): Tensor {",
    `    ${forward}`,
    "  }",
    "}",
    "void F;",
    `export const inputs = ${inputs};`,
  ].join("\n");
}
