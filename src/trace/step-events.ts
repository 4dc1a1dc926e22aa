/** What happens to gradients, parameters and optimizers while a whole training step is traced. */

import { KilnError } from "../core/errors.ts";
import type { Value } from "../ir/types.ts";
import { scalarName } from "../ir/update.ts";
import type { SteppingOptimizer, StepRecorder, UpdatedTogether } from "../tensor/step-recorder.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What the events need of the trace that they happen in. */
interface Host {
  /** The state of a tensor, under this name if it is new. */
  stateNamed(name: string, tensor: Tensor): Value;
  /** A number that every run is given. */
  scalar(name: string, dtype: "float32"): Value;
  assign(tensor: Tensor, value: Value): void;
}

/** A parameter and its name. */
type Named = readonly [name: string, parameter: Tensor];

/** A step of an optimizer within the traced one. */
export interface Stepped {
  readonly optimizer: SteppingOptimizer;
  readonly parameters: readonly Tensor[];
}

export class StepEvents implements StepRecorder {
  /** What was differentiated. */
  readonly losses: Tensor[] = [];
  /** Who reads which scalars, in the order of their numbers. */
  readonly updates: UpdatedTogether[] = [];
  readonly steps: Stepped[] = [];
  private readonly host: Host;
  private readonly names: ReadonlyMap<Tensor, string>;
  /** The gradients that parameters had before; a run begins without any. */
  private readonly gradients: ReadonlyMap<Tensor, Tensor | null>;
  /** Parameters by what first happened to their gradient. */
  private readonly first = new Map<Tensor, "received" | "zeroed">();
  private readonly rates = new Map<SteppingOptimizer, readonly number[]>();

  constructor(parameters: readonly Named[], host: Host) {
    this.host = host;
    this.names = new Map(parameters.map(([name, parameter]) => [parameter, name]));
    this.gradients = new Map(parameters.map(([, parameter]) => [parameter, parameter.grad]));
    for (const parameter of this.gradients.keys()) parameter.grad = null;
  }

  differentiated(loss: Tensor): void {
    this.losses.push(loss);
  }

  received(leaf: Tensor): void {
    if (!this.first.has(leaf)) this.first.set(leaf, "received");
  }

  zeroed(leaf: Tensor): void {
    if (!this.first.has(leaf)) this.first.set(leaf, "zeroed");
  }

  updatesOf(optimizer: SteppingOptimizer, parameter: Tensor): number {
    return this.steps.filter((step) => step.optimizer === optimizer && step.parameters.includes(parameter))
      .length;
  }

  scalars(updated: UpdatedTogether, names: readonly string[]): Readonly<Record<string, Value>> {
    const number = this.updates.push(updated) - 1;
    return Object.fromEntries(
      names.map((name) => [name, this.host.scalar(scalarName(name, number), "float32")]),
    );
  }

  state(rule: string, parameter: Tensor, name: string, tensor: Tensor): Value {
    return this.host.stateNamed(`${rule}.${this.names.get(parameter)}.${name}`, tensor);
  }

  assign(tensor: Tensor, value: Value): void {
    this.host.assign(tensor, value);
  }

  stepped(optimizer: SteppingOptimizer, parameters: readonly Tensor[]): void {
    this.steps.push({ optimizer, parameters });
    if (!this.rates.has(optimizer)) this.rates.set(optimizer, ratesOf(optimizer));
  }

  /** Throws for what would be different in the next run, or would happen when it is traced alone. */
  check(): void {
    for (const [parameter, event] of this.first) {
      if (event === "zeroed" || parameter.grad === null || !this.names.has(parameter)) continue;
      throw new KilnError(
        `the step leaves a gradient in ${this.names.get(parameter)}, to which the next one would add: call zeroGrad() before ` +
          "backward(), or after the optimizer's step",
      );
    }
    for (const [optimizer, rates] of this.rates) {
      if (ratesOf(optimizer).every((lr, group) => lr === rates[group])) continue;
      throw new KilnError(
        "the step changes a learning rate, which happens once, when it is traced, and not in each run: set lr, or step the " +
          "schedule, between runs",
      );
    }
  }

  /** Gives the parameters back the gradients that they had. */
  release(): void {
    for (const [parameter, gradient] of this.gradients) parameter.grad = gradient;
  }
}

const ratesOf = ({ paramGroups }: SteppingOptimizer): readonly number[] => paramGroups.map(({ lr }) => lr);
