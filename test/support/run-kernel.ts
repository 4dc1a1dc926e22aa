/** Runs one hand-made kernel from int32 input to int32 output on a backend, for tests that start from the Loop IR. */

import type { Backend } from "../../backends/backend.ts";
import type { LoweredProgram, ProgramBuffer } from "../../src/loop/program.ts";
import type { Stmt } from "../../src/loop/types.ts";
import { plannedFor } from "./stages.ts";

/** The contents of the buffer `output` of `outputLength` numbers after `body`, which may read the buffer `input`. */
export async function runKernel(
  backend: Backend,
  body: readonly Stmt[],
  input: Int32Array,
  outputLength: number,
): Promise<Int32Array> {
  const plan = plannedFor(backend.capabilities, programOf(body, input.length, outputLength));
  const executable = await backend.compile(plan, backend.createStateMemory());
  await executable.write("input", input);
  await executable.run(0, plan.kernels.length, new Float64Array(0));
  const output = new Int32Array(outputLength);
  await executable.read("output", output);
  return output;
}

function programOf(body: readonly Stmt[], inputLength: number, outputLength: number): LoweredProgram {
  const buffer = (name: "input" | "output", length: number): ProgramBuffer => ({
    name,
    role: name,
    dtype: "int32",
    shape: [length],
    value: name,
  });
  const [input, output] = [buffer("input", inputLength), buffer("output", outputLength)];
  return {
    name: "test",
    kernels: [
      {
        name: "test",
        ops: [],
        buffers: [
          { name: "input", dtype: "int32", length: inputLength, access: "read" },
          { name: "output", dtype: "int32", length: outputLength, access: "write" },
        ],
        scalars: [],
        body,
        origins: [],
        nominalFlops: 0,
      },
    ],
    buffers: [input, output],
    inputs: [{ name: "input", buffer: "input", dtype: "int32", shape: [inputLength] }],
    outputs: [{ name: "output", buffer: "output", dtype: "int32", shape: [outputLength] }],
    states: [],
    scalars: [],
    commitFrom: 1,
  };
}
