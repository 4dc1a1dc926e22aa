/**
 * The fields of a model's modules, on which a trace relies: its program is valid as long as they do not change. Tracing
 * itself must not leave tensors of its own in them.
 */

import { Tensor } from "../tensor/tensor.ts";
import { HOOKS, type Traceable } from "./traceable.ts";

interface Field {
  readonly path: string;
  readonly module: object;
  readonly key: string | symbol;
  readonly value: unknown;
  /** The contents of a list of numbers, which may change in place. */
  readonly numbers: readonly number[] | undefined;
}

/** The layers of a container, which are no fields of it. */
interface Layers {
  readonly path: string;
  readonly container: Container;
  readonly layers: readonly unknown[];
}

interface Container {
  children(): readonly unknown[];
  /** Its contents, if these are not only modules. */
  values?(): Iterable<unknown>;
}

export class ModelFields {
  private readonly model: Traceable;
  private readonly modes: readonly Field[];
  private readonly containers: readonly Layers[];
  private fields: readonly Field[];
  /** The hooks of modules and parameters, forwards and backwards. */
  private hooks: readonly Field[];

  /** Remembers what the fields hold now. */
  constructor(model: Traceable) {
    this.model = model;
    const modules = [...model.namedModules()];
    const isModule = new Set<unknown>(modules.map(([, module]) => module));
    const fields = modules.flatMap(([path, module]) =>
      Object.entries(module).map(
        ([key, value]): Field => ({
          path: path === "" ? key : `${path}.${key}`,
          module,
          key,
          value,
          numbers: isNumbers(value) ? [...value] : undefined,
        }),
      ),
    );
    this.modes = fields.filter(({ key }) => key === "training");
    this.fields = fields.filter(
      ({ key, value, numbers }) =>
        key !== "training" &&
        (isPlain(value) || numbers !== undefined || value instanceof Tensor || isModule.has(value)),
    );
    this.hooks = [
      ...modules.map(([path, module]) => hooksOf(path, module, HOOKS)),
      ...[...model.namedParameters()].map(([path, parameter]) => hooksOf(path, parameter.asLeaf, "hooks")),
    ];
    this.containers = modules.flatMap(([path, module]): Layers[] =>
      isContainer(module) ? [{ path, container: module, layers: heldBy(module) }] : [],
    );
  }

  /** Puts back tensors that were replaced by others; the path of the first such field, if there is one. */
  restoreTensors(): string | undefined {
    const replaced = this.fields.filter(({ module, key, value }) => {
      const now: unknown = Reflect.get(module, key);
      return value instanceof Tensor && now !== value && now instanceof Tensor;
    });
    for (const { module, key, value } of replaced) Reflect.set(module, key, value);
    return replaced[0]?.path;
  }

  /** The first field that holds a number, and another one than before. */
  changedNumber(): string | undefined {
    return this.fields.find(({ module, key, value }) => {
      const now: unknown = Reflect.get(module, key);
      return typeof value === "number" && typeof now === "number" && !Object.is(now, value);
    })?.path;
  }

  /** What has changed, in words. */
  changed(): string | undefined {
    for (const field of this.fields) if (!isSame(field)) return `the model's ${field.path} is another`;
    for (const field of this.hooks)
      if (!isSame(field))
        return `the hooks of the model${field.path === "" ? "" : `'s ${field.path}`} are others`;
    for (const { path, container, layers } of this.containers) {
      const now = heldBy(container);
      if (now.length !== layers.length || now.some((layer, k) => layer !== layers[k]))
        return `${path === "" ? "the model" : `the model's ${path}`} has other layers or parameters`;
    }
    const mode = this.changedMode();
    return mode && `the model's ${mode.path} is another`;
  }

  /** Modes count while the model is trained, as a trace for training takes them: what evaluation does to them is no change. */
  private changedMode(): Field | undefined {
    const { training } = this.model as { readonly training?: unknown };
    if (training !== true || this.modes[0]?.value !== true) return undefined;
    return this.modes.find((field) => !isSame(field));
  }

  /** The first tensor or layer that was replaced; an optimizer that was made before does not know of the new one. */
  replaced(): string | undefined {
    return this.fields.find(
      (field) => typeof field.value === "object" && field.numbers === undefined && !isSame(field),
    )?.path;
  }

  /** From here on ignores fields that have changed without a change of the graph. */
  ignoreChanged(): void {
    this.fields = this.fields.filter(isSame);
    this.hooks = this.hooks.map(({ path, module, key }) => hooksOf(path, module, key));
  }
}

const heldBy = (container: Container): readonly unknown[] =>
  typeof container.values === "function" ? [...container.values()] : container.children();

/** The hooks that there are now; the list is another one after every change. */
const hooksOf = (path: string, module: object, key: string | symbol): Field => ({
  path,
  module,
  key,
  value: Reflect.get(module, key),
  numbers: undefined,
});

/** Run before every step: lists are compared without a closure. */
function isSame({ module, key, value, numbers }: Field): boolean {
  const now = (module as Readonly<Record<string | symbol, unknown>>)[key];
  if (numbers === undefined) return Object.is(now, value);
  if (!Array.isArray(now) || now.length !== numbers.length) return false;
  for (let k = 0; k < numbers.length; k++) if (now[k] !== numbers[k]) return false;
  return true;
}

const isPlain = (value: unknown): boolean =>
  value === null || ["number", "boolean", "string"].includes(typeof value);

/** A kernel size, a shape and the like. */
const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "number");

const isContainer = (module: object): module is Container =>
  Symbol.iterator in module && typeof Reflect.get(module, "children") === "function";
