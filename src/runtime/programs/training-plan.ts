/**
 * What a compiled training step does with its gradients: which parameters are trained, which group updates which of
 * them, what is clipped, over how many batches they are summed, and the tensors behind the states that this takes.
 */

import { KilnError } from "../../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../../core/option-names.ts";
import { type GradientClip, optimizerStateName, type StepUpdate, type UpdateRule } from "../../ir/update.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Trace } from "../../trace/trace.ts";
import { type Cohort, type Counted, cohortsOf } from "./cohorts.ts";

/** How gradients become updates, besides the optimizer itself. */
export interface GradientOptions {
  /**
   * Scales all gradients together so that their norm is this at most (torch.nn.utils.clip_grad_norm_): the largest
   * norm, or that and which norm (default: 2), Infinity for the largest element.
   */
  readonly clipGradNorm?: number | { readonly maxNorm: number; readonly normType?: number };
  /** Clamps every element of the gradients to [-value, value] (torch.nn.utils.clip_grad_value_). */
  readonly clipGradValue?: number;
  /**
   * How many batches make one update (default: 1). Their gradients are summed, as by that many calls of `backward`
   * before one `optimizer.step()`: for their mean, divide the loss. Clipping is done to the sum.
   */
  readonly accumulate?: number;
}

/** What the runtime needs of an optimizer's groups. */
export interface GroupedRules extends Counted {
  readonly paramGroups: readonly (Counted["paramGroups"][number] & {
    readonly rule: UpdateRule;
    readonly params: readonly Tensor[];
  })[];
  /** The state kept for a parameter, by name. */
  stateOf(parameter: Tensor): Readonly<Record<string, Tensor>>;
}

/** An update for the parameters as they are: how many each has had decides which scalars it reads. */
export interface UpdatePlan {
  readonly update: StepUpdate;
  /** The parameters of each of its groups. */
  readonly cohorts: readonly Cohort[];
  /** The tensors behind the states that the update adds to the graph, by their names there. */
  readonly states: ReadonlyMap<string, Tensor>;
}

/** Plans the update of the parameters of these names. Throws a KilnError for invalid options. */
export function planUpdate(
  optimizer: GroupedRules,
  trace: Trace,
  parameters: readonly string[],
  options: GradientOptions,
): UpdatePlan {
  const clip = clipOf(options);
  const names = new Map(parameters.map((name) => [trace.states.get(name)!, name]));
  const cohorts = optimizer.paramGroups.flatMap(({ params }, group) =>
    cohortsOf(
      optimizer,
      group,
      [...names.keys()].filter((parameter) => params.includes(parameter)),
    ),
  );
  const groups = cohorts.map((cohort) => ({
    rule: optimizer.paramGroups[cohort.group].rule,
    parameters: cohort.parameters.map((parameter) => names.get(parameter)!),
  }));
  const states = groups.flatMap(({ rule, parameters: members }) =>
    members.flatMap((name) =>
      Object.entries(optimizer.stateOf(trace.states.get(name)!)).map(([state, tensor]): [string, Tensor] => [
        optimizerStateName(rule, name, state),
        tensor,
      ]),
    ),
  );
  return { update: { groups, ...(clip && { clip }) }, cohorts, states: new Map(states) };
}

/**
 * The names of the parameters that the optimizer updates, in the model's order: those that want no gradient (`requiresGrad =
 * false`) are passed over, as by `optimizer.step()`. Throws a KilnError for parameters that are not the model's.
 */
export function trainedBy(
  optimizer: Pick<GroupedRules, "paramGroups">,
  trace: Pick<Trace, "parameters" | "states">,
): readonly string[] {
  const all = optimizer.paramGroups.flatMap(({ params }) => params);
  const wanted = new Set(all.filter(({ requiresGrad }) => requiresGrad));
  if (wanted.size === 0) {
    throw new KilnError(
      "there is nothing to train: requiresGrad is false for every parameter that the optimizer holds",
    );
  }
  const trained = trace.parameters.filter((name) => wanted.has(trace.states.get(name)!));
  if (trained.length === wanted.size) return trained;
  throw new KilnError(
    `the optimizer holds ${all.length} parameters, but ${wanted.size - trained.length} of them are not parameters of this model: ` +
      "they are another model's, or the loss's; what is trained must be a field of this model or of a module in one",
  );
}

/** Throws a KilnError unless it is a number of batches. */
export function batchesPerUpdate(accumulate = 1): number {
  if (Number.isSafeInteger(accumulate) && accumulate >= 1) return accumulate;
  throw new KilnError(`accumulate must be a whole number of batches of at least 1, not ${accumulate}`);
}

const CLIP_OPTIONS = { maxNorm: true, normType: true } satisfies OptionNames<
  Exclude<NonNullable<GradientOptions["clipGradNorm"]>, number>
>;

function clipOf({ clipGradNorm, clipGradValue }: GradientOptions): GradientClip | undefined {
  if (clipGradNorm !== undefined && clipGradValue !== undefined) {
    throw new KilnError("gradients are clipped by norm or by value: give clipGradNorm or clipGradValue");
  }
  if (clipGradValue !== undefined) {
    return { kind: "value", maxValue: positive("clipGradValue", clipGradValue) };
  }
  if (clipGradNorm === undefined) return undefined;
  if (typeof clipGradNorm === "object") checkOptionNames("clipGradNorm", clipGradNorm, CLIP_OPTIONS);
  const { maxNorm, normType = 2 } =
    typeof clipGradNorm === "number" ? { maxNorm: clipGradNorm } : clipGradNorm;
  if (normType !== Number.POSITIVE_INFINITY) positive("clipGradNorm's normType", normType);
  return { kind: "norm", maxNorm: positive("clipGradNorm", maxNorm), normType };
}

function positive(what: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new KilnError(`${what} must be a finite number above 0, not ${value}`);
}
