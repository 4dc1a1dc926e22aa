/** The source of a C library: constants, kernels, and the functions of its header. */

import { FLUSH_TO_ZERO } from "../../../backends/c/flush-to-zero.ts";
import { support } from "../../../backends/c/print/support.ts";
import { printKernels } from "../../../backends/c/source.ts";
import { byteSize } from "../../core/dtype.ts";
import { sizeOf } from "../../core/shape.ts";
import { commentLine } from "./comment.ts";
import { alignmentOf } from "./header.ts";
import { elementType, type Interface } from "./interface.ts";
import type { Library, LibraryMemory } from "./library.ts";
import { mainFunction } from "./main-function.ts";
import { numberLines } from "./numbers.ts";
import { parameterLines } from "./parameters.ts";
import { weightsFileLines } from "./weights-file.ts";

export function sourceText(library: Library, offered: Interface, memory: LibraryMemory): string {
  const { program, prefix, lanes } = library;
  const { codes, kernels: placed } = printKernels(program.plan, { lanes, isFused: true });
  const kernels = codes.map(({ text }) => text).join("\n\n");
  const parameters = new Map(
    codes.flatMap(({ phases }) => phases.map(({ name, parameters: given }) => [name, given] as const)),
  );
  const used = codes.flatMap(({ math }) => math);
  // Whoever lets bits differ between processors wants speed.
  const flushes = lanes > 1;
  return [
    `/* ${commentLine(program.plan.name)}, compiled by Kiln; ${prefix}.h says how to use it. */`,
    GUARDS,
    `#include "${prefix}.h"`,
    "#include <float.h>",
    "#include <string.h>",
    CHECKS,
    support({ lanes, isFused: true }, used, kernels),
    ...(flushes ? [FLUSH_TO_ZERO] : []),
    ...constantLines(library, memory),
    kernels,
    ...modelLines(library, memory),
    ...(offered.parameters.length > 0 ? parameterLines(library, offered, memory) : []),
    ...(offered.isTraining ? weightsFileLines(library, offered.isRandom) : []),
    mainFunction(library, offered, memory, { kernels: placed, parameters, flushes }),
    "",
  ].join("\n\n");
}

/** Protects bits from compiler options. */
const GUARDS = `#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "NaN and infinities are numbers like others here: compile without -ffast-math"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#if !defined(__STDC_VERSION__)
#define restrict __restrict
#endif
#elif defined(__GNUC__) && !defined(__STRICT_ANSI__)
#pragma GCC optimize("fp-contract=off")
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif`;

const CHECKS = `#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "floats are computed as something else here: on 32-bit x86 compile with -msse2 -mfpmath=sse"
#endif`;

/** The numbers that are part of the program. */
const constantLines = ({ program }: Library, { constants }: LibraryMemory): string[] =>
  program.plan.states.flatMap(({ name, dtype }) => {
    const constant = constants.get(name);
    if (constant === undefined) return [];
    const declared = `static const ${elementType(dtype)} ${constant.name}[${constant.data.length}] = {`;
    return [`/* ${commentLine(name)} */\n${[declared, ...numberLines(constant.data), "};"].join("\n")}`];
  });

/** The memory of a model, its own data there, and its initialisation. */
function modelLines(library: Library, { constants, places }: LibraryMemory): string[] {
  const { prefix, program } = library;
  const { plan, optimizer, seed } = program;
  const alignment = alignmentOf(library);
  const isRandom = plan.scalars.includes("seed");
  const begin =
    alignment === 1
      ? "(unsigned char *)(uintptr_t)model->bytes"
      : `(unsigned char *)(((uintptr_t)model->bytes + ${alignment - 1}) & ~(uintptr_t)${alignment - 1})`;
  const beginnings = plan.states.flatMap(({ name, buffer, dtype, shape }) => {
    const place = places.get(buffer);
    const constant = constants.get(name);
    if (typeof place !== "number") return [];
    if (constant !== undefined)
      return [`  memcpy(memory + ${place}, ${constant.name}, sizeof ${constant.name});`];
    return [`  memset(memory + ${place}, 0, ${sizeOf(shape) * byteSize(dtype)});`];
  });
  return [
    `/* A model's own data, at the beginning of its memory. */
typedef struct {
  double completed;
  double seed;
  double rate;
} model_control;`,
    `static unsigned char *memory_of(const ${prefix}_model *model) {
  return ${begin};
}`,
    `static model_control *control_of(const ${prefix}_model *model) {
  return (model_control *)(void *)memory_of(model);
}`,
    [
      `void ${prefix}_init(${prefix}_model *model) {`,
      ...(beginnings.length > 0 ? ["  unsigned char *const memory = memory_of(model);"] : []),
      "  model_control *const control = control_of(model);",
      "  control->completed = 0;",
      `  control->seed = ${seed};`,
      `  control->rate = ${optimizer?.lr ?? 0};`,
      ...beginnings,
      "}",
    ].join("\n"),
    ...(optimizer === undefined ? [] : [accessText(prefix)]),
    ...(isRandom
      ? [
          `void ${prefix}_set_seed(${prefix}_model *model, int32_t seed) {\n  control_of(model)->seed = seed;\n}`,
        ]
      : []),
  ];
}

const accessText = (prefix: string): string => `double ${prefix}_learning_rate(const ${prefix}_model *model) {
  return control_of(model)->rate;
}

void ${prefix}_set_learning_rate(${prefix}_model *model, double rate) {
  control_of(model)->rate = rate;
}

int64_t ${prefix}_steps(const ${prefix}_model *model) {
  return (int64_t)control_of(model)->completed;
}

void ${prefix}_set_steps(${prefix}_model *model, int64_t steps) {
  control_of(model)->completed = (double)steps;
}`;
