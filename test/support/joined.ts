/** Modules of several outputs as one of a single vector, as in the fixtures of recurrent and attention layers. */

import { cat, nn, Tensor } from "kiln-js";

const leaves = (tree: unknown): Tensor[] => {
  if (tree instanceof Tensor) return [tree];
  return Array.isArray(tree) ? tree.flatMap(leaves) : [];
};

export class Joined<Net extends nn.Module> extends nn.Module {
  net: Net;
  readonly #call: (net: Net, ...inputs: Tensor[]) => unknown;

  constructor(
    net: Net,
    call: (net: Net, ...inputs: Tensor[]) => unknown = (own, ...inputs) => own.forward(...inputs),
  ) {
    super();
    this.net = net;
    this.#call = call;
  }

  forward(...inputs: Tensor[]): Tensor {
    return cat(leaves(this.#call(this.net, ...inputs)).map((t) => t.flatten()));
  }
}
