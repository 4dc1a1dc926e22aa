/** A program as C: the kernels that differ, each printed once, in as many files as processors can compile at the same time. */

import { Families } from "../../src/loop/alike.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { type Environment, type KernelCode, type Phase, printKernel } from "./print/kernel.ts";
import type { CodeOptions } from "./print/prelude.ts";
import { support } from "./print/support.ts";

/** Characters of kernels below which a second compiler takes longer to start than it saves. */
const WORTHWHILE = 12_000;

/** A function of the library: which file it is in, and its number there. */
export interface PlacedPhase extends Phase {
  readonly file: number;
  readonly number: number;
}

/** The functions that run a kernel, which kernels that are alike share, and the buffers that they are called with. */
export interface PlacedKernel {
  readonly phases: readonly PlacedPhase[];
  readonly buffers: readonly string[];
}

/** What the function is called that gives the addresses of a file's functions. */
export const tableName = (file: number): string => `kiln_functions_${file}`;

export interface ProgramSource {
  readonly files: readonly string[];
  readonly kernels: readonly PlacedKernel[];
}

/** Prints `plan` in at most `most` files. */
export function printProgram(plan: ProgramPlan, code: CodeOptions, most: number): ProgramSource {
  const environment: Environment = { lanes: code.lanes, scalars: plan.scalars };
  const families = new Families();
  const codes = new Map<Kernel, KernelCode>();
  const called = plan.kernels.map((kernel) => {
    const likeness = families.find(kernel);
    if (likeness !== undefined && codes.has(likeness.of)) {
      const { of, names } = likeness;
      return { first: of, buffers: of.buffers.map(({ name }) => names.get(name) ?? name) };
    }
    codes.set(kernel, printKernel(kernel, functionName(kernel), environment));
    return { first: kernel, buffers: kernel.buffers.map(({ name }) => name) };
  });
  const files = divided([...codes.values()], most);
  const placed = new Map<KernelCode, readonly PlacedPhase[]>();
  files.forEach((file, k) => {
    let number = 0;
    for (const one of file)
      placed.set(
        one,
        one.phases.map((phase) => ({ ...phase, file: k, number: number++ })),
      );
  });
  return {
    files: files.map((file, k) => printFile(file, k, code)),
    kernels: called.map(({ first, buffers }) => ({ phases: placed.get(codes.get(first)!)!, buffers })),
  };
}

/** The text of one kernel, as it stands in its file. */
export function printOne(kernel: Kernel, plan: ProgramPlan, { lanes }: CodeOptions): string {
  const { text, byList } = printKernel(kernel, functionName(kernel), { lanes, scalars: plan.scalars });
  return `${text}\n${byList}`;
}

/** What a kernel's function is called: like nothing that kernels call. */
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

/** Kernels in as many groups as pay, of about the same length: the longest are dealt out first. */
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
