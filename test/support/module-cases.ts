/**
 * Runs Kiln's counterparts of the modules, losses and functions that test/fixtures/module_cases.py ran in PyTorch:
 * printed text, output, gradients of inputs and parameters, and the state after three compiled training steps.
 */

import { readFileSync } from "node:fs";
import { compile, compileTraining, nn, optim, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";
import type { BackendName } from "../../backends/registry.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import type { TensorType } from "../../src/ir/types.ts";
import { isHere } from "../backends/c/toolchain.ts";
import { isWhole, oneIn, SEED } from "./extent.ts";
import { generate, labels, sizeOf } from "./fixtures.ts";

type Twin = nn.Module | ((...inputs: Tensor[]) => Tensor);

interface InputSpec {
  readonly draw: "any" | "fixed" | "unit" | "classes" | "signs";
  readonly shape: readonly number[];
  readonly scale?: number;
  readonly below?: number;
}

interface Stored {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  /** PyTorch's own rounding error: the largest difference of its float32 result from its float64 one. */
  readonly error: number;
}

interface ModuleCase {
  readonly name: string;
  readonly text: string | null;
  readonly training: boolean;
  readonly inputs: readonly InputSpec[];
  readonly initial: Readonly<Record<string, readonly number[]>>;
  readonly output: Stored;
  readonly gradients: Readonly<Record<string, Stored>>;
  readonly after: Readonly<Record<string, Stored>>;
}

const STEPS = 3;
const LR = 0.05;
const BACKENDS = ["interpret", "js"] as const;

/**
 * One case in so many, others for another seed, is also compiled by the system's compiler; long runs take all of them.
 */
const SHARE_IN_C = process.env.KILN_LONG_RUNS === undefined ? 30 : 1;

/**
 * Declares the tests of `test/fixtures/FILE.json`; `twins` makes each case's module or function by name. Cases that
 * consist of ops that are compared on all backends elsewhere need not run on several.
 */
export function testModuleCases(
  file: string,
  twins: Readonly<Record<string, () => Twin>>,
  backends: readonly BackendName[] = BACKENDS,
): void {
  const url = new URL(`../fixtures/${file}.json`, import.meta.url);
  const { cases } = JSON.parse(readFileSync(url, "utf8")) as { readonly cases: readonly ModuleCase[] };

  it(`${file}: every case of the fixture has a twin`, () => {
    expect(Object.keys(twins).sort()).toEqual(cases.map(({ name }) => name).sort());
  });

  describe.each(oneIn(3, cases))(`${file}: $name`, (fixture) => {
    const { name, text } = fixture;
    if (text !== null) it("prints as PyTorch does", () => expect(String(twins[name]())).toBe(text));
    // One of them in turn, or all.
    const here = isWhole ? backends : [backends[(cases.indexOf(fixture) + SEED) % backends.length]];
    const isInC = isHere && (cases.indexOf(fixture) + SEED) % SHARE_IN_C === 0;
    it.each(isInC ? ([...here, "c"] as const) : here)(
      "computes what PyTorch computes, on %s",
      async (backend) => {
        await compareWithPyTorch(file, fixture, twins[name](), backend);
      },
    );
  });
}

async function compareWithPyTorch(
  file: string,
  fixture: ModuleCase,
  twin: Twin,
  backend: BackendName,
): Promise<void> {
  const prefix = `${file}/${fixture.name}`;
  const inputs = fixture.inputs.map((spec, k) => drawInput(`${prefix}/input/${k}`, spec));
  const probe = new Probe(twin, inputs);
  if (typeof twin !== "function") await twin.loadStateDict(initialState(prefix, fixture), { strict: false });
  const fed = probe.fed();
  const specs = fed.map(({ shape, dtype }) => ({ shape, dtype }));

  const mode = fixture.training ? "train" : "eval";
  const program = await compile(probe, { inputs: specs, backend, mode });
  const before = await states(probe);
  const output = await program.run(...fed);
  expectClose("output", fixture.output, await (output as Tensor).data(), (output as Tensor).shape);
  await restore(probe, before);
  if (Object.keys(fixture.gradients).length === 0) return;

  const optimizer = new optim.SGD(probe.parameters(), { lr: LR });
  const trainer = await compileTraining(probe, {
    inputs: specs,
    loss: new WeightedSum(),
    optimizer,
    backend,
  });
  const cotangent = tensor(generate(`${prefix}/cotangent`, sizeOf(fixture.output.shape)), {
    shape: fixture.output.shape,
  });
  const { gradients } = await trainer.gradients(...fed, cotangent);
  const actual = new Map(Object.entries(gradients).map(([key, value]) => [fixtureKey(key), value]));
  expect([...actual.keys()].sort()).toEqual(Object.keys(fixture.gradients).sort());
  for (const [key, expected] of Object.entries(fixture.gradients)) {
    expectClose(`gradient of ${key}`, expected, await actual.get(key)!.data(), actual.get(key)!.shape);
  }
  for (let step = 0; step < STEPS; step++) await trainer.step(...fed, cotangent);
  const after = new Map(Object.entries(probe.stateDict()).map(([key, value]) => [fixtureKey(key), value]));
  for (const [key, expected] of Object.entries(fixture.after)) {
    expectClose(`${key} after ${STEPS} steps`, expected, await after.get(key)!.data(), after.get(key)!.shape);
  }
}

/** Holds the learned inputs as parameters, so that they are differentiated for and trained like weights. */
class Probe extends nn.Module {
  readonly input: Inputs;
  readonly module: nn.Module | undefined;
  readonly #call: (...inputs: Tensor[]) => Tensor;
  readonly #inputs: readonly DrawnInput[];

  constructor(twin: Twin, inputs: readonly DrawnInput[]) {
    super();
    this.input = new Inputs(inputs);
    this.module = typeof twin === "function" ? undefined : twin;
    this.#call = typeof twin === "function" ? twin : (...given) => twin.forward(...given) as Tensor;
    this.#inputs = inputs;
  }

  /** The inputs that are fed; a program needs at least one, so learned ones get zeros that are added to them. */
  fed(): Tensor[] {
    return this.#inputs.map(({ tensor: value, learned }) => (learned ? zeros(value.shape) : value));
  }

  forward(...fed: Tensor[]): Tensor {
    return this.#call(...fed.map((x, k) => (this.#inputs[k].learned ? this.input.parameter(k).add(x) : x)));
  }
}

/** The learned inputs named `0`, `1`, …, as parameters of a module. */
class Inputs extends nn.Module {
  constructor(inputs: readonly DrawnInput[]) {
    super();
    for (const [k, { tensor: value, learned }] of inputs.entries()) {
      if (learned) Reflect.set(this, String(k), new nn.Parameter(value));
    }
  }

  parameter(k: number): nn.Parameter {
    return Reflect.get(this, String(k)) as nn.Parameter;
  }

  forward(): Tensor {
    throw new Error("holds parameters alone");
  }
}

/** `Σ output·cotangent`, so that the cotangent arrives at the output. */
class WeightedSum extends nn.Module {
  targetType(output: TensorType): TensorType {
    return output;
  }

  forward(output: Tensor, cotangent: Tensor): Tensor {
    return output.mul(cotangent).sum();
  }
}

interface DrawnInput {
  readonly tensor: Tensor;
  readonly learned: boolean;
}

function drawInput(name: string, { draw, shape, scale, below }: InputSpec): DrawnInput {
  const size = sizeOf(shape);
  const learned = draw === "any" || draw === "unit";
  const of = (values: TypedArray): DrawnInput => ({ tensor: tensor(values, { shape }), learned });
  switch (draw) {
    case "any":
    case "fixed":
      return of(generate(name, size, scale));
    case "unit":
      return of(generate(name, size).map((value) => (value + 1) / 2));
    case "signs":
      return of(Float32Array.from(labels(name, size, 2), (bit) => bit * 2 - 1));
    case "classes":
      return of(labels(name, size, below));
    default:
      draw satisfies never;
      throw new Error(`no such draw: ${draw}`);
  }
}

/** Generated parameters and running statistics, as module_cases.py makes them. */
const initialState = (prefix: string, { initial }: ModuleCase): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(initial).map(([key, shape]) => {
      const values = generate(`${prefix}/${key}`, sizeOf(shape), 0.5);
      return [key, tensor(key.endsWith("running_var") ? values.map((v) => v + 1) : values, { shape })];
    }),
  );

const fixtureKey = (key: string): string => key.replace(/^module\./, "");

const states = async (module: nn.Module): Promise<Record<string, Tensor>> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(module.stateDict()).map(async ([key, value]) => [
        key,
        tensor(await value.data(), { shape: value.shape, dtype: value.dtype }),
      ]),
    ),
  );

const restore = (module: nn.Module, state: Record<string, Tensor>): Promise<unknown> =>
  module.loadStateDict(state);

/**
 * Agreement within ten times PyTorch's own rounding error, plus a few units in the last place of the tensor's
 * largest value: both sides round differently ordered sums.
 */
function expectClose(
  what: string,
  expected: Stored,
  actual: ArrayLike<number>,
  shape: readonly number[],
): void {
  expect(shape, `shape of ${what}`).toEqual(expected.shape);
  const largest = expected.values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const tolerance = 10 * expected.error + 4 * largest * 2 ** -23;
  for (const [i, value] of expected.values.entries()) {
    const difference = Math.abs(actual[i] - value);
    if (!(difference <= tolerance)) {
      expect.fail(`${what}[${i}] is ${actual[i]} but PyTorch has ${value} (tolerance ${tolerance})`);
    }
  }
}
