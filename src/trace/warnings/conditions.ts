/**
 * Conditions on tensors in the source of `forward` and of the methods beside it. A trace cannot notice them: an object
 * is true, whatever its numbers are.
 */

import type { Traceable } from "../traceable.ts";
import { classesOf, withoutStrings } from "./class-source.ts";
import type { Mistake } from "./mistake.ts";

/** Methods of tensors whose results are true or false for each element; lists, maps and numbers have none of them. */
const TESTS = "gt|ge|lt|le|eq|ne|any|all|isnan|isinf|isfinite|logicalNot|logicalAnd|logicalOr|logicalXor";

/** A call of one of them, up to its arguments. */
const TEST = new RegExp(`\\.\\s*(?:${TESTS})\\s*\\(`, "g");

/** What may come before a condition. */
const BEFORE = /(?:^|[([{};,?:]|&&|\|\||=>|[^=!<>]=|\breturn|\belse)\s*!*\s*$/;

/** Every condition that ends with such a call on something that the method was given or has computed. */
export function conditions(model: Traceable): Mistake[] {
  const modules = [...model.namedModules()].map(([, module]) => module);
  const seen = new Set<object>();
  return modules.flatMap((module) =>
    classesOf(module).flatMap((one) => {
      if (seen.has(one)) return [];
      seen.add(one);
      return methodsOf(one).flatMap(([name, text]) =>
        conditionsIn(text).map((condition): Mistake => {
          const message =
            `${module.constructor.name}.${name} branches on ${condition}, a tensor, which counts as true whatever its numbers ` +
            "are: compute both sides and choose with where(condition, a, b)";
          return { module, message, place: module.constructedAt };
        }),
      );
    }),
  );
}

/** The methods of a class itself, as text. */
function methodsOf(one: object): (readonly [string, string])[] {
  const prototype = Reflect.get(one, "prototype") as object;
  return Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, { value }]) =>
    name !== "constructor" && typeof value === "function" ? [[name, String(value)] as const] : [],
  );
}

/** The conditions in the text of a method which are tensors. */
export function conditionsIn(method: string): string[] {
  if (method.search(TEST) < 0) return [];
  const text = withoutStrings(method);
  const locals = namesIn(text);
  return [...text.matchAll(TEST)].flatMap(({ index, 0: call }) => {
    const from = chainStart(text, index);
    const root = /^[\w$]+/.exec(text.slice(from))?.[0];
    const to = closing(text, index + call.length - 1) + 1;
    if (root === undefined || !(root === "this" || locals.has(root)) || to === 0) return [];
    return BEFORE.test(text.slice(0, from)) && isDecided(text, to) ? [shown(method, from, to)] : [];
  });
}

/** The names that a method gives to its parameters and variables. */
function namesIn(text: string): ReadonlySet<string> {
  const open = text.indexOf("(");
  const parameters = text.slice(open, closing(text, open));
  const declared = [...text.matchAll(/\b(?:const|let|var)\s+([\w$]+|[{[][^=]*)/g)].map(([, names]) => names);
  return new Set([parameters, ...declared].flatMap((names) => names.match(/[\w$]+/g) ?? []));
}

/** Whether what ends there is what an `if`, a loop, `? :`, `&&` or `||` decides by. */
function isDecided(text: string, to: number): boolean {
  const after = text.slice(to).trimStart();
  if (/^(?:&&|\|\||\?(?![.?]))/.test(after)) return true;
  if (!after.startsWith(")")) return false;
  const open = opening(text, text.length - after.length);
  const before = text.slice(0, open).trimEnd();
  if (/\b(?:if|while)$/.test(before)) return true;
  return !/[\w$)\]]$/.test(before) && open >= 0 && isDecided(text, text.length - after.length + 1);
}

/** The beginning of the chain of names, calls and indices that ends before `end`. */
function chainStart(text: string, end: number): number {
  let before = text.slice(0, end);
  for (;;) {
    before = before.trimEnd();
    if (/[)\]]$/.test(before)) {
      before = before.slice(0, Math.max(0, opening(before, before.length - 1)));
      continue;
    }
    const name = /(\??\.\s*)?#?[\w$]+$/.exec(before);
    if (name !== null) before = before.slice(0, name.index);
    if (name?.[1] === undefined) return before.length;
  }
}

/** The position of the bracket that closes the one at `at`; -1 if there is none. */
function closing(text: string, at: number): number {
  let depth = 0;
  for (let k = at; k < text.length; k++) {
    if ("([{".includes(text[k])) depth++;
    else if (")]}".includes(text[k]) && --depth === 0) return k;
  }
  return -1;
}

/** The position of the bracket that opens the one closed at `at`; -1 if there is none. */
function opening(text: string, at: number): number {
  let depth = 0;
  for (let k = at; k >= 0; k--) {
    if (")]}".includes(text[k])) depth++;
    else if ("([{".includes(text[k]) && --depth === 0) return k;
  }
  return -1;
}

/** A piece of code on one line, shortened if it is long. */
function shown(method: string, from: number, to: number): string {
  const code = method.slice(from, to).replace(/\s+/g, " ");
  return code.length <= LONGEST ? code : `${code.slice(0, LONGEST)}…`;
}

const LONGEST = 60;
