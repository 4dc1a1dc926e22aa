/** Layers and parameters that a model keeps in plain lists and records, where they are not found. */

import { Tensor } from "../../tensor/tensor.ts";
import type { Traceable } from "../traceable.ts";
import { textOf } from "./class-source.ts";
import type { Mistake } from "./mistake.ts";

/** What holds other values and is no module, by the container that takes its place. */
type Holder = "array" | "object" | "Map" | "Set";

const CONTAINERS: Readonly<Record<Holder, string>> = {
  array: "List",
  Set: "List",
  object: "Dict",
  Map: "Dict",
};

/** The maximum nesting of lists. */
const DEPTH = 3;

/** Every field that is a plain array, object, Map or Set with something in it that learns and that `model` does not have. */
export function hiddenLayers(model: Traceable): Mistake[] {
  const modules = [...model.namedModules()].map(([, module]) => module);
  const known = new Set<unknown>([...modules, ...[...model.namedParameters()].map(([, p]) => p)]);
  return modules.flatMap((module) =>
    Object.entries(module).flatMap(([name, value]): Mistake[] => {
      const holder = holderOf(value);
      const hidden = holder && hiddenIn(value, known, DEPTH);
      if (holder === undefined || hidden === undefined) return [];
      const kind = hidden instanceof Tensor ? "Parameter" : "Module";
      const what = hidden instanceof Tensor ? "a parameter" : `a layer (${hidden.constructor.name})`;
      const message =
        `${module.constructor.name}'s field ${name} is a plain ${holder} with ${what} in it, which parameters(), ` +
        `state dicts and train() do not find there: wrap it in new nn.${kind}${CONTAINERS[holder]}(…)`;
      const place = (hidden instanceof Tensor ? undefined : hidden.constructedAt) ?? module.constructedAt;
      return [{ module, message, place }];
    }),
  );
}

function holderOf(value: unknown): Holder | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return "array";
  if (value instanceof Map) return "Map";
  if (value instanceof Set) return "Set";
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype ? "object" : undefined;
}

/** The first layer or parameter in a list or record that is not registered. */
function hiddenIn(held: unknown, known: ReadonlySet<unknown>, depth: number): Traceable | Tensor | undefined {
  for (const value of valuesOf(held as object)) {
    if (known.has(value)) continue;
    if (value instanceof Tensor) {
      if (value.isLeaf && value.requiresGrad) return value;
    } else if (isTraceable(value)) {
      if (matters(value, known)) return value;
    } else if (depth > 1 && holderOf(value) !== undefined) {
      const found = hiddenIn(value, known, depth - 1);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

const valuesOf = (held: object): Iterable<unknown> =>
  held instanceof Map || held instanceof Set ? held.values() : Object.values(held);

const isTraceable = (value: unknown): value is Traceable =>
  typeof value === "object" && value !== null && typeof Reflect.get(value, "namedModules") === "function";

/** Whether a layer has unregistered parameters or buffers, or behaves differently in evaluation and training. */
function matters(layer: Traceable, known: ReadonlySet<unknown>): boolean {
  const modules = [...layer.namedModules()].map(([, module]) => module);
  const owned = [...layer.namedParameters(), ...layer.namedBuffers()];
  if (owned.some(([, tensor]) => !known.has(tensor))) return true;
  return modules.some((module) => !known.has(module) && readsMode(module));
}

function readsMode(module: Traceable): boolean {
  const { forward } = Object.getPrototypeOf(module) as Partial<Traceable>;
  return forward !== undefined && /\bthis\.training\b/.test(textOf(forward) ?? "");
}
