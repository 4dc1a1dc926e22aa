/** The recurrences: what one time step makes of its input's product and the state before it. Layers and cells share them. */

import type { Tensor } from "../../tensor/tensor.ts";
import { tanh } from "../functional/activation.ts";
import { linear } from "../functional/linear.ts";

/** The weights of one direction of one layer. */
export interface RecurrentWeights {
  /** [gates·hidden, in] */
  readonly input: Tensor;
  /** [gates·hidden, out] */
  readonly hidden: Tensor;
  readonly inputBias: Tensor | undefined;
  readonly hiddenBias: Tensor | undefined;
  /** [out, hidden], where what goes out is smaller than the cell's state. */
  readonly projection?: Tensor | undefined;
}

/** One step: from the product of the input with its weights and the state before to the state after, what goes out first. */
export type Recurrence = (product: Tensor, state: readonly Tensor[], weights: RecurrentWeights) => Tensor[];

export type Nonlinearity = "tanh" | "relu";

const hiddenProduct = (h: Tensor, { hidden, hiddenBias }: RecurrentWeights): Tensor =>
  linear(h, hidden, hiddenBias);

/** `h' = tanh(x·Wᵢ + bᵢ + h·Wₕ + bₕ)`, or relu in place of tanh (Elman, 1990). */
export const elman =
  (nonlinearity: Nonlinearity): Recurrence =>
  (product, [h], weights) => {
    const sum = product.add(hiddenProduct(h, weights));
    return [nonlinearity === "tanh" ? tanh(sum) : sum.relu()];
  };

/** The long short-term memory: gates i, f, g, o in this order, as PyTorch keeps them (Hochreiter and Schmidhuber, 1997). */
export const lstm: Recurrence = (product, [h, c], weights) => {
  const [i, f, g, o] = product.add(hiddenProduct(h, weights)).chunk(4, -1);
  const cell = f
    .sigmoid()
    .mul(c)
    .add(i.sigmoid().mul(tanh(g)));
  const out = o.sigmoid().mul(tanh(cell));
  return [weights.projection === undefined ? out : linear(out, weights.projection), cell];
};

/** The gated recurrent unit: gates r, z, n in this order, the reset within the new gate (Cho et al., 2014). */
export const gru: Recurrence = (product, [h], weights) => {
  const [xr, xz, xn] = product.chunk(3, -1);
  const [hr, hz, hn] = hiddenProduct(h, weights).chunk(3, -1);
  const reset = xr.add(hr).sigmoid();
  const update = xz.add(hz).sigmoid();
  const fresh = tanh(xn.add(reset.mul(hn)));
  return [fresh.add(update.mul(h.sub(fresh)))];
};

/** How many gates' rows the weights of each recurrence have. */
export const GATES = { RNN: 1, LSTM: 4, GRU: 3 } as const;
