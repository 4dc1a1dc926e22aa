/**
 * Views: tensors that show elements of another's memory, as in PyTorch. Numbers never change here (see version.ts), so
 * a view remembers its base and the operations that lead from the base to it. After a write to the base, the view
 * repeats them; a write to the view is put back into the base; both happen at the next read. An optimizer's step gives
 * a parameter new memory: a view that gradients pass through follows, being the parameter in another shape; one of
 * numbers alone keeps the old ones.
 */

import { invariant, KilnError } from "../core/errors.ts";
import { stridesOf } from "../core/shape.ts";
import type { Attrs } from "../ir/types.ts";
import { definitionOf } from "../ops/registry.ts";
import { currentRecorder, recordWith } from "./context.ts";
import { isGradEnabled, withGradMode } from "./grad-mode.ts";
import { apply } from "./operation.ts";
import type { Tensor } from "./tensor.ts";

interface Step {
  readonly op: string;
  readonly attrs: Attrs;
}

/**
 * The kind of link from a view to its base: gradients pass (`view`), or only numbers, because it was made inside of
 * noGrad or by detach(), after which it may get its own history.
 */
type Bond = "view" | "noGrad" | "detached";

/** What a view shows: a tensor's memory, which that may leave to another tensor. */
export interface Memory {
  tensor: Tensor;
  /** The tensor that represents this memory in programs, if there is one. */
  outsider: Tensor | undefined;
}

/** How a tensor shows the memory of another one. */
export interface ViewLink {
  readonly memory: Memory;
  readonly steps: readonly Step[];
  /** Strides in the memory of the owner. */
  readonly strides: readonly number[];
  readonly bond: Bond;
  /** The changes of the base, and those that gave it a history, that the view shows. */
  seen: number;
  seenRecorded: number;
}

/** What was written to a view and not yet put back into its owner. */
export interface LateWrite {
  readonly view: Tensor;
  /** Whether histories stay as they are, because it was written inside of noGrad. */
  readonly numbersOnly: boolean;
}

/** The tensor whose memory `tensor` shows: itself unless it is a view. */
export function ownerOf(tensor: Tensor): Tensor {
  let owner = tensor;
  while (owner.link !== undefined) owner = owner.link.memory.tensor;
  return owner;
}

/** Performs an op that shows its input's memory; if the layout does not allow that, the result is a copy. */
export function view(op: string, input: Tensor, attrs: Attrs): Tensor {
  const result = apply(op, [input], attrs);
  const rule = definitionOf(op).view;
  invariant(rule !== undefined, `${op} is a view`);
  const strides = rule.strides({ shape: input.shape, strides: stridesIn(input) }, result, attrs);
  if (strides === undefined) return result;
  const inner = input.link?.bond === "detached" ? undefined : input.link;
  const bond = isGradEnabled() && inner?.bond !== "noGrad" ? "view" : "noGrad";
  const memory = inner?.bond === bond ? inner.memory : memoryFor(bond, inner?.memory.tensor ?? input);
  result.link = linkTo(memory, [...(inner?.steps ?? []), { op, attrs }], strides, bond);
  return result;
}

/** Ties `result`, which has the numbers of `input` and no history, to the same memory. */
export function shareDetached(result: Tensor, input: Tensor): void {
  const steps: Step[] = [];
  let owner = input;
  while (owner.link !== undefined) {
    steps.unshift(...owner.link.steps);
    owner = owner.link.memory.tensor;
  }
  result.link = linkTo(memoryFor("detached", owner), steps, stridesIn(input), "detached");
}

/** What a new view of `tensor` refers to: where gradients pass that is the tensor itself, whatever memory it has. */
function memoryFor(bond: Bond, tensor: Tensor): Memory {
  if (bond === "view") return { tensor, outsider: undefined };
  tensor.memory ??= { tensor, outsider: undefined };
  return tensor.memory;
}

function linkTo(memory: Memory, steps: readonly Step[], strides: readonly number[], bond: Bond): ViewLink {
  // The last of several reshapes says it all, however often a loop sees its tensor under another shape.
  const needed = steps.filter(({ op }, k) => op !== "reshape" || steps[k + 1]?.op !== "reshape");
  const { changes, recordedChanges } = memory.tensor;
  return { memory, steps: needed, strides, bond, seen: changes, seenRecorded: recordedChanges };
}

const stridesIn = ({ link, shape }: Tensor): readonly number[] => link?.strides ?? stridesOf(shape);

/** Whether some of its elements are one in memory, as those that expand repeats. */
export const hasSharedElements = ({ link, shape }: Tensor): boolean =>
  link?.strides.some((stride, axis) => stride === 0 && shape[axis] > 1) ?? false;

/** Has `tensor` show everything that was written to the memory it belongs to. */
export function bringUpToDate(tensor: Tensor): void {
  const owner = ownerOf(tensor);
  if (owner.late?.view === tensor || (owner.late === undefined && isCurrent(tensor))) return;
  // Tensors that a trace has not touched are not part of it.
  recordWith(owner.recorder, () => {
    if (owner.late !== undefined) putBack(owner, owner.late);
    show(tensor);
  });
}

const isCurrent = ({ link }: Tensor): boolean =>
  link === undefined || (link.memory.tensor.changes === link.seen && isCurrent(link.memory.tensor));

/**
 * Assigns `result` to `target`, visibly to everything that shares memory with it; with `numbersOnly`, as inside of
 * noGrad, histories do not change.
 */
export function write(target: Tensor, result: Tensor, numbersOnly: boolean): void {
  const owner = ownerOf(target);
  bringUpToDate(target);
  // Writes of both kinds are not put back together.
  if (owner.late !== undefined && owner.late.numbersOnly !== numbersOnly) bringUpToDate(owner);
  assume(target, result, numbersOnly);
  if (target !== owner) owner.late = { view: target, numbersOnly };
}

/** Shows in `tensor` what has changed in its base. */
function show(tensor: Tensor): void {
  const { link } = tensor;
  if (link === undefined) return;
  const { memory, steps, bond } = link;
  const base = memory.tensor;
  show(base);
  if (base.changes === link.seen) return;
  if (bond === "noGrad" && base.recordedChanges !== link.seenRecorded) throw ambiguousView();
  const shown = withGradMode(bond === "view", () =>
    steps.length === 0 ? sameNumbers(base) : steps.reduce((x, { op, attrs }) => apply(op, [x], attrs), base),
  );
  // First: what follows may look at the tensor, and must find it as it was.
  remember(link);
  assume(tensor, shown, bond !== "view");
}

/** Puts what was written to a view back into its base, and from there into the owner. */
function putBack(owner: Tensor, late: LateWrite): void {
  owner.late = undefined;
  let { view: written, numbersOnly } = late;
  while (written.link !== undefined) {
    const { link } = written;
    const { memory, steps, bond } = link;
    const base = memory.tensor;
    numbersOnly ||= bond !== "view";
    const changed = withGradMode(!numbersOnly, () =>
      steps.length === 0 ? sameNumbers(written) : scattered(base, steps, written),
    );
    assume(base, changed, numbersOnly);
    remember(link);
    written = base;
  }
}

function remember(link: ViewLink): void {
  link.seen = link.memory.tensor.changes;
  link.seenRecorded = link.memory.tensor.recordedChanges;
}

/** `base` with `written` in place of the elements that `steps` lead to. */
function scattered(base: Tensor, steps: readonly Step[], written: Tensor): Tensor {
  const between = [base];
  for (const { op, attrs } of steps.slice(0, -1))
    between.push(apply(op, [between[between.length - 1]], attrs));
  return steps.reduceRight(
    (inner, { op, attrs }, k) => definitionOf(op).view!.put(apply, between[k], inner, attrs),
    written,
  );
}

/** The numbers of `tensor` for another one as well, without its history. */
export function sameNumbers(tensor: Tensor): Tensor {
  if (tensor.isTraced) return tensor.requiresGrad ? apply("detach", [tensor]) : tensor;
  tensor.version.shared();
  return tensor;
}

/** Makes only `target` refer to `result`. */
function assume(target: Tensor, result: Tensor, numbersOnly: boolean): void {
  if (!numbersOnly) {
    const { behind, gradFn } = result;
    if (result.requiresGrad) target.recordedChanges++;
    target.become(behind, gradFn);
  } else if (target.isTraced && target.requiresGrad) {
    target.become(currentRecorder()!.record("with_history", [result, target], {}).behind);
  } else {
    target.become(result.behind);
  }
}

/**
 * Gives `tensor`, which is not a view, new memory, as before an optimizer's step: views of the old numbers keep the
 * current ones. Does nothing, and keeps nothing, if there have been no such views since the last time.
 */
export function renewMemory(tensor: Tensor): void {
  const memory = leaveMemory(tensor);
  if (memory === undefined) return;
  memory.tensor.memory = memory;
  memory.outsider = undefined;
}

/**
 * Makes the current views of the numbers of `tensor` show a separate tensor with the same numbers, until `rejoinMemory`
 * is called with the result, which is undefined if there is no such view.
 */
export function leaveMemory(tensor: Tensor): Memory | undefined {
  invariant(tensor.link === undefined, "memory belongs to a tensor that is no view");
  const { memory } = tensor;
  if (memory === undefined) return undefined;
  const apart = memory.outsider ?? tensor.twin();
  bringUpToDate(apart);
  apart.link = undefined;
  apart.changes = tensor.changes;
  apart.recordedChanges = tensor.recordedChanges;
  memory.tensor = apart;
  tensor.memory = undefined;
  return memory;
}

/**
 * Gives `tensor` back the memory that it has left. With `isKept`, the tensor that took its place there keeps it in
 * programs: it shows all writes to the memory, whoever owns that.
 */
export function rejoinMemory(tensor: Tensor, memory: Memory | undefined, isKept: boolean): void {
  tensor.memory = memory;
  if (memory === undefined) return;
  const apart = memory.tensor;
  memory.tensor = tensor;
  // What was shown meanwhile is shown anew.
  tensor.changes = Math.max(tensor.changes, apart.changes);
  if (isKept) memory.outsider = apart;
  if (memory.outsider === apart) apart.link = linkTo(memory, [], stridesOf(tensor.shape), "detached");
}

export const ambiguousView = (): KilnError =>
  new KilnError(
    "a view that was made inside noGrad shows memory that is changed outside of it, so that it is open whether gradients " +
      "pass: have both inside noGrad, or both outside",
  );
