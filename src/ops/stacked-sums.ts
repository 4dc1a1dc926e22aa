/**
 * Sums over the iterations of a loop that need not be carried from one to the next: those of matrix products are one
 * longer product of what the iterations stack, computed once after all of them have run.
 */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Node, OpTable, Value } from "../ir/types.ts";
import { add, reshape } from "./algebra.ts";
import { isNodeOf } from "./definition.ts";

/** Makes a sum, given the stack of each value that it needs. */
type Total = (b: GraphBuilder, stackOf: (value: Value) => Value) => Value;

export class StackedSums {
  private readonly table: OpTable;
  private readonly iterations: number;
  private readonly changing: ReadonlySet<Value>;
  /** Values of the body that have stacks. */
  private readonly stacked = new Set<Value>();

  /** Sums over so many iterations, which differ in the values `changing`. */
  constructor(table: OpTable, iterations: number, changing: ReadonlySet<Value>) {
    this.table = table;
    this.iterations = iterations;
    this.changing = changing;
  }

  /** Records that `values` are stacked anyway. */
  add(values: readonly Value[]): void {
    for (const value of values) this.stacked.add(baseOf(value));
  }

  /** The values that have to be stacked, including those that are stacked anyway. */
  get needed(): ReadonlySet<Value> {
    return this.stacked;
  }

  /** Whether stacks of both hold the same numbers. */
  isLike(a: Value, b: Value): boolean {
    return baseOf(a) === baseOf(b);
  }

  /** How each of `values` is summed after the loop; `undefined` for those that iterations have to add up. */
  totalsOf(values: readonly Value[]): readonly (Total | undefined)[] {
    // Values that products need stacked are available to all others, too.
    for (const value of values) this.totalOf(value);
    return values.map((value) => this.totalOf(value));
  }

  private totalOf(value: Value): Total | undefined {
    if (value.kind !== "node") return undefined;
    const { op, inputs, attrs } = value;
    if (isNodeOf(value, "add") && inputs.every(({ type }) => `${type.shape}` === `${value.type.shape}`)) {
      const [x, y] = inputs.map((part) => this.totalOf(part));
      return x && y && ((b, stackOf) => add(b, x(b, stackOf), y(b, stackOf)));
    }
    if (this.table.movesData(value)) {
      const total = this.totalOf(inputs[0]);
      return total && ((b, stackOf) => b.node(op, [total(b, stackOf)], attrs));
    }
    return this.totalOfResults(value);
  }

  private totalOfResults(node: Node): Total | undefined {
    const sum = this.table.sumOverStacks(node);
    const bases = node.inputs.map(baseOf);
    const isThere = (value: Value): boolean => this.stacked.has(value);
    if (sum === undefined || !bases.every((base) => isThere(base) || this.changing.has(base)))
      return undefined;
    if (!sum.isWorthStacks && !bases.every(isThere)) return undefined;
    for (const base of bases) this.stacked.add(base);
    return (b, stackOf) =>
      sum.of(
        b,
        node.inputs.map((value, k) => {
          const stack = stackOf(bases[k]);
          return value === bases[k] ? stack : reshape(b, stack, [this.iterations, ...value.type.shape]);
        }),
      );
  }
}

/** The value that a reshape shows: stacks of both hold the same numbers. */
const baseOf = (value: Value): Value => (isNodeOf(value, "reshape") ? baseOf(value.inputs[0]) : value);
