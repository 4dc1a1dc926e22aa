/** A scheduled kernel as functions of a module: one for each section, and one that runs them in order. */

import { invariant } from "../../../src/core/errors.ts";
import { formatOrigins } from "../../../src/core/origin.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import type { Kernel, Stmt } from "../../../src/loop/types.ts";
import { call } from "../encode/instructions.ts";
import type { WasmFunction } from "../encode/module.ts";
import type { MathFunction } from "../math/functions.ts";
import { type Environment, FunctionContext } from "./context.ts";
import { StatementPrinter } from "./statements.ts";

/** Elementary functions that kernels call, in either form. */
export interface UsedMath {
  readonly scalar: Set<MathFunction>;
  readonly vector: Set<MathFunction>;
}

/** The functions of `kernel`, the one to be called first; `used` gathers the elementary functions they need. */
export function printKernelFunctions(
  kernel: Kernel,
  environment: Environment,
  used: UsedMath,
): readonly WasmFunction[] {
  const comments = [
    `${kernel.name}: ${kernel.ops.join(", ")}`,
    `at ${formatOrigins(kernel.origins)}`,
    `schedule: ${kernel.schedule ?? "none"}`,
  ];
  const sections = kernel.body.filter((s) => s.kind === "section");
  if (sections.length === 0) {
    return [
      { ...printFunction(kernel, kernel.name, kernel.body, environment, used), exported: true, comments },
    ];
  }
  invariant(sections.length === kernel.body.length, "a kernel is made of sections or of none");
  const parts = sections.map((s, k) => ({
    ...printFunction(kernel, `${kernel.name}_part${k}`, s.body, environment, used),
    comments: [`${kernel.name}, ${s.name}`],
  }));
  const all: WasmFunction = {
    name: kernel.name,
    parameters: [],
    results: [],
    locals: [],
    body: parts.map(({ name }) => call(name, "none")),
    exported: true,
    comments,
  };
  return [all, ...parts];
}

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
    parameters: [],
    results: [],
    body: [...context.prologue(), ...printed],
    locals: context.locals,
    exported: false,
  };
}
