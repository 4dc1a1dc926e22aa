/** Text that becomes the name of a file or a folder: a tag, a key, a host's name. Such text never becomes a path. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";

/** Separators of paths on any system, and characters that no name may contain. */
const FORBIDDEN = /[/\\:\p{Cc}]/gu;

/**
 * `text` as one part of a path: characters that names cannot contain become `_`, and so do the dots of `.` and `..`.
 */
export function pathPart(text: string): string {
  const part = text.replace(FORBIDDEN, "_");
  return /^\.{0,2}$/.test(part) ? part.replaceAll(".", "_").padEnd(1, "_") : part;
}

/** Throws unless the option `name` is text that can stand in the name of a file. */
export function checkNamePart(name: string, text: string): void {
  if (typeof text === "string" && text === text.replace(FORBIDDEN, "")) return;
  throw new KilnError(
    `${name} becomes part of a file name, which cannot contain slashes or colons, but is ${describeValue(text)}`,
  );
}
