/**
 * Version: the numbers of a tensor at one time, which never change. Operations read versions; an in-place operation
 * gives its tensor a new one, so that operations on the old numbers, pending ones included, keep them.
 */

import type { DType, TypedArray } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import type { Shape } from "../core/shape.ts";
import type { Attrs, NodeType } from "../ir/types.ts";
import { currentEvaluator } from "./context.ts";
import type { Storage } from "./storage.ts";

/** How a version's numbers follow from those of others. */
export interface Operation {
  readonly op: string;
  readonly inputs: readonly Version[];
  readonly attrs: Attrs;
  /** The operation's place in the user's program, in case it fails when it is computed. */
  readonly origins?: readonly Origin[];
}

export class Version {
  readonly kind = "version";
  readonly type: NodeType;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Whether to store the numbers when something else is computed from them: parameters and gradients live on. */
  isSaved = false;
  /** The number of operations that read this version, and of further tensors that refer to it. */
  uses = 0;
  private known: Storage | undefined;
  private pending: Promise<Storage> | undefined;
  private recipe: Operation | undefined;

  private constructor(type: NodeType, known: Storage | undefined, recipe: Operation | undefined) {
    this.type = type;
    this.shape = type.shape;
    this.dtype = type.dtype;
    this.known = known;
    this.recipe = recipe;
  }

  /** A version whose numbers are there. */
  static of(type: NodeType, storage: Storage): Version {
    return new Version(type, storage, undefined);
  }

  /** A version that is still to be computed; for an op with several results it represents all of them. */
  static from(type: NodeType, operation: Operation): Version {
    for (const input of operation.inputs) input.uses++;
    return new Version(type, undefined, operation);
  }

  /** This version, for another tensor as well. */
  shared(): Version {
    this.uses++;
    return this;
  }

  get isUsed(): boolean {
    return this.uses > 0;
  }

  /** Where the numbers are, once they exist. */
  get storage(): Storage | undefined {
    return this.known;
  }

  /** What is to be computed, until that has begun. */
  get operation(): Operation | undefined {
    return this.recipe;
  }

  /** Says that the numbers are being computed. When that fails, they can be asked for again. */
  settle(numbers: Promise<Storage>): void {
    const recipe = this.recipe;
    this.recipe = undefined;
    this.pending = numbers;
    numbers.then(
      (storage) => {
        this.known = storage;
        this.pending = undefined;
      },
      () => {
        this.recipe = recipe;
        this.pending = undefined;
      },
    );
  }

  /** Another place that holds the same numbers. */
  moveTo(storage: Storage): void {
    this.known = storage;
  }

  /** The numbers themselves, not a copy; computed if they have not been. */
  async read(): Promise<TypedArray> {
    if (this.recipe !== undefined) {
      const evaluator = currentEvaluator();
      invariant(evaluator !== undefined, "an evaluator is injected by src/compile.ts");
      // A failure is reported to whatever waits for the numbers below.
      evaluator.compute([this]).catch(() => undefined);
    }
    return (this.known ?? (await this.pending!)).read();
  }
}
