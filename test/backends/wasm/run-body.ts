/** Runs hand-made scheduled kernels on the wasm backend and in the interpreter. */

import type { Backend, Executable } from "../../../backends/backend.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import { planMemory } from "../../../passes/codegen/plan-memory.ts";
import { allocate, type TypedArray } from "../../../src/core/dtype.ts";
import { interpretKernel } from "../../../src/loop/interpret.ts";
import type { ProgramPlan } from "../../../src/loop/plan.ts";
import type { BufferParam, Kernel, Stmt } from "../../../src/loop/types.ts";
import { verifyKernel } from "../../../src/loop/verify.ts";

/** A kernel's buffer with what is in it before the run. */
export interface Content {
  readonly dtype: BufferParam["dtype"];
  readonly data: readonly number[];
  readonly range?: readonly [number, number];
}

export type Contents = Readonly<Record<string, Content>>;

export interface Outcome {
  /** Every buffer after the run. */
  readonly wasm: Readonly<Record<string, readonly number[]>>;
  readonly interpreter: Readonly<Record<string, readonly number[]>>;
  /** The text of the generated code. */
  readonly source: string;
}

/** What the buffers hold after `body`, on `backend` and in the interpreter. */
export async function runBody(
  body: readonly Stmt[],
  contents: Contents,
  options: { readonly scalars?: Readonly<Record<string, number>>; readonly backend?: Backend } = {},
): Promise<Outcome> {
  const { scalars = {}, backend = wasm } = options;
  const plan = planOf(body, contents, Object.keys(scalars));
  verifyKernel(plan.kernels[0]);
  const executable = await backend.compile(plan, backend.createStateMemory());
  for (const [name, { dtype, data }] of Object.entries(contents)) {
    const values = allocate(dtype, data.length);
    values.set(data);
    await executable.write(name, values);
  }
  await executable.run(0, 1, Float64Array.from(Object.values(scalars)));
  const actual: Record<string, readonly number[]> = {};
  for (const [name, { dtype, data }] of Object.entries(contents))
    actual[name] = [...(await contentOf(executable, name, allocate(dtype, data.length)))];

  const storage = Object.fromEntries(
    Object.entries(contents).map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
  interpretKernel(plan.kernels[0], storage, scalars)();
  return {
    wasm: actual,
    interpreter: Object.fromEntries(
      Object.entries(contents).map(([name, { dtype }]) => {
        // Rounded as a buffer of that type holds it; doubles also tell -0 from 0 among whole numbers.
        const held = allocate(dtype, storage[name].length);
        held.set(storage[name]);
        return [name, [...held]];
      }),
    ),
    source: executable.sources
      .filter(({ name }) => name !== "run")
      .map(({ text }) => text)
      .join("\n"),
  };
}

async function contentOf(executable: Executable, name: string, into: TypedArray): Promise<TypedArray> {
  await executable.read(name, into);
  return into;
}

/** A program of this one kernel; every buffer is an input that may be read back. */
export function planOf(
  body: readonly Stmt[],
  contents: Contents,
  scalars: readonly string[] = [],
): ProgramPlan {
  const kernel: Kernel = {
    name: "kernel",
    ops: ["test"],
    buffers: Object.entries(contents).map(([name, { dtype, data, range }]) => ({
      name,
      dtype,
      length: data.length,
      access: "readwrite",
      ...(range && { range }),
    })),
    scalars,
    body,
    origins: [{ file: "model.ts", line: 7, module: "conv1" }],
    nominalFlops: 0,
  };
  const bindings = Object.entries(contents).map(([name, { dtype, data }]) => ({
    name,
    buffer: name,
    dtype,
    shape: [data.length],
  }));
  return planMemory.run({
    name: "test",
    kernels: [kernel],
    buffers: bindings.map(({ name, dtype, shape }) => ({ name, dtype, shape, role: "input", value: name })),
    inputs: bindings,
    outputs: bindings,
    states: [],
    scalars,
    commitFrom: 1,
  });
}

/** Small whole numbers, both signs, no two neighbours alike: float32 computes exactly with them. */
export const wholeNumbers = (length: number): number[] =>
  Array.from({ length }, (_, k) => ((k * 7 + 3) % 11) - 5);
