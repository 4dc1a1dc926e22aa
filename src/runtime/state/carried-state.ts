/**
 * State that is passed from one run of a program to the next,
 * detached: what truncated backpropagation through time carries.
 */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { leavesOf, mapTensors, type Tensors } from "../../tensor/tensor-tree.ts";
import { typeOf } from "../../trace/mistakes.ts";
import { tensorsIn } from "../../trace/returned.ts";
import { type ModelState, settled } from "./model-state.ts";

export class CarriedState<State = unknown> {
  /** The state for the next run. */
  readonly tensors: State;
  private readonly initial: State;

  /** Begins with the numbers that `initial` has now. Throws unless it is tensors, in lists and records. */
  static async from<State>(callee: string, initial: State): Promise<CarriedState<State>> {
    const strange = leavesOf(initial, "carried").find(({ value }) => !(value instanceof Tensor));
    const tensors = tensorsIn(initial);
    if (strange !== undefined || tensors.length === 0) {
      throw new KilnError(
        `${callee} takes as carried the state before the first run: a tensor such as zeros(1, 16, 96), or tensors in ` +
          `lists and records; ${strange?.path ?? "carried"} is ${describeValue(strange?.value ?? initial)}`,
      );
    }
    await settled(tensors);
    return new CarriedState(initial);
  }

  private constructor(initial: State) {
    const copied = (): State => mapTensors(initial, (tensor) => tensor.twin()) as State;
    this.initial = copied();
    this.tensors = copied();
  }

  /** The same as the trace sees it. */
  get tree(): Tensors {
    return this.tensors as Tensors;
  }

  /** Resets to the state that it began with, or to the given one, in order with the runs on `owner`. */
  async reset(owner: ModelState, given: State = this.initial): Promise<void> {
    const [wanted, found] = [typesIn(this.initial), typesIn(given)];
    if (wanted !== found)
      throw new KilnError(`resetCarried takes a state like the one that is carried, ${wanted}, not ${found}`);
    const tensors = tensorsIn(given);
    await settled(tensors);
    await owner.enqueue(async () => {
      for (const [k, tensor] of tensorsIn(this.tensors).entries()) tensor.become(tensors[k].version.shared());
    });
  }
}

/** The types of all tensors in lists and records, with their paths. */
const typesIn = (state: unknown): string =>
  leavesOf(state, "state")
    .map(({ path, value }) => `${path}: ${value instanceof Tensor ? typeOf(value) : describeValue(value)}`)
    .join(", ");

/** The carried state of a program that has one. */
export function stateOf<State>(carried: CarriedState<State> | undefined): CarriedState<State> {
  if (carried !== undefined) return carried;
  throw new KilnError("this program carries no state: it was compiled without the option carried");
}
