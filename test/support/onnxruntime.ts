/** onnxruntime, if the packages of the benchmarks are installed: runs the models that Kiln writes. */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { DType, TypedArray } from "../../src/core/dtype.ts";

interface OrtTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}
interface Session {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}
interface Runtime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: TypedArray, dims: readonly number[]) => OrtTensor;
}

/** A tensor as input of the runtime. */
export interface Fed {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

function loaded(): Runtime | undefined {
  try {
    return createRequire(new URL("../../bench/package.json", import.meta.url))("onnxruntime-node") as Runtime;
  } catch {
    return undefined;
  }
}

const runtime = loaded();

/** Whether it is there. */
export const hasRuntime = runtime !== undefined;

/** Where models are left for test/onnx/check_exports.py. */
const folder = process.env.KILN_EXPORTED;

function leave(model: Uint8Array): void {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${createHash("sha256").update(model).digest("hex").slice(0, 16)}.onnx`), model);
}

/** Runs a model on one thread; its outputs by name. */
export async function runInRuntime(
  model: Uint8Array,
  inputs: Readonly<Record<string, Fed>>,
): Promise<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>> {
  leave(model);
  const { InferenceSession, Tensor } = runtime!;
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
  const session = await InferenceSession.create(model, options);
  try {
    const feeds = Object.entries(inputs).map(([name, { dtype, shape, data }]) => [
      name,
      new Tensor(dtype, data, shape),
    ]);
    const results = await session.run(Object.fromEntries(feeds));
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        { shape: [...dims], data: Array.from(data, Number) },
      ]),
    );
  } finally {
    await session.release();
  }
}
