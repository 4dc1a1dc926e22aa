/** `optimizer.step()` in a training step that is traced: the update rules become part of its graph. */

import type { UpdateRule } from "../ir/update.ts";
import type { Recorder } from "../tensor/context.ts";
import type { SteppingOptimizer, StepRecorder } from "../tensor/step-recorder.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { renewMemory } from "../tensor/view.ts";

/** What a step needs of an optimizer. */
interface Traceable extends SteppingOptimizer {
  readonly paramGroups: readonly (SteppingOptimizer["paramGroups"][number] & {
    readonly rule: UpdateRule;
    readonly params: readonly Tensor[];
  })[];
  stateOf(parameter: Tensor): Readonly<Record<string, Tensor>>;
}

/** Gives every parameter that has a gradient its new value in the graph; each run counts the step once it is done. */
export function tracedStep(optimizer: Traceable, recorder: Recorder, step: StepRecorder): void {
  const updated: Tensor[] = [];
  for (const [group, { rule, params, countsSteps }] of optimizer.paramGroups.entries()) {
    const withGradient = params.filter(({ grad }) => grad !== null);
    for (const { before, parameters } of cohortsOf(optimizer, step, withGradient, countsSteps)) {
      const scalars = step.scalars({ optimizer, group, parameters, before }, rule.scalars);
      for (const parameter of parameters) update(recorder, step, rule, parameter, optimizer, scalars);
      updated.push(...parameters);
    }
  }
  step.stepped(optimizer, updated);
}

interface Cohort {
  readonly before: number;
  readonly parameters: Tensor[];
}

/** Divides parameters by how many updates they have had, before the step and in it; where nothing depends on that, not. */
function cohortsOf(
  optimizer: Traceable,
  step: StepRecorder,
  parameters: readonly Tensor[],
  countsSteps: boolean,
): Iterable<Cohort> {
  const cohorts = new Map<string, Cohort>();
  for (const parameter of parameters) {
    const before = countsSteps ? step.updatesOf(optimizer, parameter) : 0;
    const key = countsSteps ? `${optimizer.stepOf(parameter)}+${before}` : "";
    const cohort = cohorts.get(key) ?? { before, parameters: [] };
    cohort.parameters.push(parameter);
    cohorts.set(key, cohort);
  }
  return cohorts.values();
}

/** Applies the rule to one parameter and its states. */
function update(
  recorder: Recorder,
  step: StepRecorder,
  rule: UpdateRule,
  parameter: Tensor,
  optimizer: Traceable,
  scalars: ReturnType<StepRecorder["scalars"]>,
): void {
  const { builder } = recorder;
  const tensors = optimizer.stateOf(parameter);
  const states = Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, step.state(rule.name, parameter, name, tensor)]),
  );
  const gradient = recorder.valueOf(parameter.grad!);
  const value = recorder.valueOf(parameter);
  const result = builder.at(builder.originsOf(gradient), () =>
    rule.update(builder, value, gradient, states, scalars),
  );
  renewMemory(parameter);
  step.assign(parameter, result.parameter);
  for (const [name, next] of Object.entries(result.states)) step.assign(tensors[name], next);
}
