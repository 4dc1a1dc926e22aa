/**
 * Code for Node in less space that still says something in a stack trace: functions and classes keep their names, wherever they
 * are, and lines are short enough to be pointed at; all other names are short.
 */

import { minify, parse } from "vite";

/** The code of a module with short names; throws where it is no JavaScript. */
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

/** Breaks lines at places of `allowed`, which are in order, so that they are as long as they may be. */
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

/** Lists before whose items a line may end wherever they stand, as it may not behind `return` or within a text. */
const LISTS = ["arguments", "body", "cases", "consequent", "elements", "properties", "specifiers"];

/** Where a line may end: before what stands in a list of statements, arguments or names. */
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
