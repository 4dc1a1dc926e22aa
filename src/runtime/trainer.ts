/** A compiled training step: forward, backward and the optimizer's update in one program. */

import type { TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import type { TensorType } from "../ir/types.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { VariantCache } from "./cache.ts";
import type { ModelState } from "./model-state.ts";
import { blameNonFinite } from "./nonfinite.ts";
import { Inspectable, readOutputs, withHostArrays } from "./program.ts";
import type { CompileVariant, Variant } from "./variant.ts";

/** What a trainer needs of an optimizer at run time. */
export interface ScalarSource {
  /** Values of the update rule's scalars for the step after `completed` steps. */
  scalarValues(completed: number): Readonly<Record<string, number>>;
}

/** Steps belong to the optimizer, as its states do: two trainers with one optimizer count together. */
const completedSteps = new WeakMap<ScalarSource, { count: number }>();

export interface Gradients {
  /** The loss at the current parameters. */
  readonly loss: number;
  /** By parameter name; a parameter that the loss does not depend on is absent. */
  readonly gradients: Readonly<Record<string, Tensor>>;
}

export class Trainer extends Inspectable {
  private readonly state: ModelState;
  private readonly optimizer: ScalarSource;
  private readonly steps: VariantCache;
  private readonly gradientSteps: VariantCache;
  private readonly loss = new Float64Array(1);
  private readonly completed: { count: number };
  private disposed = false;

  constructor(
    main: Variant,
    inputs: readonly TensorType[],
    state: ModelState,
    optimizer: ScalarSource,
    compile: { readonly step: CompileVariant; readonly gradients: CompileVariant },
  ) {
    super(main);
    this.state = state;
    this.optimizer = optimizer;
    this.completed = completedSteps.get(optimizer) ?? { count: 0 };
    completedSteps.set(optimizer, this.completed);
    this.steps = new VariantCache(inputs, compile.step, main);
    this.gradientSteps = new VariantCache(inputs, compile.gradients);
  }

  /** How many steps the optimizer has completed. */
  get stepCount(): number {
    return this.completed.count;
  }

  /**
   * One step on a batch: inputs, then targets. Returns the loss before the update. When the loss is not
   * finite nothing is updated, and the error names the step, the first kernel and the model's line.
   */
  step(...batch: readonly Tensor[]): Promise<number> {
    return withHostArrays(batch, this.state, (arrays) => this.run(batch, arrays));
  }

  private async run(batch: readonly Tensor[], arrays: readonly TypedArray[]): Promise<number> {
    this.requireAlive();
    const variant = await this.steps.for(batch);
    await this.feed(variant, batch, arrays);
    const scalars = this.optimizer.scalarValues(this.completed.count);
    await variant.compute(scalars);
    await variant.executable.read(variant.plan.outputs[0].buffer, this.loss);
    const [loss] = this.loss;
    if (!Number.isFinite(loss)) {
      await this.feed(variant, batch, arrays);
      const values = Float64Array.from(variant.plan.scalars, (name) => scalars[name]);
      const blame = await blameNonFinite(variant.plan, variant.executable, values);
      throw new KilnError(
        `the loss of step ${this.completed.count + 1} is ${loss}: ${blame}; the parameters are those after step ${this.completed.count}`,
      );
    }
    await variant.commit();
    this.completed.count++;
    return loss;
  }

  /** Forward and backward alone: the loss and all gradients; changes no parameter, buffer or counter. */
  gradients(...batch: readonly Tensor[]): Promise<Gradients> {
    return withHostArrays(batch, this.state, async (arrays) => {
      this.requireAlive();
      const variant = await this.gradientSteps.for(batch);
      await this.feed(variant, batch, arrays);
      await variant.compute({});
      const tensors = await readOutputs(variant);
      const named = variant.plan.outputs.map(
        ({ name }, k) => [name.replace(/^grad\./, ""), tensors[k]] as const,
      );
      return { loss: await tensors[0].item(), gradients: Object.fromEntries(named.slice(1)) };
    });
  }

  /** Frees the programs' arenas; the model's parameters stay as they were learned. */
  dispose(): Promise<void> {
    return this.state.enqueue(async () => {
      if (this.disposed) return;
      this.disposed = true;
      await this.steps.dispose();
      await this.gradientSteps.dispose();
    });
  }

  private requireAlive(): void {
    if (this.disposed) throw new KilnError("this trainer has been disposed; compile the model again");
  }

  private async feed(
    variant: Variant,
    batch: readonly Tensor[],
    arrays: readonly TypedArray[],
  ): Promise<void> {
    variant.plan.inputs.forEach(({ name }, k) => {
      const limit = variant.limits.get(name);
      if (limit !== undefined) checkClasses(arrays[k], limit, batch[k]);
    });
    await variant.feed(arrays);
  }
}

/** A label outside of the classes would read nothing and train on nonsense: it is an error instead. */
function checkClasses(labels: ArrayLike<number>, classes: number, tensor: Tensor): void {
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] < 0 || labels[i] >= classes) {
      throw new KilnError(
        `the label ${labels[i]} at position ${i} of the target ${formatShape(tensor.shape)} is outside of the ${classes} classes 0..${classes - 1}`,
      );
    }
  }
}
