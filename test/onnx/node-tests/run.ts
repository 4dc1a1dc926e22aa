/** Runs one of ONNX's node tests: what Kiln makes of its model, and of its numbers. */

import { KilnError } from "../../../src/core/errors.ts";
import { compile, type Tensor } from "../../../src/index.ts";
import { type Constant, tensorFrom } from "../../../src/onnx/constant.ts";
import { dtypeOf } from "../../../src/onnx/element-types.ts";
import { importOnnx, type OnnxModule } from "../../../src/onnx/index.ts";
import { decodeModel } from "../../../src/onnx/model-proto.ts";
import type { ElementType } from "../../../src/onnx/port.ts";
import { constantFrom } from "../../../src/onnx/tensor-proto.ts";
import { UnsupportedError } from "../../../src/onnx/unsupported.ts";
import { type NestedNumbers, nest } from "../../../src/tensor/storage.ts";
import type { NodeTest } from "./archive.ts";

/** The backends on which every test runs. */
export const BACKENDS = ["interpret", "js", "wasm"] as const;
export type Backend = (typeof BACKENDS)[number];

export type Outcome =
  | { readonly kind: "passed" }
  | { readonly kind: "unsupported"; readonly reason: string }
  /** The archive has no numbers of it. */
  | { readonly kind: "left out" }
  | { readonly kind: "failed"; readonly reason: string };

/** Tests of random numbers: Kiln draws its own, and their expected ones are NumPy's. */
const RANDOM = /^test_(bernoulli|dropout_random|training_dropout(?!_zero_ratio))/;

/** Kiln computes in float32 where a model has coarser floats: it is compared within two of their steps. */
const COARSE: Readonly<Partial<Record<ElementType, number>>> = { float16: 2 ** -9, bfloat16: 2 ** -6 };

/** Tests of rounding whose ties stand between float32's numbers and those of `interpret`. */
const TIES = /^test_dynamicquantizelinear(_expanded)?$/;

const unsupported = (reason: string): Outcome => ({ kind: "unsupported", reason });

/** How a test ends on a backend. */
export async function runNodeTest(test: NodeTest, backend: Backend): Promise<Outcome> {
  if (RANDOM.test(test.name)) return unsupported("the expected numbers are random ones of NumPy's");
  if (TIES.test(test.name))
    return unsupported("a number that float32 has as a tie is rounded, and in double precision is none");
  try {
    const message = await differenceIn(test, backend);
    return message === undefined ? { kind: "passed" } : { kind: "failed", reason: message };
  } catch (error) {
    if (error instanceof LeftOut) return { kind: "left out" };
    if (error instanceof UnsupportedError) return unsupported(reasonIn(error.message));
    return {
      kind: "failed",
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

class LeftOut extends Error {}

/** A message without what it says of the file and its names. */
const reasonIn = (message: string): string =>
  message
    .replace(/^model\.onnx needs (?:an operator|\d+ operators) that Kiln does not have: /, "Kiln has no ")
    .replace(/ \([^)]*\)(?=;|$)/g, "")
    .replaceAll(";", " and no")
    .replace(/^the node \S+ \((\w+)\): /, "$1: ")
    .replace(/^.* has elements of .*, which/, "elements of a type that")
    .replace(/^.* holds -?\d+,/, "a number")
    .replace(/ \(model\.onnx:\d+\)$/, "");

/** What is wrong with the outputs; `undefined` where nothing is. */
async function differenceIn(test: NodeTest, backend: Backend): Promise<string | undefined> {
  const names = decodeModel(test.model, test.name).graph!.input.map(({ name }) => name);
  // What is missing of the model is said before anything that is missing of the numbers.
  await importOnnx(test.model);
  if ([...test.inputs, ...test.outputs].some((tensor) => tensor === undefined))
    throw test.inputs.concat(test.outputs).every((tensor) => tensor === undefined)
      ? new LeftOut()
      : new UnsupportedError("its inputs or outputs are no tensors");
  const inputs = new Map(names.map((name, k) => [name, constantFrom(test.inputs[k]!, name)]));
  // A program is fed tensors that have elements.
  const empty = [...inputs].flatMap(([name, { data }]) => (data.length === 0 ? [name] : []));
  const outputs = await run(test.model, inputs, backend, empty);
  for (const [k, output] of outputs.entries()) {
    const expected = constantFrom(test.outputs[k]!, `the expected output ${k}`);
    const message = await difference(output, expected, test);
    if (message !== undefined) return `output ${k}: ${message}`;
  }
  return outputs.length === test.outputs.length ? undefined : `${outputs.length} outputs`;
}

/** Runs the model; what shapes depend on is known when it is compiled, as it is in every real model. */
async function run(
  model: Uint8Array,
  inputs: ReadonlyMap<string, Constant>,
  backend: Backend,
  known: readonly string[],
): Promise<readonly Tensor[]> {
  const constants = Object.fromEntries(known.map((name) => [name, given(inputs.get(name)!)]));
  const net: OnnxModule<Tensor | Tensor[]> = await importOnnx(model, { constants });
  const fed = [...inputs].filter(([name]) => !known.includes(name));
  const tensors = fed.map(([name, constant]) => tensorFrom(constant, name));
  try {
    const program = await compile(net, {
      inputs: tensors.map(({ shape, dtype }) => ({ shape, dtype })),
      backend,
    });
    const result = await program.run(...tensors);
    await program.dispose();
    return Array.isArray(result) ? result : [result as Tensor];
  } catch (error) {
    const needsMore = error instanceof KilnError && /needs it at compile time/.test(error.message);
    const next = needsMore ? wanted(error.message, inputs, known) : [];
    if (next.length === 0) throw error;
    return run(model, inputs, backend, [...known, ...next]);
  }
}

/** Numbers as they are, which 64 bits may need; without any, a tensor has the shape all the same. */
const given = (constant: Constant): NestedNumbers | Tensor => {
  const { data, shape } = constant;
  return data.length === 0 ? tensorFrom(constant, "an input") : nest(data, shape, 0, { at: 0 });
};

/** The input that a message asks for; where it asks for what is computed of others, all short lists of numbers. */
function wanted(
  message: string,
  inputs: ReadonlyMap<string, Constant>,
  known: readonly string[],
): readonly string[] {
  const named = /constants: \{ "([^"]+)"/.exec(message)?.[1];
  if (named !== undefined && inputs.has(named)) return [named];
  return [...inputs].flatMap(([name, { type, data }]) =>
    !known.includes(name) && data.length <= (dtypeOf(type) === "float32" ? 1 : 64) ? [name] : [],
  );
}

async function difference(
  output: Tensor,
  expected: Constant,
  { rtol: told, atol }: NodeTest,
): Promise<string | undefined> {
  const rtol = Math.max(told, COARSE[expected.type] ?? 0);
  if (output.dtype !== dtypeOf(expected.type)) return `${output.dtype}, where ${expected.type} is expected`;
  if (String(output.shape) !== String(expected.shape))
    return `the shape [${output.shape}], where [${expected.shape}] is expected`;
  const numbers = await output.data();
  const wanted = tensorFrom(expected, "the expected output").peek()!;
  const k = numbers.findIndex((number, i) => {
    if (Number.isNaN(number) || Number.isNaN(wanted[i]))
      return Number.isNaN(number) !== Number.isNaN(wanted[i]);
    return number !== wanted[i] && !(Math.abs(number - wanted[i]) <= atol + rtol * Math.abs(wanted[i]));
  });
  return k < 0 ? undefined : `${numbers[k]} at ${k}, where ${wanted[k]} is expected`;
}
