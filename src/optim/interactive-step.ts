/**
 * `optimizer.step()` outside of compiled training: the same update rules, replayed as operations on the parameters'
 * gradients and computed at once, together with the gradients themselves.
 */

import { invariant, KilnError } from "../core/errors.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import { opTable } from "../ops/registry.ts";
import { currentEvaluator, currentRecorder } from "../tensor/context.ts";
import { takeSaved, takeScalars } from "../tensor/pending.ts";
import { replayer } from "../tensor/replay.ts";
import { HostStorage } from "../tensor/storage.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Version } from "../tensor/version.ts";
import { renewMemory } from "../tensor/view.ts";
import type { ParamGroup } from "./param-group.ts";

/** What a step needs of an optimizer. */
interface Steppable {
  readonly paramGroups: readonly ParamGroup[];
  stateOf(parameter: Tensor): Readonly<Record<string, Tensor>>;
  stepOf(parameter: Tensor): number;
}

interface InteractiveStep {
  /** The parameters that have a gradient. */
  readonly updated: readonly Tensor[];
  /** Resolves when the new numbers are there. */
  readonly computed: Promise<void>;
}

/**
 * Gives every parameter that has a gradient its new numbers, and the optimizer's states theirs. All of them begin to
 * be computed now, and need not be waited for.
 */
export function interactiveStep(optimizer: Steppable): InteractiveStep {
  if (currentRecorder() !== undefined) {
    throw new KilnError(
      "optimizer.step() is called inside forward: compileTraining puts the update into the step",
    );
  }
  const evaluator = currentEvaluator();
  invariant(evaluator !== undefined, "an evaluator is injected by src/compile.ts");
  const updated: Tensor[] = [];
  const changed = optimizer.paramGroups.flatMap((group) => {
    const scalarsAfter = scalarVersions(group);
    return group.params.flatMap((parameter) => {
      if (parameter.grad === null) return [];
      updated.push(parameter);
      const scalars = scalarsAfter(optimizer.stepOf(parameter));
      return update(group, parameter, parameter.grad, optimizer.stateOf(parameter), scalars);
    });
  });
  const computed = evaluator.compute(changed, takeSaved());
  // In a program of their own: whether there are any differs between turns of a loop, the step does not.
  const all = Promise.all([computed, evaluator.compute([], takeScalars())]).then(() => undefined);
  // Who does not wait for the step hears of a failure when reading what it should have changed.
  all.catch(() => undefined);
  return { updated, computed: all };
}

/** A group's scalars for parameters by how many updates they have had; those of as many read the same ones. */
function scalarVersions(group: ParamGroup): (completed: number) => ReadonlyMap<string, Version> {
  const known = new Map<number, ReadonlyMap<string, Version>>();
  return (completed) => {
    const key = group.countsSteps ? completed : 0;
    const found =
      known.get(key) ??
      new Map(Object.entries(group.scalarValues(key)).map(([name, value]) => [name, numberVersion(value)]));
    known.set(key, found);
    return found;
  };
}

const numberVersion = (value: number): Version =>
  Version.of({ dtype: "float32", shape: [] }, new HostStorage(Float32Array.of(value)));

/** Applies the group's rule to one parameter and its states; returns their new versions. */
function update(
  { rule }: ParamGroup,
  parameter: Tensor,
  gradient: Tensor,
  states: Readonly<Record<string, Tensor>>,
  scalars: ReadonlyMap<string, Version>,
): Version[] {
  const b = new GraphBuilder(opTable);
  const known = new Map<Value, { readonly operand: Version }>();
  const input = (role: "input" | "state" | "scalar", name: string, version: Version): Value => {
    const value = b.input(role, name, version.type);
    known.set(value, { operand: version });
    return value;
  };
  const result = rule.update(
    b,
    input("state", "parameter", parameter.version),
    input("input", "gradient", gradient.version),
    mapValues(states, (state, name) => input("state", `state.${name}`, state.version)),
    Object.fromEntries([...scalars].map(([name, version]) => [name, input("scalar", name, version)])),
  );
  const replay = replayer(known);
  const become = (target: Tensor, value: Value): Version => {
    target.become(replay(value).operand as Version);
    return target.version;
  };
  renewMemory(parameter);
  return [
    become(parameter, result.parameter),
    ...Object.entries(result.states).map(([name, value]) => become(states[name], value)),
  ];
}

const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  f: (value: A, name: string) => B,
): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
