/** The header of a C library: what its users read and include, from C or C++. */

import { commentLine } from "./comment.ts";
import { type Argument, declaredArguments, describeArray, type Interface } from "./interface.ts";
import type { Library } from "./library.ts";
import { weightsFileText } from "./weights-file.ts";

/** The alignment of vectors in a model's memory; without vectors a double's alignment is enough. */
export const alignmentOf = ({ lanes }: Library): number => (lanes === 1 ? 1 : 64);

export function headerText(library: Library, offered: Interface, byteLength: number): string {
  const { prefix, program } = library;
  const { isTraining } = offered;
  const NAME = prefix.toUpperCase();
  const bytes = Math.ceil((byteLength + alignmentOf(library) - 1) / 8) * 8;
  const arrays = [...offered.inputs, ...offered.outputs];
  return `/*
 * ${commentLine(program.plan.name)}, compiled by Kiln: ${isTraining ? "a training step" : "the forward pass"}, in C99 that needs the standard library and its mathematics (-lm).
 *
 * A ${prefix}_model is all the memory that the code works with: it allocates nothing, reads no file, starts no thread and has no
 * variables of its own. Put one where you like (a static variable, a structure, memory from malloc), pass it to ${prefix}_init
 * once, and do not move or copy it after that. Different models may be used by different threads at the same time, one model
 * by one thread at a time; an interrupt must not use a model that it may have interrupted. ${memoryText(library)}
 *
 * NaN and infinities follow IEEE 754, so -ffast-math is rejected. ${bitsText(library)}
 */

#ifndef ${NAME}_H
#define ${NAME}_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The size of a model in bytes, ${Math.ceil(bytes / 1024).toLocaleString("en-US")} KB. */
#define ${NAME}_MODEL_BYTES ${bytes}

typedef union {
  unsigned char bytes[${NAME}_MODEL_BYTES];
  double for_alignment;
  int64_t for_alignment_too;
} ${prefix}_model;

/* What functions return. */
enum {
  ${NAME}_OK = 0,
  /* An input holds a number that is not a valid class, row or position; nothing was changed. */
  ${NAME}_WRONG_INDEX = 1,
  /* The loss is infinite or NaN; the parameters were not changed. */
  ${NAME}_LOSS_NOT_FINITE = 2${isTraining ? `,\n  /* A file is not a safetensors file, or lacks what the model needs; nothing was changed. */\n  ${NAME}_WRONG_FILE = 3` : ""}
};

/* How many numbers the arrays hold, in row-major order. */
${arrays.map(lengthLine).join("\n")}

/* Initialises a model in memory with any contents. */
void ${prefix}_init(${prefix}_model *model);

${mainDeclaration(library, offered)}
${isTraining ? trainingText(prefix) : ""}${offered.isRandom ? seedText(prefix) : ""}${parameterText(prefix, offered)}${isTraining ? weightsFileText(library) : ""}
#ifdef __cplusplus
}
#endif

#endif
`;
}

const memoryText = ({ program, lanes }: Library): string =>
  program.optimizer === undefined
    ? `The weights are constants, which all\n * models share.${lanes === 1 ? "" : " Memory aligned to 64 bytes is fastest."}`
    : "The weights are in the\n * model; their initial values are constants.";

const bitsText = ({ lanes }: Library): string =>
  lanes === 1
    ? "The bits of results are the same\n * on every processor that computes floats as floats: compile with -std=c99 or -ffp-contract=off."
    : "Vectors are those of GCC and clang, of\n * whatever length: tell the compiler which processor it is for (-march=native). Products and sums are rounded once where it\n * can; KILN_FUSED defined as 0 keeps the bits the same on x86 and ARM.";

const lengthLine = (argument: Argument): string =>
  `#define ${argument.lengthName} ${argument.length} /* ${argument.name}: ${describeArray(argument)} */`;

function mainDeclaration({ prefix }: Library, offered: Interface): string {
  const declared = declaredArguments(offered, prefix);
  return offered.isTraining
    ? `/*
 * One step of learning on a batch: forward, backward, update. Returns ${prefix.toUpperCase()}_OK or an error, and the loss before the update
 * in *loss.
 */
int ${prefix}_step(${declared}, float *loss);`
    : `/* Runs the model. Returns ${prefix.toUpperCase()}_OK or an error. */
int ${prefix}_forward(${declared});`;
}

const trainingText = (prefix: string): string => `
/* The learning rate, which may change before any step. It is a finite number, not below 0. */
double ${prefix}_learning_rate(const ${prefix}_model *model);
void ${prefix}_set_learning_rate(${prefix}_model *model, double rate);

/* The number of steps so far. If you set the optimizer's parameters, set it as well. */
int64_t ${prefix}_steps(const ${prefix}_model *model);
void ${prefix}_set_steps(${prefix}_model *model, int64_t steps);
`;

const seedText = (prefix: string): string => `
/* The seed of random layers. */
void ${prefix}_set_seed(${prefix}_model *model, int32_t seed);
`;

function parameterText(prefix: string, { parameters, isTraining }: Interface): string {
  if (parameters.length === 0) return "";
  const NAME = prefix.toUpperCase();
  const most = Math.max(1, ...parameters.map(({ shape }) => shape.length));
  return `
/* The model's parameters and buffers, in PyTorch's order and with its names, then the state of its optimizer. */
#define ${NAME}_PARAMETERS ${parameters.length}

typedef struct {
  const char *name;
  enum { ${NAME}_PARAMETER, ${NAME}_BUFFER, ${NAME}_OPTIMIZER } role;
  /* The type of an element: float, int32_t, or uint8_t for booleans. */
  enum { ${NAME}_FLOAT32, ${NAME}_INT32, ${NAME}_BOOL } type;
  int axes;
  size_t shape[${most}];
  /* The number of elements. */
  size_t length;
} ${prefix}_parameter;

extern const ${prefix}_parameter ${prefix}_parameters[${NAME}_PARAMETERS];

/* Copies all numbers of the parameter at a position in the table, in row-major order. */
void ${prefix}_get_parameter(const ${prefix}_model *model, int position, void *numbers);
${isTraining ? `void ${prefix}_set_parameter(${prefix}_model *model, int position, const void *numbers);\n` : ""}`;
}
