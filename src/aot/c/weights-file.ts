/**
 * Safetensors files of a C library that learns: all its numbers written to memory, and loaded from there. Files
 * are up to the caller, since the library knows no files and allocates nothing.
 */

import { commentLine } from "./comment.ts";
import type { Library } from "./library.ts";

/** The declarations in the header. */
export const weightsFileText = ({ prefix }: Library): string => `
/*
 * Writes a safetensors file to the \`size\` bytes at \`file\`: all parameters and buffers under PyTorch's names, the optimizer's
 * state, and the number of steps. Returns the size of the file, which never changes; if that is more than \`size\`, the file is
 * not complete. With NULL and 0 nothing is written.
 */
size_t ${prefix}_save(const ${prefix}_model *model, void *file, size_t size);

/*
 * Loads such a file, weights.safetensors or another with parameters and buffers of these names, types and shapes: all of it,
 * or nothing and ${prefix.toUpperCase()}_WRONG_FILE. If a file lacks the optimizer's state, that becomes 0, and so does the number of steps.
 */
int ${prefix}_load(${prefix}_model *model, const void *file, size_t size);
`;

/** The functions that do it. */
export const weightsFileLines = (library: Library, isRandom: boolean): readonly string[] => [
  `/* ${commentLine(`Safetensors files of ${library.program.plan.name}`)} */`,
  SHARED,
  WRITING,
  saving(library.prefix, isRandom),
  READING,
  loading(library.prefix, isRandom),
];

const SHARED = `static int is_little_endian(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}`;

const WRITING = `/* Where a file is written: so many bytes at most, and how many there are in all. */
typedef struct {
  unsigned char *to;
  size_t at;
  size_t most;
} file_writer;

static void write_byte(file_writer *writer, unsigned value) {
  if (writer->at < writer->most) writer->to[writer->at] = (unsigned char)value;
  writer->at += 1;
}

static void write_text(file_writer *writer, const char *text) {
  for (; *text != 0; text++) write_byte(writer, (unsigned char)*text);
}

static void write_number(file_writer *writer, uint64_t number, int least) {
  unsigned digits[20];
  int count = 0;
  while (count < least || number > 0) {
    digits[count++] = (unsigned)(number % 10);
    number /= 10;
  }
  while (count > 0) write_byte(writer, 48u + digits[--count]);
}

static void write_name(file_writer *writer, const char *name) {
  write_byte(writer, 34u);
  for (; *name != 0; name++) {
    const unsigned letter = (unsigned char)*name;
    if (letter < 32u) {
      write_text(writer, letter < 16u ? "\\\\u000" : "\\\\u001");
      write_byte(writer, (unsigned char)"0123456789abcdef"[letter & 15u]);
    } else {
      if (letter == 34u || letter == 92u) write_byte(writer, 92u);
      write_byte(writer, letter);
    }
  }
  write_byte(writer, 34u);
}`;

const saving = (
  prefix: string,
  isRandom: boolean,
): string => `size_t ${prefix}_save(const ${prefix}_model *model, void *file, size_t size) {
  static const char *const types[] = {"F32", "I32", "BOOL"};
  const model_control *const control = control_of(model);
  const int is_little = is_little_endian();
  file_writer writer;
  uint64_t end = 0;
  writer.to = (unsigned char *)file;
  writer.at = 8;
  writer.most = size;
  write_text(&writer, "{\\"__metadata__\\":{\\"format\\":\\"pt\\",\\"kiln.step\\":\\"");
  write_number(&writer, (uint64_t)control->completed, 16);
${
  isRandom
    ? `  write_text(&writer, "\\",\\"kiln.seed\\":\\"");
  write_text(&writer, control->seed < 0 ? "-" : "0");
  write_number(&writer, (uint64_t)(control->seed < 0 ? -control->seed : control->seed), 10);
`
    : ""
}  write_text(&writer, "\\"}");
  /* Wide elements first, so that each tensor begins at a multiple of its element's size. */
  for (int pass = 0; pass < 2; pass++) {
    for (int position = 0; position < ${prefix.toUpperCase()}_PARAMETERS; position++) {
      const ${prefix}_parameter *const parameter = ${prefix}_parameters + position;
      const size_t width = storages[position].width;
      if ((width == 1) != (pass == 1)) continue;
      write_text(&writer, ",");
      write_name(&writer, parameter->name);
      write_text(&writer, ":{\\"dtype\\":\\"");
      write_text(&writer, types[parameter->type]);
      write_text(&writer, "\\",\\"shape\\":[");
      for (int axis = 0; axis < parameter->axes; axis++) {
        if (axis > 0) write_text(&writer, ",");
        write_number(&writer, parameter->shape[axis], 1);
      }
      write_text(&writer, "],\\"data_offsets\\":[");
      write_number(&writer, end, 1);
      end += (uint64_t)parameter->length * width;
      write_text(&writer, ",");
      write_number(&writer, end, 1);
      write_text(&writer, "]}");
    }
  }
  write_text(&writer, "}");
  while (writer.at % 8 != 0) write_text(&writer, " ");
  for (size_t k = 0; k < 8 && k < size; k++)
    writer.to[k] = (unsigned char)((uint64_t)(writer.at - 8) >> 8 * k & 255u);
  for (int pass = 0; pass < 2; pass++) {
    for (int position = 0; position < ${prefix.toUpperCase()}_PARAMETERS; position++) {
      const parameter_storage *const storage = storages + position;
      const unsigned char *const numbers = memory_of(model) + storage->place;
      if ((storage->width == 1) != (pass == 1)) continue;
      for (size_t k = 0; k < ${prefix}_parameters[position].length; k++) {
        const unsigned char *const from = numbers + place_of(position, k);
        for (size_t b = 0; b < storage->width; b++)
          write_byte(&writer, from[is_little ? b : storage->width - 1 - b]);
      }
    }
  }
  return writer.at;
}`;

const READING = `/* Where a header is read. */
typedef struct {
  const unsigned char *at;
  const unsigned char *end;
  int is_wrong;
} header_reader;

/* A string of it, between its quotes. */
typedef struct {
  const unsigned char *begin;
  const unsigned char *end;
} header_text;

/* The next letter that is no blank, or -1. */
static int next_letter(header_reader *reader) {
  while (reader->at < reader->end && (*reader->at == 32 || (*reader->at >= 9 && *reader->at <= 13))) reader->at++;
  return reader->at < reader->end ? *reader->at : -1;
}

static int take_letter(header_reader *reader, int letter) {
  if (next_letter(reader) != letter) return 0;
  reader->at++;
  return 1;
}

static void need_letter(header_reader *reader, int letter) {
  if (!take_letter(reader, letter)) reader->is_wrong = 1;
}

static header_text read_text(header_reader *reader) {
  header_text text;
  need_letter(reader, '"');
  text.begin = reader->at;
  while (reader->at < reader->end && *reader->at != '"')
    reader->at += *reader->at == 92 && reader->end - reader->at > 1 ? 2 : 1;
  text.end = reader->at;
  if (reader->at < reader->end) reader->at++;
  else reader->is_wrong = 1;
  return text;
}

/* A whole number that a double holds exactly. */
static uint64_t read_whole(header_reader *reader) {
  uint64_t number = 0;
  int letter = next_letter(reader);
  if (letter < '0' || letter > '9') reader->is_wrong = 1;
  for (; letter >= '0' && letter <= '9'; letter = reader->at < reader->end ? *reader->at : -1) {
    number = number * 10 + (uint64_t)(letter - '0');
    if (number >> 53 != 0) reader->is_wrong = 1;
    if (reader->is_wrong) return 0;
    reader->at++;
  }
  return number;
}

static void skip_value(header_reader *reader) {
  size_t depth = 0;
  int letter = next_letter(reader);
  do {
    if (letter == '"') {
      read_text(reader);
    } else {
      if (letter == '{' || letter == '[') depth++;
      if (letter == '}' || letter == ']') {
        if (depth == 0) reader->is_wrong = 1;
        else depth--;
      }
      reader->at++;
    }
    letter = next_letter(reader);
    if (letter < 0) reader->is_wrong = 1;
  } while (!reader->is_wrong && (depth > 0 || (letter != ',' && letter != '}')));
}

/* The 16 bits that four letters name; -1 where they name none. */
static long read_unit(const unsigned char *at, const unsigned char *end) {
  long unit = 0;
  if (end - at < 4) return -1;
  for (int k = 0; k < 4; k++) {
    const int letter = at[k] | 32;
    if (at[k] >= '0' && at[k] <= '9') unit = unit * 16 + (at[k] - '0');
    else if (letter >= 'a' && letter <= 'f') unit = unit * 16 + (letter - 'a' + 10);
    else return -1;
  }
  return unit;
}

/* Whether a string says this, in UTF-8. */
static int is_text(header_text text, const char *wanted) {
  const unsigned char *at = text.begin;
  while (at < text.end) {
    unsigned char letters[4];
    int count = 1;
    letters[0] = *at++;
    if (letters[0] == 92) {
      long code;
      if (at == text.end) return 0;
      letters[0] = *at++;
      switch (letters[0]) {
        case 'b': code = 8; break;
        case 't': code = 9; break;
        case 'n': code = 10; break;
        case 'f': code = 12; break;
        case 'r': code = 13; break;
        case 'u':
          code = read_unit(at, text.end);
          if (code < 0) return 0;
          at += 4;
          if (code >= 0xd800 && code < 0xdc00 && text.end - at >= 6 && at[0] == 92 && at[1] == 'u') {
            const long low = read_unit(at + 2, text.end);
            if (low >= 0xdc00 && low < 0xe000) {
              code = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
              at += 6;
            }
          }
          break;
        default: code = letters[0]; break;
      }
      count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      for (int k = count - 1; k > 0; k--, code >>= 6) letters[k] = (unsigned char)(0x80 | (code & 0x3f));
      letters[0] = (unsigned char)(count == 1 ? code : (0xf00 >> count & 0xff) | code);
    }
    for (int k = 0; k < count; k++, wanted++)
      if (*wanted == 0 || (unsigned char)*wanted != letters[k]) return 0;
  }
  return *wanted == 0;
}`;

const loading = (
  prefix: string,
  isRandom: boolean,
): string => `/* Reads what a header says of a parameter: the byte at which it begins, if it is the one. */
static uint64_t read_entry(header_reader *reader, int position, uint64_t available) {
  static const char *const types[] = {"F32", "I32", "BOOL"};
  const ${prefix}_parameter *const parameter = ${prefix}_parameters + position;
  uint64_t begin = 1, end = 0;
  int axes = -1, has_type = 0;
  need_letter(reader, '{');
  do {
    const header_text key = read_text(reader);
    need_letter(reader, ':');
    if (is_text(key, "dtype")) {
      has_type = is_text(read_text(reader), types[parameter->type]);
    } else if (is_text(key, "shape")) {
      axes = 0;
      need_letter(reader, '[');
      if (!take_letter(reader, ']')) {
        do {
          const uint64_t extent = read_whole(reader);
          if (axes >= parameter->axes || parameter->shape[axes] != extent) reader->is_wrong = 1;
          axes++;
        } while (!reader->is_wrong && take_letter(reader, ','));
        need_letter(reader, ']');
      }
    } else if (is_text(key, "data_offsets")) {
      need_letter(reader, '[');
      begin = read_whole(reader);
      need_letter(reader, ',');
      end = read_whole(reader);
      need_letter(reader, ']');
    } else {
      skip_value(reader);
    }
  } while (!reader->is_wrong && take_letter(reader, ','));
  need_letter(reader, '}');
  if (!has_type || axes != parameter->axes || begin > end || end > available) reader->is_wrong = 1;
  if (end - begin != (uint64_t)parameter->length * storages[position].width) reader->is_wrong = 1;
  return begin;
}

/* The whole number that a string of the metadata has. */
static double read_count(header_reader *reader) {
  const header_text text = read_text(reader);
  header_reader digits;
  double count;
  digits.at = text.begin;
  digits.end = text.end;
  digits.is_wrong = 0;
  count = take_letter(&digits, '-') ? -1 : 1;
  count *= (double)read_whole(&digits);
  if (digits.is_wrong || digits.at < digits.end) reader->is_wrong = 1;
  return count;
}

int ${prefix}_load(${prefix}_model *model, const void *file, size_t size) {
  const unsigned char *const from = (const unsigned char *)file;
  const int is_little = is_little_endian();
  uint64_t begins[${prefix.toUpperCase()}_PARAMETERS];
  uint64_t length = 0;
  double completed = 0;
${isRandom ? "  double seed = control_of(model)->seed;\n" : ""}  header_reader reader;
  if (size < 8) return ${prefix.toUpperCase()}_WRONG_FILE;
  for (int k = 7; k >= 0; k--) length = length << 8 | from[k];
  if (length > size - 8) return ${prefix.toUpperCase()}_WRONG_FILE;
  reader.at = from + 8;
  reader.end = reader.at + (size_t)length;
  reader.is_wrong = 0;
  for (int position = 0; position < ${prefix.toUpperCase()}_PARAMETERS; position++) begins[position] = UINT64_MAX;
  need_letter(&reader, '{');
  do {
    const header_text key = read_text(&reader);
    int position = 0;
    need_letter(&reader, ':');
    if (is_text(key, "__metadata__")) {
      need_letter(&reader, '{');
      if (take_letter(&reader, '}')) continue;
      do {
        const header_text name = read_text(&reader);
        need_letter(&reader, ':');
        if (is_text(name, "kiln.step")) completed = read_count(&reader);
${isRandom ? '        else if (is_text(name, "kiln.seed")) seed = read_count(&reader);\n' : ""}        else skip_value(&reader);
      } while (!reader.is_wrong && take_letter(&reader, ','));
      need_letter(&reader, '}');
      continue;
    }
    while (position < ${prefix.toUpperCase()}_PARAMETERS && !is_text(key, ${prefix}_parameters[position].name)) position++;
    if (position == ${prefix.toUpperCase()}_PARAMETERS) skip_value(&reader);
    else begins[position] = read_entry(&reader, position, (uint64_t)(size - 8) - length);
  } while (!reader.is_wrong && take_letter(&reader, ','));
  need_letter(&reader, '}');
  if (reader.is_wrong || completed < 0) return ${prefix.toUpperCase()}_WRONG_FILE;
  for (int position = 0; position < ${prefix.toUpperCase()}_PARAMETERS; position++)
    if (begins[position] == UINT64_MAX && ${prefix}_parameters[position].role != ${prefix.toUpperCase()}_OPTIMIZER)
      return ${prefix.toUpperCase()}_WRONG_FILE;
  for (int position = 0; position < ${prefix.toUpperCase()}_PARAMETERS; position++) {
    const parameter_storage *const storage = storages + position;
    const int is_there = begins[position] != UINT64_MAX;
    const unsigned char *const numbers = reader.end + (is_there ? (size_t)begins[position] : 0);
    for (size_t k = 0; k < ${prefix}_parameters[position].length; k++) {
      unsigned char *const to = memory_of(model) + storage->place + place_of(position, k);
      for (size_t b = 0; b < storage->width; b++)
        to[is_little ? b : storage->width - 1 - b] = is_there ? numbers[k * storage->width + b] : 0;
    }
  }
  control_of(model)->completed = completed;
${isRandom ? "  control_of(model)->seed = seed;\n" : ""}  return ${prefix.toUpperCase()}_OK;
}`;
