/** Stand-alone modules for tests: built as `kiln build` builds them, written to a folder, and run there. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { nn, tensor } from "kiln-js";
import { afterAll } from "vitest";
import { type BuildSettings, buildFiles, WEIGHTS_FILE } from "../../src/cli/build/build-program.ts";
import type { ModelFile, TensorSpec } from "../../src/cli/model-file.ts";
import { defaultsOf } from "../../src/cli/train/optimizers.ts";

export type Numbers = Float32Array | Int32Array | Uint8Array;

/** What modules of either mode have, as far as the tests use it. */
export interface StandAlone {
  run(...inputs: readonly Numbers[]): Float32Array;
  step(...batch: readonly Numbers[]): number;
  lr: number;
  seed: number;
  readonly stepCount: number;
  readonly parameters: Readonly<Record<string, Float32Array>>;
  save(): Uint8Array;
  load(weights: Uint8Array | ArrayBuffer): void;
}

export interface Built {
  readonly folder: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Another instance of the model, with the weights of the build. */
  create(): Promise<StandAlone>;
}

/** What is built where nothing else is asked for. */
export const settingsFor = (given: Partial<BuildSettings>): BuildSettings => ({
  mode: "forward",
  target: "js",
  batchSize: undefined,
  optimizer: "sgd",
  settings: defaultsOf(given.optimizer ?? "sgd"),
  ...given,
});

export const modelFile = (
  model: nn.Module,
  shapes: readonly (TensorSpec | readonly number[])[],
  loss: ModelFile["loss"] = new nn.CrossEntropyLoss(),
): ModelFile => ({
  path: "model.ts",
  model,
  inputs: shapes.map((spec) => ("shape" in spec ? spec : { shape: spec, dtype: "float32" })),
  loss,
  targets: undefined,
});

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export async function buildAlone(file: ModelFile, given: Partial<BuildSettings>): Promise<Built> {
  const files = await buildFiles(file, settingsFor(given));
  const folder = mkdtempSync(join(tmpdir(), "kiln-aot-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return {
    folder,
    files,
    create: async () => {
      const { create } = await import(/* @vite-ignore */ pathToFileURL(join(folder, "model.js")).href);
      const code = given.target === "wasm" ? [files["model.wasm"]] : [];
      return create(files[WEIGHTS_FILE], ...code);
    },
  };
}

/** How Kiln compiles what a build is compared with: one thread, and no instruction that engines round in their own way. */
export const likeBuilt = (target: "js" | "wasm") => ({
  backend: target,
  ...(target === "wasm" && { threads: 1, deterministic: true }),
});

/** Numbers in -1..1 that are the same on every engine and differ from run to run. */
export const wave = (length: number, run = 0): Float32Array =>
  Float32Array.from({ length }, (_, k) => ((37 * k + 11 * run) % 64) / 32 - 1);

/** Class numbers. */
export const labels = (length: number, classes: number, run = 0): Int32Array =>
  Int32Array.from({ length }, (_, k) => (k * 7 + run) % classes);

export const floats = (data: Float32Array, shape: readonly number[]) => tensor(data, { shape });
export const integers = (data: Int32Array, shape: readonly number[]) =>
  tensor(data, { shape, dtype: "int32" });

/** Runs `script` as a module in `folder` by Node that makes no code of strings; what it prints. */
export function runForbidden(folder: string, script: string): string {
  writeFileSync(join(folder, "script.mjs"), script);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--disallow-code-generation-from-strings", join(folder, "script.mjs")],
    { encoding: "utf8", maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

export const textOf = ({ folder }: Built, name: string): string => readFileSync(join(folder, name), "utf8");
