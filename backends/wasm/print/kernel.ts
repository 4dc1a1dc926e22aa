/** A scheduled kernel as functions of a module, one for each section. */

import { invariant } from "../../../src/core/errors.ts";
import { formatOrigins } from "../../../src/core/origin.ts";
import { formatEstimate } from "../../../src/loop/print.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { Kernel, Stmt } from "../../../src/loop/types.ts";
import type { WasmFunction } from "../encode/module.ts";
import type { MathFunction } from "../math/functions.ts";
import type { Phase } from "../threads/run-function.ts";
import { type Environment, FunctionContext, THREAD, THREADS } from "./context.ts";
import { StatementPrinter } from "./statements.ts";

/** Elementary functions that kernels call, in either form. */
export interface UsedMath {
  readonly scalar: Set<MathFunction>;
  readonly vector: Set<MathFunction>;
}

/** A kernel as code: its functions in the order they run, and who runs them. */
export interface KernelCode {
  readonly name: string;
  readonly functions: readonly WasmFunction[];
  readonly phases: readonly Phase[];
}

/** The code of `kernel`; `used` gathers the elementary functions it needs. */
export function printKernelCode(kernel: Kernel, environment: Environment, used: UsedMath): KernelCode {
  const comments = [
    `${kernel.name}: ${kernel.ops.join(", ")}`,
    `at ${formatOrigins(kernel.origins)}`,
    `schedule: ${kernel.schedule === undefined ? "none" : printSchedule(kernel.schedule)}`,
    ...(kernel.estimate === undefined ? [] : [`estimate: ${formatEstimate(kernel)}`]),
  ];
  const sections = kernel.body.filter((s) => s.kind === "section");
  invariant(
    sections.length === 0 || sections.length === kernel.body.length,
    "a kernel is made of sections or of none",
  );
  const functions =
    sections.length === 0
      ? [{ ...printFunction(kernel, kernel.name, kernel.body, environment, used), comments }]
      : sections.map((s, k) => ({
          ...printFunction(kernel, `${kernel.name}_part${k}`, s.body, environment, used),
          comments: k === 0 ? comments : [`${kernel.name}, ${s.name}`],
        }));
  const phases = functions.map(
    ({ name, parameters }): Phase => ({
      callee: name,
      threads: parameters.length === 0 ? 1 : (kernel.threads ?? 1),
    }),
  );
  return { name: kernel.name, functions, phases };
}

/** Takes the number of its thread and of all threads where it has work to divide. */
function printFunction(
  kernel: Kernel,
  name: string,
  body: readonly Stmt[],
  environment: Environment,
  used: UsedMath,
): WasmFunction {
  const context = new FunctionContext(environment, kernel.buffers, used);
  let ranges = new RangeContext();
  for (const b of kernel.buffers)
    if (b.range) ranges = ranges.withBuffer(b.name, { low: b.range[0], high: b.range[1] });
  const printed = new StatementPrinter(context).body(body, { places: new Map(), ranges, isVector: false });
  return {
    name,
    parameters: context.isDivided ? [THREAD, THREADS] : [],
    results: [],
    body: [...context.prologue(), ...printed],
    locals: context.locals,
    exported: false,
  };
}
