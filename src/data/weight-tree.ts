/** Draws from weights that may change between draws, in a time that grows with the logarithm of their number. */

/**
 * A binary tree over weights in which every inner node holds the sum of its two children. If a weight changes, the sums
 * above it are recomputed, so that they never drift, and a weight of 0 is never found.
 */
export class WeightTree {
  /** Node 1 is the root, nodes `2k` and `2k + 1` are the children of node `k`, and the leaves come last. */
  readonly #sums: Float64Array;
  readonly #leaves: number;

  constructor(weights: readonly number[]) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, weights.length)));
    this.#sums = new Float64Array(2 * this.#leaves);
    this.#sums.set(weights, this.#leaves);
    for (let node = this.#leaves - 1; node >= 1; node--) this.#add(node);
  }

  /** Which weight a position from 0 up to 1 falls on, the weights lying side by side; some must be above 0. */
  find(position: number): number {
    const sums = this.#sums;
    let rest = position * sums[1];
    let node = 1;
    while (node < this.#leaves) {
      const left = 2 * node;
      // Rounding may put the rest at the very end of the subtree.
      const goesLeft = rest < sums[left] || sums[left + 1] === 0;
      if (!goesLeft) rest -= sums[left];
      node = goesLeft ? left : left + 1;
    }
    return node - this.#leaves;
  }

  /** Changes one weight. */
  set(index: number, weight: number): void {
    let node = this.#leaves + index;
    this.#sums[node] = weight;
    for (node >>= 1; node >= 1; node >>= 1) this.#add(node);
  }

  #add(node: number): void {
    this.#sums[node] = this.#sums[2 * node] + this.#sums[2 * node + 1];
  }
}
