/** What a training step returns besides its loss, on request; a step without such a request is a different program. */

import { KilnError } from "../../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../../core/option-names.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Outputs } from "../../tensor/tensor-tree.ts";

/** What a call of `step` asks for; each set of them is compiled when it is first asked for. */
export interface StepOptions {
  /** What the model returned for the batch, before the update. */
  readonly outputs?: boolean;
  /** All that the loss returned: the named losses of one that returns a record. */
  readonly losses?: boolean;
  /** The `metrics` of `compileTraining`, of the model before the update. */
  readonly metrics?: boolean;
}

/** What a trainer's model, loss and metrics have to give. */
export interface StepDetail {
  readonly outputs: Outputs;
  /** The names of the losses, and of the metrics. */
  readonly losses: string;
  readonly metrics: string;
}

/** The loss, and what `Asked` asks for. */
export type StepResult<Detail extends StepDetail, Asked extends StepOptions> = {
  readonly loss: number;
} & (Asked extends {
  readonly outputs: true;
}
  ? { readonly outputs: Detail["outputs"] }
  : object) &
  (Asked extends { readonly losses: true } ? { readonly losses: Numbers<Detail["losses"]> } : object) &
  (Asked extends { readonly metrics: true } ? { readonly metrics: Numbers<Detail["metrics"]> } : object);

type Numbers<Names extends string> = { readonly [Name in Names]: number };

const STEP_OPTIONS = { outputs: true, losses: true, metrics: true } satisfies OptionNames<StepOptions>;

/** The batch and the options of a call; no options where only a batch is given. */
export function batchAndOptions(
  given: readonly unknown[],
): readonly [batch: readonly unknown[], options: StepOptions | undefined] {
  const last = given.at(-1);
  const isRecord =
    typeof last === "object" && last !== null && Object.getPrototypeOf(last) === Object.prototype;
  if (!isRecord) return [given, undefined];
  checkOptionNames("step", last, STEP_OPTIONS);
  return [given.slice(0, -1), last];
}

/** Throws for metrics of a trainer that has none. */
export function checkAsked({ metrics }: StepOptions, known: readonly string[]): void {
  if (metrics !== true || known.length > 0) return;
  throw new KilnError(
    "step is asked for metrics, but compileTraining was given none: metrics: { accuracy: (output, target) => … }",
  );
}

/** The same with plain numbers in place of the losses and metrics. */
export function numbersOf(step: { readonly losses?: unknown; readonly metrics?: unknown }): object {
  const named = (["losses", "metrics"] as const).filter((kind) => step[kind] !== undefined);
  return Object.fromEntries(
    named.map((kind) => [
      kind,
      Object.fromEntries(Object.entries(step[kind] as Readonly<Record<string, Tensor>>).map(number)),
    ]),
  );
}

const number = ([name, tensor]: readonly [string, Tensor]): readonly [string, number] => [
  name,
  Number(tensor.peek()![0]),
];
