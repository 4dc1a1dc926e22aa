/** Prints a scheduled kernel as functions of a module, one for each section. */

import { invariant } from "../../../src/core/errors.ts";
import { formatOrigins } from "../../../src/core/origin.ts";
import { formatEstimate } from "../../../src/loop/print.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { Kernel, Stmt } from "../../../src/loop/types.ts";
import { joinedPhases, phasesLike, phasesOf } from "../../phases.ts";
import type { Phase } from "../../run-steps.ts";
import type { Instruction } from "../encode/instructions.ts";
import type { WasmFunction } from "../encode/module.ts";
import { type Environment, FunctionContext, THREAD, THREADS, type UsedMath } from "./context.ts";
import { StatementPrinter } from "./statements.ts";

/** A kernel as code: its functions in the order they run, and which threads run them. */
export interface KernelCode {
  readonly name: string;
  readonly functions: readonly WasmFunction[];
  readonly phases: readonly Phase[];
  /** Whether there is a function for each section. */
  readonly hasSections: boolean;
}

/** What a kernel is a part of, and how many functions the parts before it have. */
export interface Whole {
  readonly kernel: Kernel;
  readonly before: number;
}

/** The comments above the code of a kernel. */
const commentsOf = (kernel: Kernel): readonly string[] => [
  `${kernel.name}: ${kernel.ops.join(", ")}`,
  `at ${formatOrigins(kernel.origins)}`,
  `schedule: ${kernel.schedule === undefined ? "none" : printSchedule(kernel.schedule)}`,
  ...(kernel.estimate === undefined ? [] : [`estimate: ${formatEstimate(kernel)}`]),
];

/** The name of function `k` of a kernel, which may be that of a section. */
const functionName = ({ name }: Kernel, k: number, hasSections: boolean, whole?: Whole): string =>
  whole ? `${whole.kernel.name}_part${whole.before + k}` : hasSections ? `${name}_part${k}` : name;

/** The comments above that function. */
function commentsAt(kernel: Kernel, k: number, whole: Whole = { kernel, before: 0 }): readonly string[] {
  if (whole.before + k === 0) return commentsOf(whole.kernel);
  const section = kernel.body[k];
  return [`${whole.kernel.name}, ${section.kind === "section" ? section.name : kernel.name}`];
}

/** The code of `kernel`, which may be a part of another one; `used` collects the elementary functions it needs. */
export function printKernelCode(
  kernel: Kernel,
  environment: Environment,
  used: UsedMath,
  whole?: Whole,
): KernelCode {
  const sections = kernel.body.filter((s) => s.kind === "section");
  invariant(
    sections.length === 0 || sections.length === kernel.body.length,
    "a kernel is made of sections or of none",
  );
  const hasSections = sections.length > 0;
  const bodies = hasSections ? sections.map((s) => s.body) : [kernel.body];
  const functions = bodies.map((body, k): WasmFunction => {
    const { locals, parameters, instructions } = printFunction(kernel, body, environment, used);
    return {
      name: functionName(kernel, k, hasSections, whole),
      parameters,
      results: [],
      body: instructions,
      locals,
      exported: false,
      get comments() {
        return commentsAt(kernel, k, whole);
      },
    };
  });
  const phases = phasesOf(
    kernel,
    functions.map(({ name, parameters }) => ({ name, isDivided: parameters.length > 0 })),
  );
  return { name: kernel.name, functions, phases, hasSections };
}

/** The code of a kernel whose parts have this code; the parts do not wait for each other. */
export function joinedCode({ name }: Kernel, parts: readonly KernelCode[]): KernelCode {
  const phases = joinedPhases(parts.map((part) => part.phases));
  return { name, functions: parts.flatMap(({ functions }) => functions), phases, hasSections: true };
}

/**
 * The code of a kernel that is like an earlier one, `first`, with its buffers renamed by `names`. Its bytes are made
 * from that one's, and it is printed only when read. Undefined if the threads' copies are laid out differently.
 */
export function codeLike(
  kernel: Kernel,
  first: KernelCode,
  names: ReadonlyMap<string, string>,
  environment: Environment,
  whole?: Whole,
): KernelCode | undefined {
  const { addresses, strides } = environment;
  const distances = new Map<string, number>();
  for (const [theirs, own] of names) {
    if (strides.get(theirs) !== strides.get(own)) return undefined;
    distances.set(theirs, addresses.get(own)! - addresses.get(theirs)!);
  }
  let printed: KernelCode | undefined;
  const own = (k: number): WasmFunction => {
    printed ??= printKernelCode(kernel, environment, { scalar: new Set(), vector: new Set() }, whole);
    return printed.functions[k];
  };
  const { hasSections } = first;
  const functions = first.functions.map(
    (of, k): WasmFunction => ({
      name: functionName(kernel, k, hasSections, whole),
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
  const phases = phasesLike(kernel, first.phases, (k) => functions[k].name);
  return { name: kernel.name, functions, phases, hasSections };
}

/** A function of a kernel; it takes the number of its thread and of all threads if it has work to divide. */
function printFunction(
  kernel: Kernel,
  body: readonly Stmt[],
  environment: Environment,
  used: UsedMath,
): Pick<WasmFunction, "locals" | "parameters"> & { readonly instructions: readonly Instruction[] } {
  const context = new FunctionContext(environment, kernel.buffers, used);
  let ranges = new RangeContext();
  for (const b of kernel.buffers)
    if (b.range) ranges = ranges.withBuffer(b.name, { low: b.range[0], high: b.range[1] });
  const printed = new StatementPrinter(context).body(body, { places: new Map(), ranges, isVector: false });
  return {
    parameters: context.isDivided ? [THREAD, THREADS] : [],
    instructions: [...context.prologue(), ...printed],
    locals: context.locals,
  };
}
