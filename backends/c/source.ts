/** A program as C: each different kernel printed once, in as many files as processors can compile at the same time. */

import { Families } from "../../src/loop/alike.ts";
import { partsOf } from "../../src/loop/parts.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { joinedPhases, phasesLike, phasesOf } from "../phases.ts";
import type { Phase } from "../run-steps.ts";
import { type Environment, type KernelCode, printKernel } from "./print/kernel.ts";
import type { CodeOptions } from "./print/prelude.ts";
import { support } from "./print/support.ts";

/** Characters of kernels below which a second compiler takes longer to start than it saves. */
const WORTHWHILE = 12_000;

/** Functions of the library that run a kernel or a part of it, in order, and the buffers that they are called with. */
export interface PlacedPart {
  readonly functions: readonly string[];
  readonly buffers: readonly string[];
}

/** The parts that a kernel was joined from, and which threads run their functions. */
export interface PlacedKernel {
  readonly parts: readonly PlacedPart[];
  readonly phases: readonly Phase[];
}

/** One library for all programs that are printed together. */
export interface ProgramSource {
  readonly files: readonly string[];
  /** The names of the functions in each file, in the order of their numbers. */
  readonly functions: readonly (readonly string[])[];
  /** The kernels of each program. */
  readonly programs: readonly (readonly PlacedKernel[])[];
}

/** The name of the function that returns the addresses of a file's functions. */
export const tableName = (file: number): string => `kiln_functions_${file}`;

/**
 * The code of the different kernels of `plan`, and how they run.
 * Kernels that are alike, or have parts that are, share functions.
 */
export function printKernels(
  plan: ProgramPlan,
  { lanes }: CodeOptions,
  nameOf: (kernel: Kernel) => string = functionName,
): { readonly codes: readonly KernelCode[]; readonly kernels: readonly PlacedKernel[] } {
  const environment: Environment = { lanes, scalars: plan.scalars };
  const families = new Families();
  const codes = new Map<Kernel, KernelCode>();
  const printed = (kernel: Kernel): PlacedPart & { readonly phases: readonly Phase[] } => {
    const likeness = families.find(kernel);
    const like = likeness && codes.get(likeness.of);
    if (like !== undefined) {
      const { of, names } = likeness!;
      const functions = like.phases.map(({ name }) => name);
      return {
        functions,
        buffers: of.buffers.map(({ name }) => names.get(name) ?? name),
        phases: phasesLike(kernel, phasesOf(of, like.phases), (k) => functions[k]),
      };
    }
    const own = printKernel(kernel, nameOf(kernel), environment);
    codes.set(kernel, own);
    return {
      functions: own.phases.map(({ name }) => name),
      buffers: kernel.buffers.map(({ name }) => name),
      phases: phasesOf(kernel, own.phases),
    };
  };
  const kernels = plan.kernels.map((kernel) => {
    const parts = (partsOf(kernel) ?? [kernel]).map(printed);
    return { parts, phases: joinedPhases(parts.map(({ phases }) => phases)) };
  });
  return { codes: [...codes.values()], kernels };
}

/** Prints `plans` in at most `most` files. */
export function printPrograms(plans: readonly ProgramPlan[], code: CodeOptions, most: number): ProgramSource {
  // Programs may have kernels of the same name.
  const nameIn = (k: number) => (kernel: Kernel) =>
    k === 0 ? functionName(kernel) : `${functionName(kernel)}_in_${k}`;
  const printed = plans.map((plan, k) => printKernels(plan, code, nameIn(k)));
  const files = divided(
    printed.flatMap(({ codes }) => codes),
    most,
  );
  return {
    files: files.map((file, k) => printFile(file, k, code)),
    functions: files.map((file) => file.flatMap(({ phases }) => phases.map(({ name }) => name))),
    programs: printed.map(({ kernels }) => kernels),
  };
}

/** The text of one kernel, as it is in its file. */
export const printOne = (kernel: Kernel, { scalars }: ProgramPlan, { lanes }: CodeOptions): string =>
  (partsOf(kernel) ?? [kernel])
    .map((part) => printKernel(part, functionName(part), { lanes, scalars }))
    .map(({ text, byList }) => `${text}\n${byList}`)
    .join("\n\n");

/** The name of a kernel's function: unlike anything that kernels call. */
export const functionName = ({ name }: Kernel): string => `kernel_${name}`;

function printFile(codes: readonly KernelCode[], k: number, code: CodeOptions): string {
  const names = codes.flatMap(({ phases }) => phases.map(({ name }) => name));
  const kernels = codes.map(({ text, byList }) => `${text}\n${byList}`);
  return [
    support(
      code,
      codes.flatMap(({ math }) => math),
      kernels.join("\n"),
    ),
    ...kernels,
    `static void *const functions[] = {${["0", ...names.map((name) => `(void *)${name}`)].join(", ")}};`,
    `__attribute__((visibility("default"))) int64_t ${tableName(k)}(int64_t number) {`,
    "  return (int64_t)(intptr_t)functions[number + 1];",
    "}",
    "",
  ].join("\n\n");
}

/** Divides kernels into as many groups as pay, of about the same length: the longest are distributed first. */
function divided(codes: readonly KernelCode[], most: number): readonly (readonly KernelCode[])[] {
  const total = codes.reduce((sum, { text }) => sum + text.length, 0);
  const count = Math.max(1, Math.min(most, Math.floor(total / WORTHWHILE)));
  const groups = Array.from({ length: count }, () => ({ codes: [] as KernelCode[], length: 0 }));
  for (const code of [...codes].sort((a, b) => b.text.length - a.text.length)) {
    const group = groups.reduce((least, next) => (next.length < least.length ? next : least));
    group.codes.push(code);
    group.length += code.text.length;
  }
  return groups.map((group) => group.codes);
}
