/** Trains random models on a backend, and measures how far apart two trainings are. */

import { compileTraining, noGrad, type Tensor, tensor } from "kiln-js";
import type { BackendName } from "../../backends/registry.ts";
import type { CommonOptions } from "../../src/driver/build.ts";
import { type ModelSpec, makeModel, type RandomModel } from "./random-model.ts";

/** The results of training: the losses, and at the end all parameters, buffers and states of the optimizer. */
export interface Outcome {
  readonly text: string;
  readonly kinds: readonly string[];
  readonly values: ReadonlyMap<string, ArrayLike<number>>;
}

export interface Setting {
  /** "none" trains interactively, operation by operation. */
  readonly backend: BackendName | "none";
  readonly threads?: number;
  readonly deterministic?: boolean;
  readonly strategy?: string;
  /** The relative size of random changes of every parameter before training. */
  readonly disturbed?: { readonly by: number; readonly seed: number };
}

export async function trainRandom(spec: ModelSpec, { disturbed, ...setting }: Setting): Promise<Outcome> {
  const made = makeModel(spec);
  const { model, optimizer, schedule, batches, changes, kinds } = made;
  const parameters = model.parameters();
  if (disturbed !== undefined) await disturb(parameters, disturbed);
  const { backend, ...options } = setting;
  const trainer = backend === "none" ? interactive(made) : await compiled(made, { ...options, backend });
  const losses: number[] = [];
  for (const [step, batch] of batches.entries()) {
    for (const change of changes)
      if (change.step === step) parameters[change.parameter].requiresGrad = change.requiresGrad;
    const value = await trainer.step(...batch);
    losses.push(value);
    schedule.step(value);
  }
  const values = new Map<string, ArrayLike<number>>([["losses", losses]]);
  for (const [name, value] of Object.entries(model.stateDict())) values.set(name, await value.data());
  for (const [k, parameter] of parameters.entries()) {
    for (const [name, state] of Object.entries(optimizer.stateOf(parameter))) {
      values.set(`${name} of parameter ${k}`, await state.data());
    }
  }
  await trainer.dispose();
  return { text: `${model}\n${optimizer.constructor.name}`, values, kinds };
}

/** Makes training steps. */
interface Steps {
  step(...batch: Tensor[]): Promise<number>;
  dispose(): Promise<void>;
}

const compiled = (
  { model, loss, optimizer, inputs, targets }: RandomModel,
  options: Pick<CommonOptions, "backend" | "threads" | "deterministic" | "strategy">,
): Promise<Steps> =>
  compileTraining(model, {
    inputs: inputs.map(typeOf),
    targets: targets.map(typeOf),
    loss,
    optimizer,
    ...options,
  });

const interactive = ({ model, loss, optimizer, inputs }: RandomModel): Steps => ({
  async step(...batch) {
    for (const parameter of model.parameters()) parameter.grad = null;
    const outputs = model.forward(...batch.slice(0, inputs.length));
    const value = loss.forward(...outputs, ...batch.slice(inputs.length));
    value.backward();
    optimizer.step();
    return value.item();
  },
  async dispose() {},
});

const typeOf = ({ shape, dtype }: Tensor) => ({ shape, dtype });

async function disturb(
  parameters: readonly Tensor[],
  { by, seed }: NonNullable<Setting["disturbed"]>,
): Promise<void> {
  let state = seed;
  for (const parameter of parameters) {
    const data = await parameter.data();
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      data[i] *= 1 + by * (state / 2 ** 31 - 1);
    }
    noGrad(() => parameter.copy_(tensor(data, { shape: parameter.shape })));
  }
}

/**
 * Relative to the largest value of each tensor. About twenty roundings of 6e-8 happen between two stores; normalisation
 * divides by a deviation that may be a hundredth of the values, which multiplies the error as much.
 */
const TOLERANCE = 2e-4;
/** Values smaller than this among numbers near 1 are only rounding: a sum that cancels. */
const NOISE = 1e-5;

const largestOf = (numbers: ArrayLike<number>): number =>
  Array.from(numbers).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The first number whose difference rounding does not explain. */
export function differenceBetween(actual: Outcome, expected: Outcome): string | undefined {
  for (const [name, numbers] of expected.values) {
    const own = actual.values.get(name);
    if (own === undefined) return `there is no ${name} in\n${expected.text}`;
    const largest = largestOf(numbers);
    for (let i = 0; i < numbers.length; i++) {
      if (!(Math.abs(own[i] - numbers[i]) <= TOLERANCE * largest + NOISE)) {
        return `${name}[${i}] is ${own[i]}, not ${numbers[i]} (largest ${largest}) in\n${expected.text}`;
      }
    }
  }
  return undefined;
}

/**
 * Whether rounding alone may change the results as much: disturbing every parameter by a rounding or two changes them
 * by a hundredth of the tolerance or more, as values near a kink fall to the other side or differences cancel.
 */
export async function isIllConditioned(spec: ModelSpec): Promise<boolean> {
  const { values } = await trainRandom(spec, { backend: "interpret" });
  for (const seed of [1, 2, 3, 4]) {
    const other = await trainRandom(spec, { backend: "interpret", disturbed: { by: 3e-7, seed } });
    for (const [name, numbers] of values) {
      const moved = other.values.get(name)!;
      const bound = (TOLERANCE * largestOf(numbers) + NOISE) / 30;
      for (let i = 0; i < numbers.length; i++) if (!(Math.abs(moved[i] - numbers[i]) <= bound)) return true;
    }
  }
  return false;
}
