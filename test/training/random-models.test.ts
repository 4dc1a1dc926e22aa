/** Random models from the whole catalogue: compiled training on each backend agrees with the interpreter. */

import * as fc from "fast-check";
import { compileTraining, type nn, type Tensor } from "kiln";
import { expect, test } from "vitest";
import { KINDS, type ModelSpec, makeModel, randomModel } from "../support/random-model.ts";

/** Models per backend; a night's run may ask for more, and for others: KILN_RANDOM_MODELS, KILN_RANDOM_SEED. */
const RUNS = {
  numRuns: Number(process.env.KILN_RANDOM_MODELS ?? 300),
  seed: Number(process.env.KILN_RANDOM_SEED ?? 1),
};

/** What training gave: the losses, and at the end all parameters, buffers and states of the optimizer. */
interface Outcome {
  readonly text: string;
  readonly values: ReadonlyMap<string, ArrayLike<number>>;
}

async function train(spec: ModelSpec, backend: string): Promise<Outcome & { kinds: readonly string[] }> {
  const { model, loss, optimizer, batches, kinds } = makeModel(spec);
  const [x] = batches[0];
  const inputs = [{ shape: x.shape, dtype: x.dtype }];
  const trainer = await compileTraining(model, { inputs, loss, optimizer, backend });
  const values = new Map<string, ArrayLike<number>>();
  const losses: number[] = [];
  for (const batch of batches) losses.push(await trainer.step(...batch));
  values.set("losses", losses);
  for (const [name, data] of await numbersOf(model)) values.set(name, data);
  for (const [k, parameter] of model.parameters().entries()) {
    for (const [name, state] of Object.entries(optimizer.stateOf(parameter))) {
      values.set(`${name} of parameter ${k}`, await state.data());
    }
  }
  await trainer.dispose();
  return { text: String(model), values, kinds };
}

const numbersOf = (model: nn.Module): Promise<[string, ArrayLike<number>][]> =>
  Promise.all(
    Object.entries(model.stateDict()).map(async ([name, tensor]: [string, Tensor]) => [
      name,
      await tensor.data(),
    ]),
  );

/**
 * Relative to the largest value of each tensor. Some twenty roundings of 6e-8 lie between two stores; normalisation
 * divides by a deviation that may be a hundredth of the values, which multiplies the error as much.
 */
const TOLERANCE = 2e-4;
/** What is smaller than this beside numbers near 1 is rounding alone: a sum that cancels. */
const NOISE = 1e-5;

const largestOf = (numbers: ArrayLike<number>): number =>
  Array.from(numbers).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function difference(actual: Outcome, expected: Outcome): string | undefined {
  for (const [name, numbers] of expected.values) {
    const own = actual.values.get(name)!;
    const largest = largestOf(numbers);
    for (let i = 0; i < numbers.length; i++) {
      if (!(Math.abs(own[i] - numbers[i]) <= TOLERANCE * largest + NOISE)) {
        return `${name}[${i}] is ${own[i]}, not ${numbers[i]} (largest ${largest}) in\n${expected.text}`;
      }
    }
  }
  return undefined;
}

test("every backend trains them as the interpreter does", async () => {
  const met = new Set<string>();
  await fc.assert(
    fc.asyncProperty(randomModel, async (spec) => {
      const expected = await train(spec, "interpret");
      for (const kind of expected.kinds) met.add(kind);
      for (const backend of ["js", "wasm"]) {
        const found = difference(await train(spec, backend), expected);
        if (found !== undefined) throw new Error(`on ${backend}: ${found}`);
      }
    }),
    RUNS,
  );
  if (RUNS.numRuns >= 300) expect(KINDS.filter((kind) => !met.has(kind))).toEqual([]);
}, 600_000);
