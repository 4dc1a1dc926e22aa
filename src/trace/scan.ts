/**
 * `scan`: a loop over the first axis of tensors that stays a loop, whose body is compiled once however long they are.
 */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { sameShape } from "../core/shape.ts";
import { describe } from "../ops/definition.ts";
import { recordWith } from "../tensor/context.ts";
import { arange } from "../tensor/creation.ts";
import { apply, resultOf } from "../tensor/operation.ts";
import { Tensor } from "../tensor/tensor.ts";
import { filled, type Leaf, leavesOf, type Tensors } from "../tensor/tensor-tree.ts";
import { withOrigin } from "../tensor/with-origin.ts";
import { BodyRecorder, type Named } from "./body.ts";

/** The options of {@link scan}. */
export interface ScanOptions {
  /**
   * Whether to go from the last elements to the first; what is stacked lies in the order of the inputs all the same.
   */
  readonly reverse?: boolean;
  /** The number of iterations, if no inputs determine it. */
  readonly length?: number;
}

const SCAN_OPTIONS = { reverse: true, length: true } satisfies OptionNames<ScanOptions>;

/** What there is in place of tensors where an iteration is given, or gives, none. */
type Nothing = null | undefined;

/**
 * Calls `fn(carry, x)` for each element `x` of `inputs` along their first axis; `fn` returns the next `carry` and the
 * output for this element, `[carry, y]`. Returns the last `carry` and all `y`, stacked along a new first axis
 * (jax.lax.scan). `carried`, `inputs` and `y` are tensors, or lists and records of them; `inputs` and `y` may be
 * `null`.
 *
 * `fn` itself runs once, on tensors without numbers, and becomes the body of a loop: 64 steps have as many kernels as
 * 4. It may use modules, parameters and other tensors from outside, to which gradients flow; it cannot change them in
 * place, and `carry` keeps its shape and dtype. Random numbers are drawn anew in each iteration.
 */
export function scan<
  Carry extends Tensors,
  Inputs extends Tensors | Nothing,
  Outputs extends Tensors | Nothing,
>(
  fn: (carry: Carry, x: Inputs) => readonly [Carry, Outputs],
  carried: Carry,
  inputs: Inputs,
  options: ScanOptions = {},
): [Carry, Outputs] {
  const {
    carries,
    sequences,
    iterations,
    reverse = false,
  } = withOrigin(() => {
    checkOptionNames("scan", options, SCAN_OPTIONS);
    if (typeof fn !== "function") throw new KilnError(`scan is given ${describeValue(fn)} as its body`);
    const sequences = placesOf(inputs, "inputs");
    return {
      carries: placesOf(carried, "carried"),
      sequences,
      iterations: lengthOf(sequences, options.length),
      reverse: options.reverse,
    };
  });
  const recorder = new BodyRecorder(iterations);
  const carry = filled(
    carried,
    carries.map(({ path, value: tensor }) =>
      recorder.element(nameOf(path, "carry"), typeOf(tensor), tensor.dtype === "float32"),
    ),
  );
  const element = filled(
    inputs,
    sequences.map(({ path, value: { dtype, shape, requiresGrad } }) =>
      recorder.element(nameOf(path, "x"), { dtype, shape: shape.slice(1) }, requiresGrad),
    ),
  );
  const { body, outputs, shape } = recordWith(recorder, () => {
    const returned: unknown = fn(carry, element);
    return withOrigin(() => {
      if (!Array.isArray(returned) || returned.length !== 2)
        throw new KilnError(
          `scan: its body must return [carry, y], two tensors or lists or records of them, not ${describeReturned(returned)}`,
        );
      const [next, y] = returned as [unknown, Outputs];
      const outputs = placesOf(y, "y");
      const results = [
        ...matched(carries, placesOf(next, "carried")).map(named("carry")),
        ...outputs.map(named("y")),
      ];
      if (results.length === 0) throw new KilnError("scan: its body carries nothing on, and gives nothing");
      return { body: recorder.finish(bodyName(fn), results), outputs: outputs.length, shape: y };
    });
  });
  const places = body.readsIteration ? [arange(iterations, { dtype: "int32" })] : [];
  const node = apply(
    "scan",
    [
      ...carries.map(({ value: tensor }) => tensor),
      ...sequences.map(({ value: tensor }) => tensor),
      ...places,
      ...body.captured,
    ],
    {
      body: body.graph,
      carried: carries.length,
      descending: reverse,
      iterations,
      stacked: sequences.length + places.length,
    },
  );
  const count = carries.length + outputs;
  const results = count === 1 ? [node] : Array.from({ length: count }, (_, k) => resultOf(node, k));
  return [filled(carried, results.slice(0, carries.length)), filled(shape, results.slice(carries.length))];
}

/** A tensor and the way to it. */
type Place = Leaf<Tensor>;

/** All tensors in order; throws if there is something else. */
function placesOf(tree: unknown, path: string): readonly Place[] {
  return leavesOf(tree, path).flatMap((leaf): readonly Place[] => {
    const { path: at, value } = leaf;
    if (value instanceof Tensor) return [{ path: at, value }];
    if ((value === null || value === undefined) && path !== "carried") return [];
    throw new KilnError(
      `scan: ${at} is ${describeValue(value)}, and must be a tensor, or a list or record of tensors`,
    );
  });
}

/** How many elements all inputs have. */
function lengthOf(sequences: readonly Place[], length: number | undefined): number {
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 0))
    throw new KilnError(`scan's length is a whole number from 0 on, not ${describeValue(length)}`);
  for (const { path, value: tensor } of sequences)
    if (tensor.ndim === 0)
      throw new KilnError(
        `scan: ${path} is ${describe(tensor)}, a single number without an axis to go along`,
      );
  const [first] = sequences;
  if (first === undefined) {
    if (length === undefined)
      throw new KilnError(
        "scan is given no inputs to go along: { length: … } says how many iterations there are",
      );
    return length;
  }
  const iterations = first.value.shape[0];
  for (const { path, value: tensor } of sequences)
    if (tensor.shape[0] !== iterations)
      throw new KilnError(
        `scan goes along the first axis of its inputs, which differ: ${first.path} is ${describe(first.value)}, ` +
          `and ${path} is ${describe(tensor)}`,
      );
  if (length !== undefined && length !== iterations)
    throw new KilnError(`scan is given a length of ${length}, and ${first.path} is ${describe(first.value)}`);
  return iterations;
}

/** The carried values that a body returns, in the order in which they came in; throws where they are others. */
function matched(carries: readonly Place[], returned: readonly Place[]): readonly Place[] {
  const next = new Map(returned.map((leaf) => [leaf.path, leaf]));
  const strange = returned.find(({ path }) => !carries.some((carry) => carry.path === path));
  if (strange !== undefined)
    throw new KilnError(`scan: its body returns ${strange.path}, and no such tensor is carried in`);
  return carries.map(({ path, value: tensor }) => {
    const leaf = next.get(path);
    if (leaf === undefined)
      throw new KilnError(`scan: ${path} is carried in, and the body does not return it`);
    if (leaf.value.dtype !== tensor.dtype || !sameShape(leaf.value.shape, tensor.shape))
      throw new KilnError(
        `scan: ${path} comes in as ${describe(tensor)} and the body returns ${describe(leaf.value)}: what is carried ` +
          "keeps its shape and dtype",
      );
    return leaf;
  });
}

const describeReturned = (value: unknown): string =>
  Array.isArray(value) ? `a list of ${value.length}` : describeValue(value);

const typeOf = ({
  dtype,
  shape,
}: Tensor): { readonly dtype: Tensor["dtype"]; readonly shape: Tensor["shape"] } => ({
  dtype,
  shape,
});

/** The name that a tensor has in the body: its key, or `wish` with its place in a list. */
const nameOf = (path: string, wish: string): string => {
  const [, ...keys] = path.replaceAll("[", ".").replaceAll("]", "").split(".");
  const name = keys.join("_").replace(/[^A-Za-z0-9_]/g, "_");
  return /^[A-Za-z]/.test(name) ? name : `${wish}${name}`;
};

const named =
  (wish: string) =>
  ({ path, value: tensor }: Place): Named => ({ name: nameOf(path, wish), tensor });

const bodyName = ({ name }: { readonly name: string }): string => {
  const plain = name.replace(/[^A-Za-z0-9_]/g, "_");
  return /^[A-Za-z]/.test(plain) ? plain : "body";
};
