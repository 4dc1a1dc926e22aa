/**
 * Bounds the pending operations. A loop that never reads its results would make one graph of all its iterations:
 * when a graph becomes large, or a sum of single numbers long, it is computed.
 */

import { sizeOf } from "../core/shape.ts";
import { topologicalOrder } from "../core/topological.ts";
import { currentEvaluator } from "./context.ts";
import { takeSaved } from "./pending.ts";
import type { Version } from "./version.ts";

/**
 * Operations that may wait for one tensor. More than forward and backward of a usual network: those stay one program.
 */
export const MOST_WAITING = 1024;

/** Single numbers that may follow from each other and wait, such as counts that a loop over batches adds up. */
export const MOST_IN_A_ROW = 16;

/** What is known of a version that waits. */
interface Backlog {
  /** Operations that have to happen for it, itself included; what several ways lead to may be counted several times. */
  waiting: number;
  /** Single numbers that follow from each other, this one the last. */
  readonly inARow: number;
  /** Whether it depends on recorded gradients, which `backward` needs again. */
  readonly isRemembered: boolean;
  /** Whether it is made of gradients, which the optimizer needs again. */
  readonly isDerived: boolean;
}

const backlogs = new WeakMap<Version, Backlog>();

/**
 * Notes that an operation has made `output`, and begins to compute it if too many operations are pending for it.
 * `wantsGradient` says whether `backward` may need the values it was computed from.
 */
export function boundBacklog(output: Version, wantsGradient: boolean): void {
  const { operation } = output;
  if (operation === undefined) return;
  const inputs = operation.inputs.filter((input) => input.operation !== undefined);
  const known = inputs.map((input) => backlogs.get(input) ?? UNKNOWN);
  const isNumber = sizeOf(output.shape) === 1 && operation.op !== "constant";
  const backlog: Backlog = {
    waiting: known.reduce((sum, { waiting }) => sum + waiting, 1),
    inARow: isNumber ? known.reduce((most, { inARow }) => Math.max(most, inARow + 1), 1) : 0,
    isRemembered: wantsGradient || known.some(({ isRemembered }) => isRemembered),
    isDerived: known.some(({ isDerived }) => isDerived),
  };
  backlogs.set(output, backlog);
  // The terms of a loss and of a norm of gradients are computed with what needs them.
  const isLong = backlog.inARow > MOST_IN_A_ROW && !wantsGradient && !backlog.isDerived;
  // Several results are computed if one of them is wanted.
  if (output.type.others !== undefined) return;
  if (isLong || backlog.waiting > MOST_WAITING) settle(output, backlog, isLong);
}

/** What was not made by an operation of the user's, such as a derived gradient: not counted yet. */
const UNKNOWN: Backlog = { waiting: MOST_WAITING, inARow: 0, isRemembered: false, isDerived: false };

function settle(output: Version, backlog: Backlog, isLong: boolean): void {
  const behind = waitingFor([output]);
  backlog.waiting = behind.length;
  if (!isLong && behind.length <= MOST_WAITING) return;
  // What is not there would be computed again.
  if (!isLong && (backlog.isRemembered || backlog.isDerived))
    for (const version of behind) if (!isConstant(version)) version.isSaved = true;
  compute([output]);
}

/** Begins to compute gradients that `backward` has derived, where much waits for them. They are stored in any case. */
export function boundGradients(gradients: readonly Version[]): void {
  if (waitingFor(gradients).length > MOST_WAITING) compute(gradients);
  else for (const version of gradients) backlogs.set(version, { ...UNKNOWN, isDerived: true });
}

/** Failures are reported when the numbers are read. */
function compute(versions: readonly Version[]): void {
  currentEvaluator()
    ?.compute(versions, takeSaved())
    .catch(() => undefined);
}

const isConstant = ({ operation }: Version): boolean => operation?.op === "constant";

/** The versions that wait to be computed before `versions` are there, themselves included. */
const waitingFor = (versions: readonly Version[]): Version[] =>
  topologicalOrder(versions, ({ operation }) => operation?.inputs ?? []).filter(
    ({ operation }) => operation !== undefined,
  );
