/** Computes losses and metrics from a model's outputs and the targets in a trace. */

import { KilnError } from "../core/errors.ts";
import { noGrad } from "../tensor/grad-mode.ts";
import { Tensor } from "../tensor/tensor.ts";
import { arityOf } from "./arity.ts";
import { givenToLoss, wantsNumber } from "./mistakes.ts";
import { mistakeInLoss } from "./returned.ts";
import type { Session } from "./session.ts";
import type { Metric, TraceableLoss } from "./traceable.ts";

/** What the loss makes of outputs and targets, by name: what is differentiated is called `loss`. */
export function lossesOf(
  session: Session,
  loss: TraceableLoss,
  outputs: readonly unknown[],
  targets: readonly Tensor[],
): Readonly<Record<string, Tensor>> {
  session.goOnWith(loss);
  const { most } = arityOf(loss);
  if (outputs.length + targets.length > most) {
    throw new KilnError(givenToLoss(loss.constructor.name, most, outputs.length, targets.length), [
      session.modelOrigin(),
    ]);
  }
  const result: unknown = session.run(() => loss.forward(...outputs, ...targets));
  const mistake = mistakeInLoss(result, loss.constructor.name);
  if (mistake !== undefined) throw new KilnError(mistake, [session.origin()]);
  return result instanceof Tensor ? { loss: result } : (result as Readonly<Record<string, Tensor>>);
}

/** What `metric` makes of outputs and targets: one number, through which no gradient flows. */
export function metricOf(session: Session, name: string, metric: Metric, given: readonly unknown[]): Tensor {
  const result: unknown = session.run(() => noGrad(() => metric(...(given as readonly Tensor[]))));
  if (result instanceof Tensor && result.numel() === 1) return result;
  throw new KilnError(wantsNumber(`the metric ${name}`, result), [session.modelOrigin()]);
}
