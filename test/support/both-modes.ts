/** Runs a random program in both modes and compares all results. */

import { compile, compileTraining, KilnError, optim, type Tensor } from "kiln-js";
import type { BackendName } from "../../backends/registry.ts";
import { batchesOf, type ProgramSpec, RandomLoss, RandomProgram } from "./random-program.ts";

/** All numbers that a program has produced, by name. */
type Outcome = ReadonlyMap<string, ArrayLike<number>>;

const LR = 0.125;

/** Separate inputs for each run, since forward may change them. */
const fresh = (batch: readonly Tensor[]): Tensor[] => batch.map((t) => t.clone());

async function stateOf(model: RandomProgram, step: number): Promise<[string, ArrayLike<number>][]> {
  const named = Object.entries(model.stateDict()).map(([name, t]): [string, Tensor] => [
    `${name} after ${step}`,
    t,
  ]);
  return Promise.all(
    named.map(async ([name, t]): Promise<[string, ArrayLike<number>]> => [name, await t.data()]),
  );
}

/** Only forward, repeatedly: outputs and buffers. */
async function forwards(spec: ProgramSpec, backend: BackendName | undefined): Promise<Outcome> {
  const model = new RandomProgram(spec);
  const found = new Map<string, ArrayLike<number>>();
  const program =
    backend === undefined
      ? undefined
      : await compile(model, { inputs: Array.from({ length: spec.inputs }, () => [2, 3]), backend });
  for (const [step, batch] of batchesOf(spec).entries()) {
    const inputs = fresh(batch.slice(0, -1));
    const given: Tensor | Tensor[] =
      program === undefined ? model.forward(...inputs) : await program.run(...inputs);
    for (const [k, output] of [given].flat().entries())
      found.set(`output ${k} of ${step}`, await output.data());
    for (const [name, data] of await stateOf(model, step)) found.set(name, data);
  }
  await program?.dispose();
  return found;
}

/** Training: losses, gradients, parameters and buffers. */
export async function training(spec: ProgramSpec, backend: BackendName | undefined): Promise<Outcome> {
  const model = new RandomProgram(spec);
  const loss = new RandomLoss(model, spec.anchored);
  const optimizer = new optim.SGD(model.parameters(), { lr: LR });
  const found = new Map<string, ArrayLike<number>>();
  if (backend === undefined) {
    for (const [step, batch] of batchesOf(spec).entries()) {
      for (const parameter of model.parameters()) parameter.grad = null;
      const tensors = fresh(batch);
      const value = loss.forward(...model.forward(...tensors.slice(0, -1)), tensors[tensors.length - 1]);
      value.backward();
      found.set(`loss of ${step}`, [await value.item()]);
      for (const [name, { grad }] of model.namedParameters())
        if (grad !== null) found.set(`grad of ${name} in ${step}`, await grad.data());
      optimizer.step();
      for (const [name, data] of await stateOf(model, step)) found.set(name, data);
    }
    return found;
  }
  const trainer = await compileTraining(model, {
    inputs: Array.from({ length: spec.inputs }, () => [2, 3]),
    targets: [[3]],
    loss,
    optimizer,
    backend,
  });
  for (const [step, batch] of batchesOf(spec).entries()) {
    const { loss: before, gradients } = await trainer.gradients(...fresh(batch));
    for (const [name, gradient] of Object.entries(gradients))
      found.set(`grad of ${name} in ${step}`, await gradient.data());
    const value = await trainer.step(...fresh(batch));
    found.set(`loss of ${step}`, [value]);
    found.set(`loss of ${step} with gradients`, [before]);
    for (const [name, data] of await stateOf(model, step)) found.set(name, data);
  }
  await trainer.dispose();
  return found;
}

/** About thirty roundings of 6e-8, on numbers that products of three may have made ten times as large. */
const TOLERANCE = 2e-5;

export function requireEqual(actual: Outcome, expected: Outcome, where: string): void {
  for (const name of new Set([...actual.keys(), ...expected.keys()])) {
    // A parameter without a gradient has none in one mode, and zeros in the other.
    const length = (actual.get(name) ?? expected.get(name)!).length;
    const [own, right] = [actual, expected].map(
      (outcome) =>
        outcome.get(name) ??
        outcome.get(name.replace(" with gradients", "")) ??
        new Array<number>(length).fill(0),
    );
    for (let i = 0; i < length; i++) {
      const most = TOLERANCE * (1 + Math.abs(right[i]));
      if (!(Math.abs(own[i] - right[i]) <= most))
        throw new Error(`${where}: ${name}[${i}] is ${own[i]}, not ${right[i]}`);
    }
  }
}

type Mode = (spec: ProgramSpec, backend: BackendName | undefined) => Promise<Outcome>;

/** The results of a mode, or its error if it rejects the program. */
const outcomeOf = (
  mode: Mode,
  spec: ProgramSpec,
  backend: BackendName | undefined,
): Promise<Outcome | KilnError> =>
  mode(spec, backend).catch((error: unknown) => {
    if (error instanceof KilnError) return error;
    throw error;
  });

/** The backend on which each mode of a program is compared with its interactive self. */
export interface Backends {
  readonly forwards: readonly BackendName[];
  readonly training: readonly BackendName[];
}

/**
 * Runs forward alone and training in both modes; throws at the
 * first difference. Returns how often both reject the program.
 */
export async function compareModes(spec: ProgramSpec, backends: Backends): Promise<number> {
  let refused = 0;
  for (const mode of [forwards, training]) {
    const expected = await outcomeOf(mode, spec, undefined);
    for (const backend of backends[mode === forwards ? "forwards" : "training"]) {
      const actual = await outcomeOf(mode, spec, backend);
      const where = `${mode.name} on ${backend}`;
      if (actual instanceof KilnError && expected instanceof KilnError) refused++;
      else if (actual instanceof KilnError) throw new Error(`${where}: refused compiled alone: ${actual}`);
      else if (!(expected instanceof KilnError)) requireEqual(actual, expected, where);
      // A program that is rejected because of gradients is not rejected without them.
      else if (mode === training) throw new Error(`${where}: refused interactively alone: ${expected}`);
    }
  }
  return refused;
}
