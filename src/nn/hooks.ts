/** Hooks of modules: functions that see, and may replace, what goes into a module's forward and what comes out. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { RemovableHandle } from "../tensor/gradient-hooks.ts";
import type { Outputs } from "../tensor/tensor-tree.ts";
import { HOOKS } from "../trace/traceable.ts";
import type { Module } from "./module.ts";

/**
 * Called with a module and its inputs before they go into forward. A list that it returns takes their place, anything else
 * that of the only input.
 */
export type ForwardPreHook = (module: Module, inputs: readonly unknown[]) => unknown;

/** Called with a module, its inputs and the result of forward, which is replaced by the hook's own result. */
export type ForwardHook = (
  module: Module,
  inputs: readonly unknown[],
  output: Outputs,
  // biome-ignore lint/suspicious/noConfusingVoidType: a hook that only looks returns nothing.
) => Outputs | null | undefined | void;

/** The options of a module's methods that register hooks. */
export interface HookOptions {
  /** Whether the hook is called before those that are there already (default: false). */
  readonly prepend?: boolean;
}

/** A module's hooks in order. They never change: a trace tells by that whether it has seen them all. */
export interface ModuleHooks {
  readonly before: readonly ForwardPreHook[];
  readonly after: readonly ForwardHook[];
}

export const NO_HOOKS: ModuleHooks = { before: [], after: [] };

/** Adds a hook to one of a module's lists. */
export function addHook<Kind extends keyof ModuleHooks>(
  module: Module,
  kind: Kind,
  hook: ModuleHooks[Kind][number],
  options: HookOptions = {},
): RemovableHandle {
  const callee = kind === "before" ? "registerForwardPreHook" : "registerForwardHook";
  if (typeof hook !== "function")
    throw new KilnError(`${callee} takes a function, not ${describeValue(hook)}`);
  checkOptionNames(callee, options, { prepend: true });
  // One of its own: the same function may be registered twice, and taken away once.
  const own = ((...given: Parameters<ForwardHook>) => (hook as ForwardHook)(...given)) as typeof hook;
  const change = (list: (hooks: readonly unknown[]) => readonly unknown[]): void => {
    module[HOOKS] = { ...module[HOOKS], [kind]: list(module[HOOKS][kind]) };
  };
  change((hooks) => (options.prepend ? [own, ...hooks] : [...hooks, own]));
  return { remove: () => change((hooks) => hooks.filter((other) => other !== own)) };
}

/** What a module gives for these inputs, hooks included. */
export function hookedForward(
  module: Module,
  inputs: readonly unknown[],
  forward: Module["forward"],
): Outputs {
  const { before, after } = module[HOOKS];
  let given = inputs;
  for (const hook of before) {
    const changed = hook(module, given) ?? undefined;
    requireNow(module, changed);
    if (changed !== undefined) given = Array.isArray(changed) ? changed : [changed];
  }
  let output = forward.apply(module, [...given]);
  for (const hook of after) {
    const changed = hook(module, given, output) ?? undefined;
    requireNow(module, changed);
    output = changed ?? output;
  }
  return output;
}

function requireNow(module: Module, returned: unknown): void {
  if (!(returned instanceof Promise)) return;
  throw new KilnError(
    `a hook of ${module.constructor.name} must not be async, for forward does not wait: it may read a tensor with ` +
      "x.data().then(…)",
  );
}
