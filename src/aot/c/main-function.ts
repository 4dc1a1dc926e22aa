/**
 * The function of a C library that runs the model: it checks
 * and copies its inputs, calls kernels, and copies results out.
 */

import { functionOn, type Parameter } from "../../../backends/c/print/kernel.ts";
import type { PlacedKernel } from "../../../backends/c/source.ts";
import { byteSize } from "../../core/dtype.ts";
import { InternalError } from "../../core/errors.ts";
import { isIndexFault, NO_FAULT } from "../../core/index-limit.ts";
import { C, optimizerScalars } from "../optimizer-scalars.ts";
import { type MovedPlace, type RunText, runLines } from "../run-lines.ts";
import { type Argument, declaredArguments, type Interface } from "./interface.ts";
import type { Library, LibraryMemory } from "./library.ts";

export interface Running {
  /** How each kernel of the plan runs. */
  readonly kernels: readonly PlacedKernel[];
  /** The arguments of the functions, by name. */
  readonly parameters: ReadonlyMap<string, readonly Parameter[]>;
  /** Whether subnormal results are 0. */
  readonly flushes: boolean;
}

export function mainFunction(
  library: Library,
  offered: Interface,
  memory: LibraryMemory,
  running: Running,
): string {
  const { program, prefix } = library;
  const { plan, optimizer } = program;
  const { commitFrom, kernels, scalars } = plan;
  const NAME = prefix.toUpperCase();
  const { flushes } = running;
  const at = addressIn(memory);
  const run = runText(library, memory, running);
  /** Returns before the model's state has changed. */
  const leave = (status: string): string =>
    flushes ? `{ restore(before); return ${NAME}_${status}; }` : `return ${NAME}_${status};`;
  const faults = plan.outputs
    .filter(isIndexFault)
    .flatMap(({ buffer }) => [
      `memcpy(&fault, ${at(buffer)}, sizeof fault);`,
      `if (fault > ${NO_FAULT}.0f) ${leave("WRONG_INDEX")}`,
    ]);
  const loss =
    optimizer === undefined
      ? []
      : [
          `memcpy(loss, ${at(plan.outputs[0].buffer)}, sizeof *loss);`,
          `if (*loss - *loss != 0) ${leave("LOSS_NOT_FINITE")}`,
        ];
  const counts = optimizer !== undefined || scalars.includes("step");
  const copied = ({ length, binding }: Argument): number => length * byteSize(binding.dtype);
  const lines = [
    ...offered.inputs.flatMap((input) => checkLines(input, library)),
    "unsigned char *const memory = memory_of(model);",
    ...(counts || scalars.length > 0 ? ["model_control *const control = control_of(model);"] : []),
    ...scalarLines(library),
    ...(faults.length === 0 ? [] : ["float fault;"]),
    ...(flushes ? ["const uint64_t before = flush_to_zero();"] : []),
    ...offered.inputs.map((input) => `memcpy(${at(input.binding.buffer)}, ${input.name}, ${copied(input)});`),
    ...(faults.length + loss.length === 0
      ? run(0, kernels.length)
      : [...run(0, commitFrom), ...faults, ...loss, ...run(commitFrom, kernels.length)]),
    ...offered.outputs.map(
      (output) => `memcpy(${output.name}, ${at(output.binding.buffer)}, ${copied(output)});`,
    ),
    ...(flushes ? ["restore(before);"] : []),
    ...(counts ? ["control->completed += 1;"] : []),
    `return ${NAME}_OK;`,
  ];
  const declared = declaredArguments(offered, prefix);
  const head =
    optimizer === undefined
      ? `int ${prefix}_forward(${declared})`
      : `int ${prefix}_step(${declared}, float *loss)`;
  return [`${head} {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
}

/** The address of a buffer in C. */
const addressIn =
  ({ places }: LibraryMemory) =>
  (buffer: string): string => {
    const place = places.get(buffer);
    if (place === undefined) throw new InternalError(`no place for ${buffer}`);
    return typeof place === "string" ? place : `memory + ${place}`;
  };

/** Returns an error if an input holds an invalid index. */
const checkLines = ({ name, lengthName, binding }: Argument, { program, prefix }: Library): string[] =>
  (program.limits.get(binding.name) ?? []).flatMap(({ below, least = 0, ignoreIndex }) => {
    const ignored = ignoreIndex === undefined ? "" : ` && ${name}[k] != ${ignoreIndex}`;
    return [
      `for (size_t k = 0; k < ${lengthName}; k++)`,
      `  if ((${name}[k] < ${least} || ${name}[k] >= ${below})${ignored}) return ${prefix.toUpperCase()}_WRONG_INDEX;`,
    ];
  });

/** Computes the scalars of a run. */
function scalarLines({ program: { plan, optimizer } }: Library): string[] {
  const known = optimizer === undefined ? undefined : optimizerScalars(optimizer, C);
  const values: Readonly<Record<string, string>> = {
    ...known?.values,
    seed: "control->seed",
    step: "control->completed",
  };
  const given = plan.scalars.map((name) => {
    if (values[name] === undefined) throw new InternalError(`no value for the scalar ${name}`);
    return values[name];
  });
  return [
    ...(known === undefined
      ? []
      : [
          "const double completed = control->completed, lr = control->rate;",
          ...known.lines,
          "(void)completed, (void)lr;",
        ]),
    ...(given.length === 0 ? [] : [`const double scalars[${given.length}] = {${given.join(", ")}};`]),
  ];
}

/** The lines that run kernels, one after the other and in loops. */
function runText(
  { program: { plan } }: Library,
  memory: LibraryMemory,
  { kernels, parameters }: Running,
): (from: number, to: number) => string[] {
  const at = addressIn(memory);
  const scalars = plan.scalars.length === 0 ? "NULL" : "scalars";
  const callLines = (kernel: number): string[] =>
    kernels[kernel].parts.flatMap(({ functions, buffers }) =>
      functions.map((name) => {
        const given = parameters
          .get(name)!
          .map(({ type, position }) => `(${type})(${voidOf(type)})(${at(buffers[position])})`);
        return `${functionOn(name)}(${[...given, scalars, "0", "1"].join(", ")});`;
      }),
    );
  const bytesAt = ({ buffer, offset }: MovedPlace): string =>
    typeof memory.places.get(buffer) === "string"
      ? `(const unsigned char *)${at(buffer)}${offset}`
      : `${at(buffer)}${offset}`;
  const text: RunText = {
    counter: "int64_t",
    run: (from, to) => Array.from({ length: to - from }, (_, k) => callLines(from + k)).flat(),
    move: (from, to, bytes) => `memmove(${bytesAt(to)}, ${bytesAt(from)}, ${bytes});`,
  };
  return (from, to) => runLines(plan, text, from, to);
}

/** Pointers are cast to other types by way of this one. */
const voidOf = (type: string): string => (type.startsWith("const ") ? "const void *" : "void *");
