/** What stands before the kernels of a C file: types, and of all functions that kernels may call those that these do. */

import { type MathFunction, printMath } from "./math.ts";
import { type CodeOptions, vectorPrelude } from "./prelude.ts";
import { SCALAR_PRELUDE } from "./scalar-prelude.ts";

/** The text before `kernels`, which call the elementary functions `used`. */
export function support(code: CodeOptions, used: Iterable<MathFunction>, kernels: string): string {
  const prelude = code.lanes === 1 ? SCALAR_PRELUDE : vectorPrelude(code);
  const [head, ...functions] = definitionsIn(prelude);
  const all = [...functions, ...printMath(used, code.lanes)];
  const wanted = new Set(namesCalledIn(kernels));
  const needed: string[] = [];
  // Functions call those before them.
  for (const text of all.reverse()) {
    const [name, ...called] = namesCalledIn(text);
    if (!wanted.has(name)) continue;
    needed.unshift(text);
    for (const other of called) wanted.add(other);
  }
  return [head, ...needed].join("\n");
}

/** A text in parts: what stands before the first function, and each function with the comments before it. */
function definitionsIn(text: string): readonly string[] {
  const parts: string[][] = [[]];
  let comments: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("//")) {
      comments.push(line);
      continue;
    }
    if (line.startsWith("INLINE ")) parts.push([]);
    parts[parts.length - 1].push(...comments, line);
    comments = [];
  }
  return parts.map((lines) => lines.join("\n").trim());
}

/** The names before parentheses, in the order in which they stand there: a function's own is the first one in its text. */
const namesCalledIn = (text: string): readonly string[] =>
  [...text.replace(/^\/\/.*$/gm, "").matchAll(/[A-Za-z_]\w*(?=\()/g)].map(([name]) => name);
