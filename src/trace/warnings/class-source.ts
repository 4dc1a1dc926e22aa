/** The text of a module's class, as far as an engine hands it out: what fields it speaks of. */

import type { Traceable } from "../traceable.ts";

/** What compilers of TypeScript write around fields and classes: no use of the module. */
const HELPERS = /__(?:name|publicField)\(this,\s*"[^"]*"/g;

/** The module's class and those that it extends, up to the library's base class, which has fields of no model. */
export function classesOf(module: Traceable): readonly object[] {
  const classes: object[] = [];
  for (let next: unknown = module.constructor; typeof next === "function"; next = Object.getPrototypeOf(next))
    if (next !== Function.prototype) classes.push(next);
  return classes.slice(0, -1);
}

/** The text of a class without comments and without what strings hold; `undefined` for one whose text is not to be had. */
export function textOf(classOrFunction: object): string | undefined {
  const text = Function.prototype.toString.call(classOrFunction);
  return text.includes("[native code]") ? undefined : withoutStrings(text.replace(HELPERS, ""));
}

/** Whether the class may reach a field without naming it: it enumerates them, or hands `this` on. */
export const reachesAll = (text: string): boolean =>
  /\bthis\b(?!\s*\??\.\s*[\w$#])/.test(text) ||
  /\.\s*(?:children|namedChildren|modules|namedModules|parameters|namedParameters)\b/.test(text);

/** Whether a text reads a field of that name; `ofOthers` leaves out those of `this`. */
export function reads(text: string, name: string, ofOthers = false): boolean {
  const named = name.replace(/[$]/g, "\\$&");
  return new RegExp(`${ofOthers ? "(?<!\\bthis)" : ""}\\??\\.\\s*${named}(?![\\w$])(?!\\s*=[^=>])`).test(
    text,
  );
}

/** The same text with comments and the contents of strings, templates and regular expressions blanked out. */
export function withoutStrings(text: string): string {
  const parts =
    /\/\/[^\n]*|\/\*.*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<=(?:^|[(,=:[!&|?{};\n]|\breturn)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/gs;
  return text.replace(parts, (part) => part.replace(/[^\n]/g, " "));
}
