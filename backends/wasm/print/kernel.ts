/** A scheduled kernel as functions of a module, one for each section. */

import { invariant } from "../../../src/core/errors.ts";
import { formatOrigins } from "../../../src/core/origin.ts";
import { formatEstimate } from "../../../src/loop/print.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { Kernel, Stmt } from "../../../src/loop/types.ts";
import type { WasmFunction } from "../encode/module.ts";
import type { Phase } from "../threads/run-function.ts";
import { type Environment, FunctionContext, THREAD, THREADS, type UsedMath } from "./context.ts";
import { StatementPrinter } from "./statements.ts";

/** A kernel as code: its functions in the order they run, and who runs them. */
export interface KernelCode {
  readonly name: string;
  readonly functions: readonly WasmFunction[];
  readonly phases: readonly Phase[];
}

/** What stands over the code of a kernel. */
const commentsOf = (kernel: Kernel): readonly string[] => [
  `${kernel.name}: ${kernel.ops.join(", ")}`,
  `at ${formatOrigins(kernel.origins)}`,
  `schedule: ${kernel.schedule === undefined ? "none" : printSchedule(kernel.schedule)}`,
  ...(kernel.estimate === undefined ? [] : [`estimate: ${formatEstimate(kernel)}`]),
];

/** The name of a kernel's only function, or of that of a section. */
const functionName = ({ name, body }: Kernel, k: number): string =>
  body[k]?.kind === "section" ? `${name}_part${k}` : name;

/** The code of `kernel`; `used` gathers the elementary functions it needs. */
export function printKernelCode(kernel: Kernel, environment: Environment, used: UsedMath): KernelCode {
  const sections = kernel.body.filter((s) => s.kind === "section");
  invariant(
    sections.length === 0 || sections.length === kernel.body.length,
    "a kernel is made of sections or of none",
  );
  const functions =
    sections.length === 0
      ? [printFunction(kernel, 0, kernel.body, environment, used)]
      : sections.map((s, k) => printFunction(kernel, k, s.body, environment, used));
  return { name: kernel.name, functions, phases: phasesOf(kernel, functions) };
}

/**
 * The code of a kernel that is like one printed before, `first`, and calls its buffers as `names` says. Its bytes are made
 * of that one's, and it is printed itself only where somebody reads it. Nothing where the copies of threads lie otherwise.
 */
export function codeLike(
  kernel: Kernel,
  first: KernelCode,
  names: ReadonlyMap<string, string>,
  environment: Environment,
): KernelCode | undefined {
  const { addresses, strides } = environment;
  const distances = new Map<string, number>();
  for (const [theirs, own] of names) {
    if (strides.get(theirs) !== strides.get(own)) return undefined;
    distances.set(theirs, addresses.get(own)! - addresses.get(theirs)!);
  }
  let printed: KernelCode | undefined;
  const own = (k: number): WasmFunction => {
    printed ??= printKernelCode(kernel, environment, { scalar: new Set(), vector: new Set() });
    return printed.functions[k];
  };
  const functions = first.functions.map(
    (of, k): WasmFunction => ({
      name: kernel.name + of.name.slice(first.name.length),
      parameters: of.parameters,
      results: of.results,
      exported: of.exported,
      alike: { of, distances },
      get locals() {
        return own(k).locals;
      },
      get body() {
        return own(k).body;
      },
      get comments() {
        return own(k).comments!;
      },
    }),
  );
  return { name: kernel.name, functions, phases: phasesOf(kernel, functions) };
}

const phasesOf = (kernel: Kernel, functions: readonly WasmFunction[]): readonly Phase[] =>
  functions.map(({ name, parameters }) => ({
    callee: name,
    threads: parameters.length === 0 ? 1 : (kernel.threads ?? 1),
  }));

/** Takes the number of its thread and of all threads where it has work to divide. */
function printFunction(
  kernel: Kernel,
  k: number,
  body: readonly Stmt[],
  environment: Environment,
  used: UsedMath,
): WasmFunction {
  const context = new FunctionContext(environment, kernel.buffers, used);
  let ranges = new RangeContext();
  for (const b of kernel.buffers)
    if (b.range) ranges = ranges.withBuffer(b.name, { low: b.range[0], high: b.range[1] });
  const printed = new StatementPrinter(context).body(body, { places: new Map(), ranges, isVector: false });
  const section = kernel.body[k];
  return {
    name: functionName(kernel, k),
    parameters: context.isDivided ? [THREAD, THREADS] : [],
    results: [],
    body: [...context.prologue(), ...printed],
    locals: context.locals,
    exported: false,
    get comments() {
      return k > 0 && section.kind === "section" ? [`${kernel.name}, ${section.name}`] : commentsOf(kernel);
    },
  };
}
