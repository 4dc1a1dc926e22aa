/** Names graph values after the user's variables, if the source has been read to find which call gives which. */

import type { Graph, Input, Node, Value } from "../ir/types.ts";
import type { Place } from "./origins.ts";

/** Variables by the call whose result they hold, as `exactPlace` writes its place. */
export type VariableNames = ReadonlyMap<string, string>;

const NAMES = new WeakMap<object, VariableNames>();

/** From here on traces of `model` name their values so. */
export function nameValues(model: object, names: VariableNames): void {
  NAMES.set(model, names);
}

/** The longest name that a value gets. */
const LONGEST = 40;

/** Watches what a trace records: the last value of a run of operations at one place is what the call there gives. */
export class ValueNamer {
  private readonly names: VariableNames | undefined;
  private readonly found: (readonly [Node, string])[] = [];
  private last: { readonly exact: string; readonly value: Value } | undefined;

  constructor(model: object) {
    this.names = NAMES.get(model);
  }

  /** `value` has been recorded by the call at `place`. */
  recorded(place: Place | undefined, value: Value): void {
    if (this.names === undefined) return;
    if (this.last?.exact !== place?.exact) this.close();
    this.last = place === undefined ? undefined : { exact: place.exact, value };
  }

  private close(): void {
    const { exact, value } = this.last ?? {};
    const name = exact === undefined ? undefined : this.names?.get(exact);
    if (name !== undefined && value?.kind === "node") this.found.push([value, name]);
    this.last = undefined;
  }

  /** A name of its own for each value that a variable holds: `h`, `x_1`, `x_2`. */
  finish(inputs: readonly Input[]): NonNullable<Graph["names"]> {
    this.close();
    const taken = new Set(inputs.filter(({ role }) => role === "input").map(({ name }) => name));
    const names = new Map<Node, string>();
    for (const [value, wish] of this.found) {
      if (names.has(value)) continue;
      const plain = plainName(wish);
      let name = plain;
      for (let k = 1; taken.has(name); k++) name = `${plain}_${k}`;
      taken.add(name);
      names.set(value, name);
    }
    return names;
  }
}

/** The user's identifier, which may contain any letter, as the text of a graph can spell it. */
const plainName = (name: string): string =>
  name
    .slice(0, LONGEST)
    .replace(/[^A-Za-z0-9_]/g, "_")
    .replace(/^(?=\d)/, "_");

/** What the graph of a model is called, or of a function. */
export function graphName(model: object): string {
  const { name } = typeof model === "function" ? model : model.constructor;
  const plain = name.toLowerCase().replace(/[^a-z0-9_]/g, "_");
  return /^[a-z]/.test(plain) ? plain : "model";
}

/** A name for a state that is none of the model's own, whose parameters may be called so, too. */
export function constantName(taken: ReadonlyMap<string, unknown>): string {
  let k = taken.size;
  while (taken.has(`constant.${k}`)) k++;
  return `constant.${k}`;
}
