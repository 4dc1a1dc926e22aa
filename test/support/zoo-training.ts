/**
 * Trains nets of the zoo as test/fixtures/zoo/training.py trained their PyTorch counterparts, from the same numbers,
 * and compares state dicts, losses and the final parameters and buffers. The head of that file says how to add a net.
 */

import { compileTraining, type nn, type optim, type Tensor, tensor } from "kiln-js";
import { expect } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { generate, labels, readFixture, sizeOf } from "./fixtures.ts";

/** One tensor of a batch, as training.py describes it. */
type Drawn = { readonly shape: readonly number[] } & (
  | { readonly draw: "any"; readonly scale: number }
  | { readonly draw: "unit" | "flags" }
  | { readonly draw: "classes"; readonly below: number; readonly least: number }
  | {
      readonly draw: "given";
      readonly dtype: "float32" | "int32" | "bool";
      readonly values: readonly (number | boolean)[];
    }
);

/** A parameter or buffer after the last step. */
interface StoredState {
  readonly key: string;
  readonly shape: readonly number[];
  /** Added to the generated numbers before the first step, and their scale; null if the constructor's are kept. */
  readonly initial: readonly [offset: number, scale: number] | null;
  /** The largest absolute value. */
  readonly largest: number;
  readonly norm: number;
  /** The largest difference of PyTorch's float32 from its float64. */
  readonly error: number;
  /** `values[i]` is at the flat index `i * stride`. */
  readonly stride: number;
  readonly values: readonly number[];
}

interface ZooFixture {
  readonly batch: readonly Drawn[];
  readonly losses: readonly number[];
  /** The difference of the losses from PyTorch's in float64, as a fraction. */
  readonly lossError: number;
  readonly state: readonly StoredState[];
}

/** Trains one step for each batch, and returns all losses in order. */
export type ZooTraining = (
  net: nn.Module,
  batches: readonly Tensor[][],
  backend: BackendName,
) => Promise<number[]>;

/** A net and its training, as in the fixture. */
export interface ZooCase {
  readonly net: () => nn.Module;
  readonly train: ZooTraining;
}

/** One compiled step with one loss, which gets the last `targets` tensors of a batch. */
export function supervised(
  loss: nn.Module,
  optimizer: (parameters: readonly nn.Parameter[]) => optim.Optimizer,
  targets = 1,
): ZooTraining {
  return async (net, batches, backend) => {
    const types = batches[0].map(({ shape, dtype }) => ({ shape, dtype }));
    const trainer = await compileTraining(net, {
      inputs: types.slice(0, types.length - targets),
      targets: types.slice(types.length - targets),
      loss,
      optimizer: optimizer([...net.parameters()]),
      backend,
    });
    const losses: number[] = [];
    for (const batch of batches) losses.push(await trainer.step(...batch));
    return losses;
  };
}

const STEPS = 3;

/**
 * The allowed error of Kiln as a multiple of PyTorch's float32 error: both round sums in other orders. Four units in
 * the last place are added, because a small tensor may be exact by luck.
 */
const TIMES_PYTORCH = 10;
const ROUNDING = 4 * 2 ** -23;

/** The same for a loss, which is one number, and so more often exact by luck. */
const LOSS_ROUNDING = 16 * 2 ** -23;

/** Trains a net on a backend and compares it with test/fixtures/zoo/NAME.json. */
export async function compareWithPyTorch(name: string, { net: make, train }: ZooCase, backend: BackendName) {
  const fixture = readFixture<ZooFixture>(`zoo/${name}.json`);
  const net = make();
  const shapes = Object.entries(net.stateDict()).map(([key, { shape }]) => [key, [...shape]]);
  expect(shapes, "the state dict's keys and shapes").toEqual(
    fixture.state.map(({ key, shape }) => [key, shape]),
  );
  await net.loadStateDict(initialState(name, fixture), { strict: false });
  const batches = Array.from({ length: STEPS }, (_, step) =>
    fixture.batch.map((spec, k) => drawn(`zoo/${name}/${step}/${k}`, spec)),
  );
  const losses = await train(net, batches, backend);
  expect(losses.length, "losses").toBe(fixture.losses.length);
  for (const [k, expected] of fixture.losses.entries()) {
    const allowed = Math.abs(expected) * (TIMES_PYTORCH * fixture.lossError + LOSS_ROUNDING);
    expect.soft(Math.abs(losses[k] - expected), `difference of loss ${k}`).toBeLessThanOrEqual(allowed);
  }
  const state = net.stateDict();
  for (const expected of fixture.state) expectClose(expected, await state[expected.key].data());
}

function expectClose(expected: StoredState, actual: ArrayLike<number>): void {
  const { key, largest, norm, error, stride, values } = expected;
  const allowed = TIMES_PYTORCH * error + ROUNDING * largest;
  for (const [i, value] of values.entries()) {
    const difference = Math.abs(actual[i * stride] - value);
    expect.soft(difference, `difference of ${key}[${i * stride}]`).toBeLessThanOrEqual(allowed);
  }
  // The norm covers what is not sampled: if each value has the allowed error, its error is √n times as much.
  let squares = 0;
  for (let i = 0; i < actual.length; i++) squares += actual[i] * actual[i];
  const difference = Math.abs(Math.sqrt(squares) - norm);
  const allowedNorm = allowed * Math.sqrt(actual.length);
  expect.soft(difference, `difference of the norm of ${key}`).toBeLessThanOrEqual(allowedNorm);
}

const initialState = (name: string, { state }: ZooFixture): Record<string, Tensor> =>
  Object.fromEntries(
    state.flatMap(({ key, shape, initial }) => {
      if (initial === null) return [];
      const [offset, scale] = initial;
      const values = generate(`zoo/${name}/${key}`, sizeOf(shape), scale).map((value) => value + offset);
      return [[key, tensor(values, { shape })]];
    }),
  );

function drawn(name: string, spec: Drawn): Tensor {
  const { shape } = spec;
  const size = sizeOf(shape);
  const of = (values: TypedArray | (number | boolean)[]): Tensor => tensor(values, { shape });
  switch (spec.draw) {
    case "any":
      return of(generate(name, size, spec.scale));
    case "unit":
      return of(generate(name, size).map((value) => (value + 1) / 2));
    case "classes":
      return of(labels(name, size, spec.below - spec.least).map((value) => value + spec.least));
    case "flags":
      return of(Array.from(labels(name, size, 2), (bit) => bit === 1));
    case "given":
      return tensor([...spec.values], { shape, dtype: spec.dtype });
    default:
      spec satisfies never;
      throw new Error("no such draw");
  }
}
