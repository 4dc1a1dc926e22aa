/**
 * The arguments of a program's calls: tensors of known types, alone or in lists and records, and options among them, which
 * are part of the program and the same in every call.
 */

import { describeValue } from "../../core/describe-value.ts";
import type { DType } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";
import type { TensorType } from "../../ir/types.ts";
import type { Labels } from "../../tensor/labels.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { fedTensor } from "./feed.ts";

/** Arguments of `forward` besides tensors; `undefined` and `null` stand for an absent tensor. */
export type InputOption = boolean | number | string | null | undefined;

/** A shape, float32 by default. */
export type TensorSpec = Shape | { readonly shape: Shape; readonly dtype?: DType };

/**
 * What an argument of `forward` is: a tensor, or tensors in a list or a record. An option (`true`, a name, `undefined` for a
 * tensor that is not there) is part of the program. A record that has a `shape` is a tensor's, a list of numbers a shape.
 */
export type InputSpec =
  | TensorSpec
  | InputOption
  | readonly InputSpec[]
  | { readonly [name: string]: InputSpec };

/** What a call gives for an argument that was described so: where whole numbers are wanted, {@link Labels}. */
export type Fed<Spec> = InputSpec extends Spec
  ? Tensor
  : Spec extends readonly number[] | { readonly shape: Shape }
    ? Spec extends { readonly dtype: "int32" }
      ? Labels
      : Tensor
    : Spec extends InputOption
      ? OptionLike<Spec> | undefined
      : { readonly [Place in keyof Spec]: Fed<Spec[Place]> };

/** The type that an option's value is one of. */
type OptionLike<Value extends InputOption> = Value extends boolean
  ? boolean
  : Value extends number
    ? number
    : Value extends string
      ? string
      : Value;

/** The position of a tensor, an option, a list or a record of these. */
export type InputTree =
  | { readonly kind: "tensor"; readonly type: TensorType }
  | { readonly kind: "option"; readonly value: InputOption }
  | { readonly kind: "list"; readonly items: readonly InputTree[] }
  | { readonly kind: "record"; readonly entries: readonly (readonly [name: string, item: InputTree])[] };

export class Signature {
  /** The types of all tensors, in order. */
  readonly types: readonly TensorType[];
  /** How many arguments there are. */
  readonly count: number;
  /** None where all arguments are tensors, which need not be looked at. */
  private readonly trees: readonly InputTree[] | undefined;

  constructor(trees: readonly InputTree[]) {
    this.types = trees.flatMap(typesIn);
    this.count = trees.length;
    this.trees = trees.every(({ kind }) => kind === "tensor") ? undefined : trees;
  }

  /** The arguments of `forward` that these tensors are part of. */
  readonly arrange = (tensors: readonly Tensor[]): readonly unknown[] => {
    if (this.trees === undefined) return tensors;
    let next = 0;
    const fill = (tree: InputTree): unknown => {
      switch (tree.kind) {
        case "tensor":
          return tensors[next++];
        case "option":
          return tree.value;
        case "list":
          return tree.items.map(fill);
        case "record":
          return Object.fromEntries(tree.entries.map(([name, item]) => [name, fill(item)]));
        default:
          return tree satisfies never;
      }
    };
    return this.trees.map(fill);
  };

  /** The tensors in the arguments of a call, and whatever follows them; throws where an argument is another than it should be. */
  flatten(given: readonly unknown[]): readonly unknown[] {
    if (this.trees === undefined) return given;
    const own = this.trees.flatMap((tree, k) => tensorsOf(tree, given[k], `input ${k}`));
    return [...own, ...given.slice(this.count)];
  }
}

const typesIn = (tree: InputTree): readonly TensorType[] => {
  switch (tree.kind) {
    case "tensor":
      return [tree.type];
    case "option":
      return [];
    case "list":
      return tree.items.flatMap(typesIn);
    case "record":
      return tree.entries.flatMap(([, item]) => typesIn(item));
    default:
      return tree satisfies never;
  }
};

function tensorsOf(tree: InputTree, given: unknown, path: string): readonly Tensor[] {
  const misfit = (wanted: string): KilnError =>
    new KilnError(`${path} must be ${wanted}, as inputs says, not ${describeValue(given)}`);
  switch (tree.kind) {
    case "tensor":
      {
        const fed = fedTensor(path, given, tree.type);
        if (fed instanceof Tensor) return [fed];
      }
      throw misfit("a tensor");
    case "option":
      if (given === undefined || Object.is(given, tree.value)) return [];
      throw new KilnError(
        `${path} is ${describeValue(given)}, but the program was compiled with ${describeValue(tree.value)} there: ` +
          "compile the model again",
      );
    case "list":
      if (!Array.isArray(given) || given.length !== tree.items.length)
        throw misfit(`a list of ${tree.items.length}`);
      return tree.items.flatMap((item, k) => tensorsOf(item, given[k], `${path}[${k}]`));
    case "record": {
      const names = tree.entries.map(([name]) => name);
      const isRecord = typeof given === "object" && given !== null && !(given instanceof Tensor);
      const stranger = isRecord ? Object.keys(given).find((name) => !names.includes(name)) : undefined;
      if (!isRecord || stranger !== undefined) throw misfit(`a record of ${names.join(", ")}`);
      const values = given as Readonly<Record<string, unknown>>;
      return tree.entries.flatMap(([name, item]) => tensorsOf(item, values[name], `${path}.${name}`));
    }
    default:
      return tree satisfies never;
  }
}
