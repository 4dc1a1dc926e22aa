/** The example of a C library: a program that runs it on numbers from files, or that shows some training steps. */

import { sizeOf } from "../../core/shape.ts";
import { type Argument, describeArray, type ElementType, type Interface } from "./interface.ts";
import type { Library } from "./library.ts";

export const exampleText = (library: Library, offered: Interface): string =>
  offered.isTraining ? learningText(library, offered) : runningText(library, offered);

const declarations = (prefix: string, arrays: readonly Argument[]): string =>
  [
    `  static ${prefix}_model model;`,
    ...arrays.map(({ name, type, lengthName }) => `  static ${type} ${name}[${lengthName}];`),
  ].join("\n");

const call = ({ inputs, outputs }: Interface, ...more: readonly string[]): string =>
  ["&model", ...[...inputs, ...outputs].map(({ name }) => name), ...more].join(", ");

/** Whether an input is one grey picture, which a PGM file may hold. */
const isPicture = ({ shape, type }: Argument): boolean =>
  type === "float" &&
  shape.length >= 2 &&
  shape.slice(0, -2).every((extent) => extent === 1) &&
  sizeOf(shape) > 1;

function runningText({ prefix }: Library, offered: Interface): string {
  const NAME = prefix.toUpperCase();
  const { inputs, outputs } = offered;
  const picture = inputs.some(isPicture);
  const reading = inputs.map((input, k) => {
    const { name, shape } = input;
    const [height, width] = shape.slice(-2);
    return isPicture(input)
      ? `  if (!read_picture(arguments[${k + 1}], ${name}, ${width}, ${height}) && !read_numbers(arguments[${k + 1}], ${name}, sizeof ${name})) return 1;`
      : `  if (!read_numbers(arguments[${k + 1}], ${name}, sizeof ${name})) return 1;`;
  });
  const files = inputs.map(({ name }) => `${name}.bin`).join(" ");
  return `/*
 * Runs the model on the numbers of files: raw ones, little-endian, in row-major order${picture ? ", or a grey picture (PGM, binary)" : ""}. For example
 *
 *   ${prefix}_example ${files}
 *
${inputs.map((input) => ` * ${input.name}: ${describeArray(input)}`).join("\n")}
 */

#include <stdio.h>

#include "${prefix}.h"

/* Reads a file of exactly so many bytes. */
static int read_numbers(const char *path, void *numbers, size_t bytes) {
  FILE *const file = fopen(path, "rb");
  size_t found;
  if (file == NULL) {
    fprintf(stderr, "%s cannot be read\\n", path);
    return 0;
  }
  found = fread(numbers, 1, bytes, file);
  if (found == bytes && fgetc(file) != EOF) found += 1;
  fclose(file);
  if (found != bytes) fprintf(stderr, "%s does not hold %lu bytes\\n", path, (unsigned long)bytes);
  return found == bytes;
}
${picture ? PICTURE : ""}
${[...new Set(outputs.map(({ type }) => type))].map(printFunction).join("\n")}
int main(int count, char **arguments) {
${declarations(prefix, [...inputs, ...outputs])}
  int status;
  if (count != ${inputs.length + 1}) {
    fprintf(stderr, "usage: ${prefix}_example ${files}\\n");
    return 1;
  }
${reading.join("\n")}
  ${prefix}_init(&model);
  status = ${prefix}_forward(${call(offered)});
  if (status != ${NAME}_OK) {
    fprintf(stderr, "an input holds an invalid index\\n");
    return 1;
  }
${outputs.map(printCall).join("\n")}
  return 0;
}
`;
}

const PICTURE = `
/* Reads a grey picture as numbers from 0 to 1; gives 0 and says nothing where the file is none of this size. */
static int read_picture(const char *path, float *numbers, int width, int height) {
  FILE *const file = fopen(path, "rb");
  int columns = 0, rows = 0, most = 0, is_read = 0;
  if (file == NULL) return 0;
  if (fscanf(file, "P5 %d %d %d", &columns, &rows, &most) == 3 && columns == width && rows == height && most > 0 && most < 256 &&
      fgetc(file) != EOF) {
    int k = 0;
    for (; k < width * height; k++) {
      const int pixel = fgetc(file);
      if (pixel == EOF) break;
      numbers[k] = (float)pixel / (float)most;
    }
    is_read = k == width * height;
  }
  fclose(file);
  return is_read;
}
`;

/** Prints an array row by row, and where a row has its largest number. */
const printFunction = (type: ElementType): string => `
static void print_${PRINTED[type]}(const char *title, const ${type} *numbers, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++, numbers += columns) {
    size_t largest = 0;
    printf("%s[%lu]:", title, (unsigned long)row);
    for (size_t k = 0; k < columns; k++) {
      if (numbers[k] > numbers[largest]) largest = k;
      printf(${type === "float" ? '" %g", (double)numbers[k]' : '" %d", (int)numbers[k]'});
    }
    printf(" (largest at %lu)\\n", (unsigned long)largest);
  }
}`;

const PRINTED = { float: "floats", int32_t: "integers", uint8_t: "bytes" } as const;

function printCall({ name, type, shape }: Argument): string {
  const columns = shape.at(-1) ?? 1;
  const rows = columns === 0 ? 0 : sizeOf(shape) / columns;
  return `  print_${PRINTED[type]}("${name}", ${name}, ${rows}, ${columns});`;
}

function learningText({ prefix, program }: Library, offered: Interface): string {
  const NAME = prefix.toUpperCase();
  const filling = offered.inputs.map(({ name, type, lengthName, binding }) => {
    const limits = (program.limits.get(binding.name) ?? []).map(({ below }) => below);
    const most = Math.max(1, limits.length === 0 ? 2 : Math.min(...limits));
    return type === "float"
      ? `  for (size_t k = 0; k < ${lengthName}; k++) ${name}[k] = (float)(random_word() >> 8) / 8388608.0f - 1.0f;`
      : `  for (size_t k = 0; k < ${lengthName}; k++) ${name}[k] = (${type})(random_word() % ${most}u);`;
  });
  return `/* Learns one made-up batch by heart, and prints the losses on the way. */

#include <stdio.h>

#include "${prefix}.h"

/* The next one of numbers that look like chance. */
static uint32_t random_word(void) {
  static uint32_t state = 1;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

int main(void) {
${declarations(prefix, offered.inputs)}
  ${prefix}_init(&model);
${filling.join("\n")}
  for (int step = 1; step <= 100; step++) {
    float loss;
    const int status = ${prefix}_step(${call(offered, "&loss")});
    if (status != ${NAME}_OK) {
      fprintf(stderr, "step %d was not made: %d\\n", step, status);
      return 1;
    }
    if (step == 1 || step % 10 == 0) printf("step %d: loss %g\\n", step, (double)loss);
  }
  return 0;
}
`;
}
