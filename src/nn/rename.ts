/** Gives the tensors of a state dict the names that another model has for them. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { StateDict } from "./state-dict.ts";

/**
 * A mapping of names: a function that returns the new name, or `undefined` for a tensor that is left out; or a list of
 * patterns and replacements, applied one after the other. A string matches whole parts of a name, as `encoder.layer` in
 * `bert.encoder.layer.0.weight`, and its first occurrence is replaced; `""` removes it. A RegExp works as in
 * `String.replace`, with `$1` for its groups.
 */
export type Rename =
  | ((name: string) => string | undefined)
  | readonly (readonly [pattern: string | RegExp, replacement: string])[];

/**
 * `source` under its new names, and the old name of each. Throws a {@link KilnError} if two tensors get the same name,
 * or if a pattern of the list matches no name at all.
 */
export function renamed(
  source: StateDict,
  rename: Rename,
): { readonly source: StateDict; readonly before: ReadonlyMap<string, string> } {
  const nameOf = typeof rename === "function" ? rename : byPatterns(rename, Object.keys(source));
  const before = new Map<string, string>();
  const tensors: [string, Tensor][] = [];
  for (const [name, tensor] of Object.entries(source)) {
    const wanted: unknown = nameOf(name);
    if (wanted === undefined) continue;
    if (typeof wanted !== "string") {
      throw new KilnError(
        `rename gives ${describeValue(wanted)} for ${name}, where a name or undefined belongs`,
      );
    }
    const other = before.get(wanted);
    if (other !== undefined) throw new KilnError(`rename calls both ${other} and ${name} ${wanted}`);
    before.set(wanted, name);
    tensors.push([wanted, tensor]);
  }
  return { source: Object.fromEntries(tensors), before };
}

/** The function that a list of patterns means for `names`. */
function byPatterns(
  rules: Exclude<Rename, (name: string) => unknown>,
  names: readonly string[],
): (name: string) => string {
  if (!Array.isArray(rules)) {
    throw new KilnError(
      `rename is a function of a name, or a list of [pattern, replacement], not ${describeValue(rules)}`,
    );
  }
  let made = [...names];
  for (const rule of rules) {
    checkRule(rule);
    const next = made.map((name) => replaced(name, rule));
    if (next.every((name, k) => name === made[k])) {
      const examples = made.slice(0, 3).join(", ");
      throw new KilnError(
        `rename: ${spelled(rule[0])} changes none of the ${made.length} names (${examples}${made.length > 3 ? ", …" : ""})`,
      );
    }
    made = next;
  }
  const results = new Map(names.map((name, k) => [name, made[k]]));
  return (name) => results.get(name) as string;
}

type Rule = readonly [pattern: string | RegExp, replacement: string];

function checkRule(rule: unknown): asserts rule is Rule {
  const [pattern, replacement, ...more] = Array.isArray(rule) ? rule : [];
  const isPattern = pattern instanceof RegExp || (typeof pattern === "string" && pattern !== "");
  if (isPattern && typeof replacement === "string" && more.length === 0) return;
  throw new KilnError(
    `rename takes pairs of a pattern, text or a RegExp, and its replacement, not ${describeValue(rule)}`,
  );
}

function replaced(name: string, [pattern, replacement]: Rule): string {
  if (pattern instanceof RegExp) return name.replace(pattern, replacement);
  // Between dots, name and pattern are whole parts wherever they meet.
  const at = `.${name}.`.indexOf(`.${pattern}.`);
  if (at < 0) return name;
  const parts = [name.slice(0, Math.max(0, at - 1)), replacement, name.slice(at + pattern.length + 1)];
  return parts.filter((part) => part !== "").join(".");
}

const spelled = (pattern: string | RegExp): string =>
  pattern instanceof RegExp ? String(pattern) : JSON.stringify(pattern);
