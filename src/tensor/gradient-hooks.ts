/**
 * Hooks: functions that are called with the gradient that arrives at a tensor, and may replace it. Interactively they
 * are called by every `backward` (backward.ts); in a trace once, with a symbolic tensor for the gradient, and their
 * operations are part of the program.
 */

import { describeValue } from "../core/describe-value.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import { refuse } from "./arguments.ts";
import { currentRecorder, type Recorder, recordWith } from "./context.ts";
import { type GradFn, OperationGradFn } from "./grad-fn.ts";
import { withGradMode } from "./grad-mode.ts";
import { type RecordedRule, recordRule } from "./gradient-rule.ts";
import { apply } from "./operation.ts";
import type { Source, Tensor } from "./tensor.ts";

/** Called with the gradient that arrives at a tensor; a tensor that it returns takes the gradient's place. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that only looks returns nothing.
export type GradientHook = (gradient: Tensor) => Tensor | null | undefined | void;

/** Returned when a hook is added, to remove it again (torch.utils.hooks.RemovableHandle). */
export interface RemovableHandle {
  /** Removes the hook. */
  remove(): void;
}

/** Has `hook` called with gradients of `tensor`; see `Tensor.registerHook`. */
export function addGradientHook(tensor: Tensor, hook: GradientHook): RemovableHandle {
  if (typeof hook !== "function")
    refuse(`registerHook takes a function of the gradient, not ${describeValue(hook)}`);
  const recorder = currentRecorder();
  if (recorder !== undefined) return hookTraced(recorder, tensor, hook);
  const edge = tensor.gradEdge;
  if (edge === undefined)
    return refuse(
      "registerHook is called on a tensor that requires no gradient, so that none will arrive there",
    );
  const own: GradientHook = (gradient) => hook(gradient);
  edge.hooks = [...edge.hooks, own];
  return {
    remove() {
      edge.hooks = edge.hooks.filter((other) => other !== own);
    },
  };
}

/** What `hooks` make of a gradient, one after the other. */
export const hooked = (hooks: readonly GradientHook[], arriving: Tensor): Tensor =>
  hooks.reduce((gradient, hook) => replaced(gradient, hook(gradient)), arriving);

/** The result of a hook, or the gradient if there is none. */
function replaced(gradient: Tensor, returned: unknown): Tensor {
  if (returned === undefined || returned === null) return gradient;
  if (returned instanceof Promise)
    return refuse(
      "a hook of gradients must not be async, as it is not awaited: it may read one with gradient.data().then(…)",
    );
  const { shape, dtype } = returned as Partial<Tensor>;
  if (shape !== undefined && dtype === gradient.dtype && sameShape(shape, gradient.shape))
    return returned as Tensor;
  return refuse(
    `a hook of gradients must return nothing or a gradient ${gradient.dtype}${formatShape(gradient.shape)}, not ` +
      (shape === undefined ? describeValue(returned) : `${dtype}${formatShape(shape)}`),
  );
}

/** A tensor of a trace without its hooks, and their rules in order. */
interface Traced {
  readonly recorder: Recorder;
  readonly source: Source;
  readonly madeBy: GradFn | null;
  readonly edge: GradFn;
  readonly rules: readonly RecordedRule<Tensor>[];
}

const traced = new WeakMap<Tensor, Traced>();

/** Gives `tensor` a hook's rule for its gradient. Earlier reads of it do not have the hook. */
function hookTraced(recorder: Recorder, tensor: Tensor, hook: GradientHook): RemovableHandle {
  const { behind, gradFn } = tensor;
  if (behind.kind !== "traced" || behind.by !== recorder)
    return refuse(
      "registerHook inside forward, or the body of a scan, is for parameters and for tensors that it computes: register " +
        "hooks of others outside",
    );
  const edge = tensor.gradEdge;
  if (edge === undefined)
    return refuse(
      "registerHook is called on a tensor that requires no gradient, so that none will arrive there",
    );
  requireUnread(recorder, tensor);
  const before = traced.get(tensor);
  const isHooked = before !== undefined && before.recorder === recorder && gradFn instanceof OperationGradFn;
  const own: Traced =
    isHooked && gradFn.hookedFor !== undefined
      ? before
      : { recorder, source: behind, madeBy: gradFn, edge, rules: [] };
  const rule = recordRule(tensor.shape, (arriving) => replaced(arriving, hook(arriving)));
  setRules(tensor, { ...own, rules: [...own.rules, rule] });
  return {
    remove() {
      const now = traced.get(tensor);
      if (currentRecorder() !== recorder || now === undefined) return;
      requireUnread(recorder, tensor);
      setRules(tensor, { ...now, rules: now.rules.filter((other) => other !== rule) });
    },
  };
}

/** Has the hooks that `leaf` had before the trace called in what `recorder` makes, where it stands for a state. */
export function registerLeafHooks(recorder: Recorder, leaf: Tensor): void {
  if (leaf.requiresGrad) recordWith(recorder, () => leaf.asLeaf.hooks.map((hook) => leaf.registerHook(hook)));
}

function requireUnread(recorder: Recorder, tensor: Tensor): void {
  if (recorder.builder.isRead(recorder.valueOf(tensor)))
    refuse(
      "registerHook comes too late here: forward has used the tensor already, and in a compiled model that use would not " +
        "have the hook. Register it, or remove it, right where the tensor is computed",
    );
}

/** The gradient meets the rules in order, so that the first is outermost. */
function setRules(tensor: Tensor, own: Traced): void {
  traced.set(tensor, own);
  tensor.become(own.source, own.madeBy);
  withGradMode(true, () => {
    let { edge } = own;
    for (const { result, level } of own.rules.toReversed()) {
      const attrs = { count: 1, learned: [0], level, name: "HookBackward" };
      const { behind, gradFn } = apply("custom_gradient", [tensor, tensor, result], attrs);
      if (gradFn instanceof OperationGradFn) gradFn.hookedFor = edge;
      edge = gradFn ?? edge;
      tensor.become(behind, gradFn);
    }
  });
}

/** Where gradients for a tensor go behind its hooks. */
export function behindHooks(edge: GradFn): GradFn {
  let own = edge;
  while (own instanceof OperationGradFn && own.hookedFor !== undefined) own = own.hookedFor;
  return own;
}
