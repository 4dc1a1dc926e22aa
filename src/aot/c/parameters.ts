/** The parameters of a C library: the table of its header, and the functions that get and set their numbers. */

import { byteSize, kindOf } from "../../core/dtype.ts";
import type { Interface, Parameter } from "./interface.ts";
import type { Library, LibraryMemory } from "./library.ts";
import { stringLiteral } from "./names.ts";

const ROLES = {
  parameter: "PARAMETER",
  buffer: "BUFFER",
  optimizer: "OPTIMIZER",
  constant: "PARAMETER",
} as const;

export function parameterLines(
  { prefix }: Library,
  { parameters, isTraining }: Interface,
  { places }: LibraryMemory,
): string[] {
  const NAME = prefix.toUpperCase();
  const most = Math.max(1, ...parameters.map(({ shape }) => shape.length));
  const extents = (numbers: readonly number[]): string =>
    `{${(numbers.length === 0 ? [0] : numbers).join(", ")}}`;
  const rows = parameters.map((parameter) => {
    const { name, role, shape, length } = parameter;
    return `  {${[stringLiteral(name), `${NAME}_${ROLES[role]}`, `${NAME}_${typeName(parameter)}`, shape.length, extents(shape), length].join(", ")}},`;
  });
  const stored = parameters.map(({ buffer, dtype, strides, isPlain }) => {
    const place = places.get(buffer)!;
    const where = typeof place === "string" ? [place, 0] : ["NULL", place];
    return `  {${[...where, byteSize(dtype), isPlain ? 1 : 0, extents(strides)].join(", ")}},`;
  });
  return [
    `const ${prefix}_parameter ${prefix}_parameters[${NAME}_PARAMETERS] = {\n${rows.join("\n")}\n};`,
    `/* Where the numbers lie: among the constants or else in the model's memory, and how far apart along each axis. */
typedef struct {
  const void *constant;
  size_t place;
  size_t width;
  int is_plain;
  size_t strides[${most}];
} parameter_storage;`,
    `static const parameter_storage storages[${NAME}_PARAMETERS] = {\n${stored.join("\n")}\n};`,
    `/* Where the number at a place in row-major order lies. */
static size_t place_of(int position, size_t index) {
  const ${prefix}_parameter *const parameter = ${prefix}_parameters + position;
  const parameter_storage *const storage = storages + position;
  size_t place = 0;
  if (storage->is_plain) return index * storage->width;
  for (int axis = parameter->axes - 1; axis >= 0; axis--) {
    place += index % parameter->shape[axis] * storage->strides[axis];
    index /= parameter->shape[axis];
  }
  return place * storage->width;
}`,
    `void ${prefix}_get_parameter(const ${prefix}_model *model, int position, void *numbers) {
  const parameter_storage *const storage = storages + position;
  const unsigned char *const from = storage->constant != NULL ? storage->constant : memory_of(model) + storage->place;
  for (size_t k = 0; k < ${prefix}_parameters[position].length; k++)
    memcpy((unsigned char *)numbers + k * storage->width, from + place_of(position, k), storage->width);
}`,
    ...(isTraining
      ? [
          `void ${prefix}_set_parameter(${prefix}_model *model, int position, const void *numbers) {
  const parameter_storage *const storage = storages + position;
  unsigned char *const to = memory_of(model) + storage->place;
  for (size_t k = 0; k < ${prefix}_parameters[position].length; k++)
    memcpy(to + place_of(position, k), (const unsigned char *)numbers + k * storage->width, storage->width);
}`,
        ]
      : []),
  ];
}

function typeName({ dtype }: Parameter): string {
  switch (kindOf(dtype)) {
    case "float":
      return "FLOAT32";
    case "bool":
      return "BOOL";
    default:
      return "INT32";
  }
}
