/**
 * What every optimizer is: parameters in groups with a learning rate that may change at any time, and an update rule
 * that is compiled into the training step.
 */

import { KilnError } from "../core/errors.ts";
import type { UpdateRule } from "../ir/update.ts";
import { isParameter } from "../nn/brand.ts";
import type { Parameter } from "../nn/parameter.ts";

/** Parameters that share a learning rate. */
export class ParamGroup {
  readonly params: readonly Parameter[];
  /** The learning rate that schedules start from: the one in effect when the first schedule came (`initial_lr`). */
  initialLr: number | undefined;
  #lr = 0;

  constructor(params: readonly Parameter[], lr: number) {
    this.params = params;
    this.lr = lr;
  }

  /** The learning rate. It is fed to every step as a number, so a change never compiles anything again. */
  get lr(): number {
    return this.#lr;
  }

  set lr(value: number) {
    if (!Number.isFinite(value) || value < 0) {
      throw new KilnError(`the learning rate must be a finite number of at least 0, not ${value}`);
    }
    this.#lr = value;
  }
}

export abstract class Optimizer {
  readonly paramGroups: readonly ParamGroup[];
  /** The update, written with graph operations. */
  abstract readonly rule: UpdateRule;

  constructor(parameters: Iterable<Parameter>, lr: number) {
    this.paramGroups = [new ParamGroup(checkedParameters(parameters), lr)];
  }

  /** The values of the rule's scalars for the step before which `step` steps were completed. */
  abstract scalarValues(step: number): Readonly<Record<string, number>>;

  /** The learning rate of all parameters. */
  get lr(): number {
    return this.paramGroups[0].lr;
  }

  set lr(value: number) {
    for (const group of this.paramGroups) group.lr = value;
  }

  /** The parameters that are updated. */
  get parameters(): Parameter[] {
    return this.paramGroups.flatMap(({ params }) => params);
  }
}

function checkedParameters(parameters: Iterable<Parameter>): Parameter[] {
  const list = [...parameters];
  if (list.length === 0) throw new KilnError("optimizer got an empty parameter list");
  const stranger = list.findIndex((item) => !isParameter(item));
  if (stranger >= 0) {
    throw new KilnError(
      `an optimizer takes a list of Parameters, such as net.parameters(), but item ${stranger} is none`,
    );
  }
  if (new Set(list).size < list.length) throw new KilnError("an optimizer is given the same parameter twice");
  return list;
}
