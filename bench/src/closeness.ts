/**
 * Whether two peers computed the same: losses, trained parameters and outputs compared with those of the first peer.
 */

import { MODELS } from "./models.ts";
import { decodeTensor, type Proof, type Task } from "./protocol.ts";

/**
 * The difference of a peer's proof from another's. The largest over all tensors; infinite if a number is not finite.
 */
export interface Closeness {
  /** For the losses, each relative to itself; 0 for inference. */
  readonly losses: number;
  /** Largest difference over the largest value of a tensor. */
  readonly tensors: number;
  /** Largest difference over the largest change that training made to a tensor; for inference that of `tensors`. */
  readonly changes: number;
  /** The tensor that differs most, measured by `changes`. */
  readonly worst: string;
}

/**
 * Within these a peer does the same work. Float32 sums in another order differ by about 1e-6 of the values; the
 * changes of five steps are a hundredth of the parameters and smaller, so that the same difference is 1e-4 to 1e-3
 * of them, and the few gradients that a near tie in max-pooling sends to the neighbour add to that: up to 1e-2 if a
 * convolution runs by Winograd's method, whose rounding decides more of the ties (the CIFAR-10 net at batch 64; its
 * biases, to which ties make no difference, agree to 1e-3). A peer that forgets an update, has another learning rate
 * or another mean is off by 0.1 and more.
 */
export const SAME = { losses: 1e-4, tensors: 1e-4, changes: 3e-2 } as const;

/**
 * The same for the trainings of src/models.ts, where only the losses are compared: Adam moves a parameter whose
 * gradient is only rounding by a whole step, and batch norm over few samples amplifies rounding. PyTorch's own float32
 * is 3e-4 from its float64 in ResNet-18's fifth loss, and two of its memory formats are 1e-3 from each other. A peer
 * with another learning rate is off by 1e-2 and more.
 */
const SAME_LOSSES = 5e-3;

/** Whether a peer's results in a workload are those of the same work. */
export function isSame({ losses, tensors, changes }: Closeness, workload: string, task: Task): boolean {
  if (task === "training" && Object.hasOwn(MODELS, workload)) return losses <= SAME_LOSSES;
  return losses <= SAME.losses && tensors <= SAME.tensors && changes <= SAME.changes;
}

/**
 * Compares a proof with that of the first peer; `initial` are the parameters before training. Throws when the proofs
 * do not even hold the same tensors.
 */
export function closeness(
  own: Proof,
  first: Proof,
  initial: ReadonlyMap<string, ArrayLike<number>>,
): Closeness {
  const names = Object.keys(first.tensors);
  const missing = names.filter((name) => !(name in own.tensors));
  if (missing.length > 0) throw new Error(`the proof lacks ${missing.join(", ")}`);
  const compared = names.map((name) => {
    const expected = decodeTensor(first.tensors[name]);
    const actual = decodeTensor(own.tensors[name]);
    if (actual.length !== expected.length) {
      throw new Error(`${name} has ${actual.length} values, not ${expected.length}`);
    }
    const difference = largestDifference(actual, expected);
    const before = initial.get(name);
    const value = largestDifference(expected, new Float32Array(expected.length));
    const change = before === undefined ? value : largestDifference(expected, before);
    return { name, value: share(difference, value), change: share(difference, change) };
  });
  const worst = compared.reduce((most, one) => (one.change > most.change ? one : most), compared[0]);
  return {
    losses: Math.max(
      0,
      ...first.losses.map((loss, i) => share(Math.abs(own.losses[i] - loss), Math.abs(loss))),
    ),
    tensors: Math.max(...compared.map(({ value }) => value)),
    changes: worst.change,
    worst: worst.name,
  };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, difference);
  }
  return largest;
}

/** A quotient that is 0 for no difference and infinite if it is not a number. */
function share(difference: number, of: number): number {
  if (difference === 0) return 0;
  const quotient = difference / of;
  return Number.isNaN(quotient) ? Number.POSITIVE_INFINITY : quotient;
}
