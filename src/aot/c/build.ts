/** A compiled program as the files of a C library. */

import { exampleText } from "./example.ts";
import { headerText } from "./header.ts";
import { interfaceOf } from "./interface.ts";
import { type Library, memoryOf } from "./library.ts";
import { listsText } from "./lists.ts";
import { sourceText } from "./source.ts";

/** The library's files by name, without the weights. */
export function buildLibrary(library: Library): Readonly<Record<string, string>> {
  const { prefix } = library;
  const offered = interfaceOf(library);
  const memory = memoryOf(library);
  return {
    [`${prefix}.c`]: sourceText(library, offered, memory),
    [`${prefix}.h`]: headerText(library, offered, memory.byteLength),
    "main.c": exampleText(library, offered),
    "CMakeLists.txt": listsText(library),
  };
}
