/**
 * Module, the base of every layer and model. Its children, parameters and buffers are simply the instance's own
 * fields, in order, so that a model is a plain class and still has PyTorch's names, keys and printed text.
 */

import { KilnError } from "../core/errors.ts";
import { insideModule } from "../tensor/context.ts";
import type { RemovableHandle } from "../tensor/gradient-hooks.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Outputs } from "../tensor/tensor-tree.ts";
import { type ZeroGradOptions, zeroGrad } from "../tensor/zero-grad.ts";
import { type Place, userPlace } from "../trace/origins.ts";
import { HOOKS } from "../trace/traceable.ts";
import { BUFFERS, LATER_BUFFERS, MEMBERS, MODULE, UNSAVED_BUFFERS } from "./brand.ts";
import { type BufferOptions, readPersistent } from "./buffer.ts";
import {
  addHook,
  type ForwardHook,
  type ForwardPreHook,
  type HookOptions,
  hookedForward,
  type ModuleHooks,
  NO_HOOKS,
} from "./hooks.ts";
import { allMembers, checkName, distinct, membersOf, type Named, walk, walkState } from "./members.ts";
import type { Parameter } from "./parameter.ts";
import { type LoadOptions, type LoadResult, loadStateDict, type StateDict } from "./state-dict.ts";

/** What `console.log` asks an object for in Node. */
const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/**
 * The base of every layer and model (torch.nn.Module): a subclass makes its layers, parameters and buffers in fields,
 * and computes with them in `forward`.
 *
 * ```ts
 * class Net extends nn.Module {
 *   readonly fc1 = new nn.Linear(784, 128);
 *   readonly fc2 = new nn.Linear(128, 10);
 *   override forward(x: Tensor): Tensor {
 *     return this.fc2.forward(F.relu(this.fc1.forward(x)));
 *   }
 * }
 * ```
 *
 * `nn.Module` alone is a module whose `forward` may return anything that a model may. A field that can hold different
 * layers declares their result: `readonly shortcut: nn.Module<Tensor>` can hold any layer that returns one tensor.
 */
export abstract class Module<Output extends Outputs = Outputs> {
  /** Whether the module trains (`train()`) or is evaluated (`eval()`). */
  training = true;
  readonly [BUFFERS] = new Set<string>();
  readonly [UNSAVED_BUFFERS] = new Set<string>();
  readonly [LATER_BUFFERS]: readonly string[] = [];
  [HOOKS]: ModuleHooks = NO_HOOKS;
  /** @internal Where the user's program constructed this module. */
  declare readonly constructedAt: Place | undefined;

  constructor() {
    hide(this, "constructedAt", userPlace());
    hide(this, "forward", recorded(this, this.forward));
  }

  /**
   * Computes the outputs from the inputs; every model and layer defines it. Layers may take options and lists, and
   * return tensors in lists and records; the inputs of a compiled model are tensors.
   */
  abstract forward(...inputs: unknown[]): Output;

  /**
   * Makes the field `name` hold `tensor` as a buffer: state that is not learned, and is saved unless `persistent` is
   * false. A field that holds an `nn.Buffer` is one without this.
   */
  registerBuffer(name: string, tensor: Tensor, options: BufferOptions = {}): void {
    checkName("buffer", name);
    const persistent = readPersistent("registerBuffer", options);
    if (Reflect.get(this, name) !== undefined && !this[BUFFERS].has(name)) {
      throw new KilnError(
        `cannot register the buffer ${name}: ${this.constructor.name} already has a ${name}`,
      );
    }
    this[BUFFERS].add(name);
    if (persistent) this[UNSAVED_BUFFERS].delete(name);
    else this[UNSAVED_BUFFERS].add(name);
    Object.defineProperty(this, name, {
      value: tensor,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }

  /**
   * Calls `hook` before every forward of this module, including compiled ones: there it is called when they are traced,
   * and its changes to the inputs are part of the program (torch.nn.Module.register_forward_pre_hook).
   */
  registerForwardPreHook(hook: ForwardPreHook, options?: HookOptions): RemovableHandle {
    return addHook(this, "before", hook, options);
  }

  /**
   * As {@link registerForwardPreHook}, after every forward and with its output (torch.nn.Module.register_forward_hook).
   */
  registerForwardHook(hook: ForwardHook, options?: HookOptions): RemovableHandle {
    return addHook(this, "after", hook, options);
  }

  /** The direct children by field name; a module held twice comes once. */
  namedChildren(): Named<Module>[] {
    return distinct(membersOf(this).children);
  }

  /** The modules that this one holds itself. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /** This module (under the name "") and all below it by dotted path, parents first. */
  namedModules(): Named<Module>[] {
    return distinct(walk(this));
  }

  /** This module and all below it, parents first. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** All parameters by dotted name, such as `conv1.weight`; a shared one comes once, under its first name. */
  namedParameters(): Named<Parameter>[] {
    return allMembers(this, "parameters");
  }

  /** All parameters below this module; a shared one comes once. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** All buffers by dotted name. */
  namedBuffers(): Named<Tensor>[] {
    return allMembers(this, "buffers");
  }

  /** All buffers below this module. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /**
   * All parameters and persistent buffers under PyTorch's keys, in its order. The tensors are the live ones, not
   * copies.
   */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(walkState(this));
  }

  /**
   * Copies a state dict's numbers into this module. All missing, unexpected or ill-shaped keys are reported in one
   * error, which leaves the module unchanged; with `strict: false` keys on only one side are ignored. `rename` maps the
   * names of the state dict, which may be another library's, to this model's: `net.loadStateDict(await load(path), {
   * rename: [["bert", ""], ["LayerNorm", "norm"]] })`, or a function of a name.
   */
  async loadStateDict(stateDict: StateDict, options: LoadOptions = {}): Promise<LoadResult> {
    return loadStateDict(this, stateDict, options);
  }

  /** Sets the gradients of all parameters to `null`, or with `setToNone: false` to zeros. */
  zeroGrad(options?: ZeroGradOptions): void {
    zeroGrad(this.parameters(), options);
  }

  /** Whether gradients are wanted for all parameters: `requiresGrad_(false)` freezes them. */
  requiresGrad_(wanted = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(wanted);
    return this;
  }

  /**
   * Calls `initialize` with every module below this one, children first, and then with this one: to start weights anew.
   */
  apply(initialize: (module: Module) => void): this {
    for (const child of this.children()) child.apply(initialize);
    initialize(this);
    return this;
  }

  /** Puts this module and all below it into training mode, or into evaluation mode. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Puts this module and all below it into evaluation mode. */
  eval(): this {
    return this.train(false);
  }

  /** The text between the parentheses of the printed form, before any children; layers override it. */
  extraRepr(): string {
    return "";
  }

  /** PyTorch's printed text. */
  toString(): string {
    const extra = this.extraRepr();
    const extraLines = extra === "" ? [] : extra.split("\n");
    const childLines = this.describeChildren().map(([label, text]) => `(${label}): ${indented(text)}`);
    const lines = [...extraLines, ...childLines];
    const isOneLine = lines.length === 0 || (extraLines.length === 1 && childLines.length === 0);
    return `${this.constructor.name}(${isOneLine ? lines.join("") : `\n  ${lines.join("\n  ")}\n`})`;
  }

  /** The children's texts under the labels that the printed text gives them. */
  protected describeChildren(): Named<string>[] {
    return membersOf(this).children.map(([name, child]): Named<string> => [name, String(child)]);
  }

  [INSPECT](): string {
    return this.toString();
  }

  get [MODULE](): true {
    return true;
  }

  /** Everything this module holds by name; a container with names of its own overrides it. */
  *[MEMBERS](): Iterable<Named<unknown>> {
    for (const [name, value] of Object.entries(this)) {
      if (typeof value !== "object" || value === null) continue;
      if (name in Module.prototype) {
        throw new KilnError(
          `${this.constructor.name}'s field ${name} hides nn.Module's own ${name}: rename the field`,
        );
      }
      yield [name, value];
    }
  }
}

/** Defines a property that is no member: loops over fields pass it by, and the subclass may redefine it. */
const hide = (module: Module, name: string, value: unknown): void => {
  Object.defineProperty(module, name, { value, enumerable: false, writable: true, configurable: true });
};

/** The subclass's `forward`, run so that the operations inside know which module they belong to. */
function recorded(module: Module, forward: Module["forward"] | undefined): Module["forward"] {
  return (...inputs) => {
    if (forward === undefined) throw new KilnError(`${module.constructor.name} has no forward method`);
    return insideModule(module, () => hookedForward(module, inputs, forward));
  };
}

/** A child's text with every line but the first moved in; blank lines stay blank. */
const indented = (text: string): string => text.replace(/\n(?=.*\S)/g, "\n  ");
