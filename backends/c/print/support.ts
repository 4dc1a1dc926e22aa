/** The text before the kernels of a C file: types, and the functions that these kernels call. */

import { type MathFunction, printMath } from "./math.ts";
import { type CodeOptions, renamedForLanes, sharedPrelude, vectorPrelude } from "./prelude.ts";
import { SCALAR_PRELUDE, SINGLE_VALUES } from "./scalar-prelude.ts";
import { fewerLanes, nameForLanes } from "./scope.ts";

/** The text before `kernels`, which call the elementary functions `used`. */
export function support(code: CodeOptions, used: Iterable<MathFunction>, kernels: string): string {
  const called = [...used];
  const wanted = new Set(namesCalledIn(kernels));
  if (code.lanes === 1) return neededOf([SCALAR_PRELUDE, ...printMath(called, 1)], wanted);
  const forLanes = (lanes: number): string =>
    renamedForLanes([vectorPrelude(lanes), ...printMath(called, lanes)].join("\n"), lanes, code.lanes);
  const fewer = fewerLanes(code.lanes).filter((lanes) =>
    kernels.includes(nameForLanes("", lanes, code.lanes)),
  );
  return [
    neededOf([sharedPrelude(code), forLanes(code.lanes), SINGLE_VALUES], wanted),
    ...fewer.map((lanes) => neededOf([forLanes(lanes)], wanted)),
  ].join("\n\n");
}

/**
 * The beginning of some texts, and those of their functions that are called by a name in `names` or by such a function.
 */
function neededOf(texts: readonly string[], names: ReadonlySet<string>): string {
  const [head, ...functions] = definitionsIn(texts.join("\n"));
  const wanted = new Set(names);
  const needed: string[] = [];
  // Functions call those before them.
  for (const text of functions.reverse()) {
    const [name, ...called] = namesCalledIn(text);
    if (!wanted.has(name)) continue;
    needed.unshift(text);
    for (const other of called) wanted.add(other);
  }
  return [head, ...needed].join("\n");
}

/** A text in parts: everything before the first function, and each function with the comments before it. */
function definitionsIn(text: string): readonly string[] {
  const parts: string[][] = [[]];
  let comments: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("//")) {
      comments.push(line);
      continue;
    }
    if (/^(INLINE|static) /.test(line)) parts.push([]);
    parts[parts.length - 1].push(...comments, line);
    comments = [];
  }
  return parts.map((lines) => lines.join("\n").trim());
}

/** The names before parentheses, in order: a function's own is the first one in its text. */
const namesCalledIn = (text: string): readonly string[] =>
  [...text.replace(/^\/\/.*$/gm, "").matchAll(/[A-Za-z_]\w*(?=\()/g)].map(([name]) => name);
