/** A lowered program: kernels in the order they run, over named buffers. Plain data, printable and loadable. */

import type { DType } from "../core/dtype.ts";
import { shortName } from "../core/dtype.ts";
import type { Layout } from "../core/layout.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { printName } from "../core/spelling.ts";
import type { Move, ProgramLoop } from "./loops.ts";
import { printKernel } from "./print.ts";
import { printScalar } from "./spelling.ts";
import type { BufferParam, Kernel } from "./types.ts";

/** `state` buffers belong to the store and outlive a run; all others are in the program's arena. */
export type BufferRole = "input" | "output" | "state" | "intermediate" | "scratch";

export interface ProgramBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly role: BufferRole;
  /** The value as the graph's text names it. */
  readonly value: string;
  /** Its layout in memory, if not row-major. */
  readonly layout?: Layout;
  /** Scratch that each thread has its own copy of. */
  readonly private?: true;
}

/** The program's buffer for scratch that kernels declare as `param`; `value` describes its contents. */
export const scratchFor = (param: BufferParam, value: string): ProgramBuffer => ({
  name: param.name,
  dtype: param.dtype,
  shape: [param.length],
  role: "scratch",
  value,
  ...(param.private && { private: true }),
});

/** Names under which the user's tensors and results are found; a result may be a view with its own shape. */
export interface Binding {
  readonly name: string;
  readonly buffer: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The layout of a state in memory, if not row-major. Inputs and outputs are always row-major. */
  readonly layout?: Layout;
}

export interface LoweredProgram {
  readonly name: string;
  readonly kernels: readonly Kernel[];
  /** Ranges of kernels that run repeatedly, each before those within it; absent if there are none. */
  readonly loops?: readonly ProgramLoop[];
  readonly buffers: readonly ProgramBuffer[];
  readonly inputs: readonly Binding[];
  readonly outputs: readonly Binding[];
  readonly states: readonly Binding[];
  readonly scalars: readonly string[];
  /** Threads that run it, each with a copy of its private scratch; 1 if absent. */
  readonly threads?: number;
  /**
   * How many of the kernels, from the first, prepare: they read nothing but states that
   * the program does not write. Their results are kept from run to run, so they run
   * again only if one of these states has changed; absent if there are none.
   */
  readonly preparedTo?: number;
  /** How many of the kernels, from the first, run before states are written: the rest commit the step. */
  readonly commitFrom: number;
}

/** Buffers of the states that no kernel writes: what depends on them alone is the same from run to run. */
export function readOnlyStates({ states, kernels }: LoweredProgram): ReadonlySet<string> {
  const found = new Set(states.map(({ buffer }) => buffer));
  for (const { buffers } of kernels)
    for (const { name, access } of buffers) if (access !== "read") found.delete(name);
  return found;
}

/** The dump of a program between lowering and printing; `parse.ts` reads it back. */
export const printProgram = (program: LoweredProgram): string =>
  joined(
    [`program ${printName(program.name)}`, ...printSettings(program), ...printBuffers(program)],
    program,
  );

/** A program's text: its `head`, then its results and its kernels. */
export const joined = (head: readonly string[], program: LoweredProgram): string =>
  [
    [...head, ...printOutputs(program), ...printLoops(program)].join("\n"),
    ...program.kernels.map(printKernel),
  ].join("\n\n");

/** The settings of a program, line by line. */
export function printSettings(program: LoweredProgram): string[] {
  const { threads, scalars, kernels, preparedTo = 0, commitFrom } = program;
  return [
    ...(threads === undefined ? [] : [`  threads ${threads}`]),
    ...(scalars.length === 0 ? [] : [`  scalars ${scalars.map(printScalar).join(", ")}`]),
    ...(preparedTo > 0 ? [`  prepare up to ${kernels[preparedTo - 1].name}`] : []),
    ...(commitFrom < kernels.length ? [`  commit from ${kernels[commitFrom].name}`] : []),
  ];
}

/** The buffers, each with its name for users; `placeOf` gives their position, in a column of its own. */
export function printBuffers(
  { buffers, inputs, states }: LoweredProgram,
  placeOf: (buffer: string) => string = () => "",
): string[] {
  const names = new Map([
    ...states.map(({ name, buffer }) => [buffer, stateText(name)] as const),
    ...inputs.map(({ name, buffer }) => [buffer, inputText(name)] as const),
  ]);
  const rows = buffers.map(({ name, dtype, shape, role, layout, private: isPrivate, value }) => {
    const type = `${shortName(dtype)}${formatShape(shape)}${layout ? ` in order [${layout}]` : ""}`;
    const bound = role === "input" || role === "state" ? names.get(name) : undefined;
    return {
      text: `  ${role} ${name}: ${type}${isPrivate ? " private" : ""}${bound === undefined ? "" : ` = ${bound}`}`,
      place: placeOf(name),
      value: value === "" || value === bound ? "" : `  # ${value}`,
    };
  });
  const placed = rows.filter(({ place }) => place !== "").map(({ text }) => text.length);
  const width = Math.min(Math.max(0, ...placed), WIDEST);
  return rows.map(({ text, place, value }) =>
    place === "" ? text + value : `${text.padEnd(width)}  ${place}${value}`.trimEnd(),
  );
}

/** Longer lines do not push the column of places away from the others. */
const WIDEST = 72;

/** An input and a state as the graph's text names them, unless a buffer says otherwise. */
export const inputText = (name: string): string => `%${printName(name)}`;
export const stateText = (name: string): string => `@${printName(name)}`;

/** `  return output=linear`, with the type of a result that is a view of its buffer. */
function printOutputs({ outputs, buffers }: LoweredProgram): string[] {
  if (outputs.length === 0) return [];
  const types = new Map(buffers.map((b) => [b.name, typeText(b)]));
  const results = outputs.map((output) => {
    const type = typeText(output);
    return `${printName(output.name)}=${output.buffer}${type === types.get(output.buffer) ? "" : `: ${type}`}`;
  });
  return [`  return ${results.join(", ")}`];
}

const typeText = ({ dtype, shape }: Pick<Binding, "dtype" | "shape">): string =>
  `${shortName(dtype)}${formatShape(shape)}`;

/** `  loop scan from scan_mul to scan_add, 64 iterations`, with a line for each of its moves. */
function printLoops({ loops = [], kernels }: LoweredProgram): string[] {
  return loops.flatMap(({ name, from, to, iterations, descending, initial, before, after }) => [
    `  loop ${name} from ${kernels[from].name} to ${kernels[to - 1].name}, ${iterations} iterations${descending ? " descending" : ""}`,
    ...initial.map((move) => `    initial ${printMove(move)}`),
    ...before.map((move) => `    before ${printMove(move)}`),
    ...after.map((move) => `    after ${printMove(move)}`),
  ]);
}

/** `x[12 i] -> scan_x, 12 elements`. */
function printMove({ from, to, length, fromStride, toStride }: Move): string {
  const end = (buffer: string, stride: number): string => (stride === 0 ? buffer : `${buffer}[${stride} i]`);
  return `${end(from, fromStride)} -> ${end(to, toStride)}, ${length} elements`;
}
