/** `autograd.functional`: derivatives of functions of tensors, by composition of `grad` (torch.autograd.functional). */

import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { formatShape, sameShape, sizeOf } from "../core/shape.ts";
import { requireTensor } from "./arguments.ts";
import { ones, zeros } from "./creation.ts";
import { grad, listOf } from "./grad.ts";
import { apply } from "./operation.ts";
import { stack } from "./rearrange.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** One tensor, or several. */
export type Operands = Tensor | readonly Tensor[];

/** For one tensor one of `T`, for several a list. */
export type Each<In extends Operands, T> = In extends Tensor ? T : T[];

/** A function as these take it: of as many tensors as they are given. */
export type Differentiable<Out extends Operands> = (...inputs: Tensor[]) => Out;

/** The options of all functions here. */
export interface FunctionalOptions {
  /** Whether results have gradients with respect to the inputs. */
  readonly createGraph?: boolean;
}

const OPTIONS = { createGraph: true } satisfies OptionNames<FunctionalOptions>;

const like = <T>(given: Operands, list: readonly T[]): T | T[] =>
  Array.isArray(given) ? [...list] : list[0];

/** A call of a user's function on tensors of its own, and what it gave. */
interface Call {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly returned: Operands;
  readonly createGraph: boolean;
}

/**
 * Calls `func` on inputs that want gradients: the given ones behind `clone()`, so that nothing of the user's changes.
 */
function call(
  callee: string,
  func: Differentiable<Operands>,
  given: Operands,
  options: FunctionalOptions,
  scalar = false,
): Call {
  checkOptionNames(callee, options, OPTIONS);
  const { createGraph = false } = options;
  const tensors = listOf(given);
  for (const tensor of tensors) requireTensor(callee, tensor);
  const inputs = tensors.map((tensor) => {
    const own = createGraph && tensor.requiresGrad ? tensor.clone() : tensor.detach().clone();
    return own.requiresGrad ? own : own.requiresGrad_();
  });
  const returned = func(...inputs);
  const outputs = listOf(returned);
  for (const tensor of outputs) requireTensor(callee, tensor);
  if (scalar && (outputs.length !== 1 || outputs[0].numel() !== 1))
    throw new KilnError(
      `${callee} needs a function of one single number, and this one gives ` +
        outputs.map(({ shape }) => formatShape(shape)).join(", "),
    );
  return { inputs, outputs, returned, createGraph };
}

/** The vectors that go with `tensors`; ones for a single number where none are given. */
function vectorsFor(callee: string, tensors: readonly Tensor[], v: Operands | undefined): readonly Tensor[] {
  if (v === undefined) {
    if (tensors.length === 1 && tensors[0].numel() === 1) return [ones(...tensors[0].shape)];
    throw new KilnError(`${callee} needs a vector v, except for a single number`);
  }
  const vectors = listOf(v);
  for (const vector of vectors) requireTensor(callee, vector);
  if (vectors.length !== tensors.length || vectors.some((one, k) => !sameShape(one.shape, tensors[k].shape)))
    throw new KilnError(
      `${callee} needs v of shapes ${tensors.map(({ shape }) => formatShape(shape)).join(", ")}, and is given ` +
        vectors.map(({ shape }) => formatShape(shape)).join(", "),
    );
  return vectors;
}

/** Gradients, zeros if nothing depends on an input. */
function gradients(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  arriving: readonly (Tensor | undefined)[],
  createGraph: boolean,
): Tensor[] {
  const learned = outputs.flatMap((output, k) => (output.requiresGrad ? [k] : []));
  if (learned.length === 0) return inputs.map(({ shape }) => zeros(...shape));
  return grad(
    learned.map((k) => outputs[k]),
    inputs,
    { gradOutputs: learned.map((k) => arriving[k]), createGraph, retainGraph: true, materializeGrads: true },
  );
}

/** What `func` gives, and the product of the vector `v` with its Jacobian: `v` has the shapes of the results. */
export function vjp<In extends Operands, Out extends Operands>(
  func: Differentiable<Out>,
  inputs: In,
  v?: Operands,
  options: FunctionalOptions = {},
): [Out, Each<In, Tensor>] {
  return withOrigin(() => {
    const made = call("vjp", func, inputs, options);
    const found = gradients(made.outputs, made.inputs, vectorsFor("vjp", made.outputs, v), made.createGraph);
    return [released(made) as Out, like(inputs, found) as Each<In, Tensor>];
  });
}

/**
 * The result of `func`, and the product of its Jacobian with the vector `v`, which has the shapes of the inputs:
 * computed as the gradient of a vector–Jacobian product with respect to its vector.
 */
export function jvp<In extends Operands, Out extends Operands>(
  func: Differentiable<Out>,
  inputs: In,
  v?: Operands,
  options: FunctionalOptions = {},
): [Out, Each<Out, Tensor>] {
  return withOrigin(() => {
    const made = call("jvp", func, inputs, options);
    const vectors = vectorsFor("jvp", made.inputs, v);
    const found = forward(made, made.outputs, vectors);
    return [released(made) as Out, like(made.returned, found) as Each<Out, Tensor>];
  });
}

/** The Jacobian of `outputs` times `vectors`. */
function forward(
  { inputs, createGraph }: Call,
  outputs: readonly Tensor[],
  vectors: readonly Tensor[],
): Tensor[] {
  const weights = outputs.map(({ shape }) => zeros(...shape).requiresGrad_());
  return gradients(gradients(outputs, inputs, weights, true), weights, vectors, createGraph);
}

/** What `func`, which gives a single number, gives, and the product of its Hessian with the vector `v`. */
export function hvp<In extends Operands>(
  func: Differentiable<Tensor>,
  inputs: In,
  v?: Operands,
  options: FunctionalOptions = {},
): [Tensor, Each<In, Tensor>] {
  return withOrigin(() => hessianProduct("hvp", func, inputs, v, options));
}

/**
 * What `func`, which gives a single number, gives, and the product of the vector `v` with its Hessian, which is
 * symmetric.
 */
export function vhp<In extends Operands>(
  func: Differentiable<Tensor>,
  inputs: In,
  v?: Operands,
  options: FunctionalOptions = {},
): [Tensor, Each<In, Tensor>] {
  return withOrigin(() => hessianProduct("vhp", func, inputs, v, options));
}

function hessianProduct<In extends Operands>(
  callee: string,
  func: Differentiable<Tensor>,
  inputs: In,
  v: Operands | undefined,
  options: FunctionalOptions,
): [Tensor, Each<In, Tensor>] {
  const made = call(callee, func, inputs, options, true);
  const vectors = vectorsFor(callee, made.inputs, v);
  const slopes = gradients(made.outputs, made.inputs, [undefined], true);
  const found = gradients(slopes, made.inputs, vectors, made.createGraph);
  return [released(made) as Tensor, like(inputs, found) as Each<In, Tensor>];
}

/**
 * The Jacobian of `func`, row by row: for each result and each input a tensor of the shape of the result, then that of
 * the input. A list for several inputs, of lists for several results.
 */
export function jacobian<In extends Operands, Out extends Operands>(
  func: Differentiable<Out>,
  inputs: In,
  options: FunctionalOptions = {},
): Each<Out, Each<In, Tensor>> {
  return withOrigin(() => {
    const made = call("jacobian", func, inputs, options);
    const rows = made.outputs.map((output) => like(inputs, rowsOf(output, made.inputs, made.createGraph)));
    return like(made.returned, rows) as Each<Out, Each<In, Tensor>>;
  });
}

/** The Hessian of `func`, which gives a single number: for each pair of inputs a tensor of both shapes. */
export function hessian<In extends Operands>(
  func: Differentiable<Tensor>,
  inputs: In,
  options: FunctionalOptions = {},
): Each<In, Each<In, Tensor>> {
  return withOrigin(() => {
    const made = call("hessian", func, inputs, options, true);
    const slopes = gradients(made.outputs, made.inputs, [undefined], true);
    const rows = slopes.map((slope) => like(inputs, rowsOf(slope, made.inputs, made.createGraph)));
    return like(inputs, rows) as Each<In, Each<In, Tensor>>;
  });
}

/** For each input the gradients of all elements of `output`, in the shape of both. */
function rowsOf(output: Tensor, inputs: readonly Tensor[], createGraph: boolean): Tensor[] {
  const count = sizeOf(output.shape);
  if (count === 0) return inputs.map(({ shape }) => zeros(...output.shape, ...shape));
  const flat = output.reshape(count);
  const rows = Array.from({ length: count }, (_, k) =>
    gradients([element(flat, k)], inputs, [undefined], createGraph),
  );
  return inputs.map(({ shape }, n) => stack(rows.map((row) => row[n])).reshape(...output.shape, ...shape));
}

const element = (list: Tensor, k: number): Tensor =>
  apply("slice", [list], { starts: [k], stops: [k + 1], steps: [1] });

/** The result of a user's function, for the user: with its history if wanted. */
const released = ({ returned, outputs, createGraph }: Call): Operands =>
  like(returned, createGraph ? outputs : outputs.map((output) => output.detach())) as Operands;
