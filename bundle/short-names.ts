/**
 * Minified code for Node with readable stack traces: all functions and classes keep their names, and lines are short
 * enough to be useful as positions; all other names are short.
 */

import { minify, parse } from "vite";

/** The code of a module with short names; throws if it is not valid JavaScript. */
export async function shortNames(path: string, text: string): Promise<string> {
  const { code, errors } = await minify(path, text, {
    module: true,
    compress: false,
    mangle: { keepNames: { function: true, class: true } },
  });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  return inLines(code, await breaks(path, code));
}

const LONGEST_LINE = 120;

/** Breaks lines at positions in `allowed`, which are sorted, as late as the longest line permits. */
function inLines(code: string, allowed: readonly number[]): string {
  const lines: string[] = [];
  let start = 0;
  let last = 0;
  for (const place of [...allowed, code.length]) {
    if (place - start > LONGEST_LINE && last > start) {
      lines.push(code.slice(start, last));
      start = last;
    }
    last = place;
  }
  return [...lines, code.slice(start)].join("\n");
}

/** Lists before whose items a line may always end, unlike after `return` or within a string. */
const LISTS = ["arguments", "body", "cases", "consequent", "elements", "properties", "specifiers"];

/** The positions where a line may end: before items of lists of statements, arguments or names. */
async function breaks(path: string, code: string): Promise<readonly number[]> {
  const { program } = await parse(path, code);
  const places: number[] = [];
  const visit = (node: object): void => {
    for (const [key, value] of Object.entries(node)) {
      if (Array.isArray(value) && LISTS.includes(key))
        places.push(...value.filter(isObject).map(({ start }) => start));
      for (const item of [value].flat()) if (isObject(item)) visit(item);
    }
  };
  visit(program);
  return places.sort((a, b) => a - b);
}

const isObject = (value: unknown): value is { readonly start: number } =>
  typeof value === "object" && value !== null;
