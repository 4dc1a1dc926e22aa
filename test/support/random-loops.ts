/**
 * Random graphs with loops, nested ones too: several carried values that swap, elements, values that iterations
 * share, results that are not read.
 */

import * as fc from "fast-check";
import { sameShape } from "../../src/core/shape.ts";
import type { Graph, Input, Value } from "../../src/ir/types.ts";
import { lossOf, Maker, OPS, type RandomGraph, type Step, shown, wholeNumbers } from "./random-graph.ts";

/** A step that may be a loop, which has steps of its own. */
interface LoopStep extends Step {
  readonly body: readonly LoopStep[];
}

/** Bodies have fewer steps than the graph around them: the cost of an iteration grows with each. */
function steps(depth: number, most: number): fc.Arbitrary<readonly LoopStep[]> {
  const record = (op: fc.Arbitrary<string>, body: fc.Arbitrary<readonly LoopStep[]>) =>
    fc.record({ op, a: fc.nat(63), b: fc.nat(63), c: fc.nat(63), body });
  const plain = record(fc.constantFrom(...OPS.filter((op) => op !== "mul")), fc.constant([]));
  if (depth === 0) return fc.array(plain, { minLength: 1, maxLength: most });
  const loop = record(fc.constant("scan"), steps(depth - 1, 4));
  const weights = { plain: 3, loop: depth };
  return fc.array(
    fc.oneof({ arbitrary: plain, weight: weights.plain }, { arbitrary: loop, weight: weights.loop }),
    { minLength: 1, maxLength: most },
  );
}

const SHAPES = [[], [3], [2, 3], [3, 2], [3, 4], [2, 3, 4], [3, 2, 2], [1, 2], [4]];

/** A graph with a loop among its steps. */
export const randomLoops: fc.Arbitrary<RandomGraph> = fc
  .record({
    shapes: fc.array(fc.constantFrom(...SHAPES), { minLength: 1, maxLength: 4 }),
    before: steps(0, 2),
    loop: fc.record({
      op: fc.constant("scan"),
      a: fc.nat(63),
      b: fc.nat(63),
      c: fc.nat(63),
      body: steps(1, 5),
    }),
    after: steps(2, 3),
    outputs: fc.integer({ min: 1, max: 4 }),
    seed: fc.nat(0xffff),
  })
  .map(({ shapes, before, loop, after, outputs, seed }) => {
    const maker = new LoopMaker(shapes);
    for (const step of [...before, loop, ...after]) maker.apply(step);
    const graph = maker.graph(outputs);
    return shown({ graph, values: wholeNumbers(graph, seed) });
  });

/** Such a graph whose only output is a sum over its last value. */
export const randomLoopLoss: fc.Arbitrary<RandomGraph> = randomLoops.map(lossOf);

class LoopMaker extends Maker {
  override apply(step: LoopStep): void {
    if (step.op === "scan") this.scan(step);
    else super.apply(step);
  }

  private scan({ a, b, c, body: inner }: LoopStep): void {
    const first = this.pick(a, ({ type }) => type.shape.length > 0 && type.shape[0] <= 4);
    const iterations = c % 8 === 7 ? 0 : c % 4 > 0 && first !== undefined ? first.type.shape[0] : 1 + (b % 3);
    const isStackable = ({ type }: Value): boolean => type.shape[0] === iterations;
    const some = (count: number, k: number, fits: (value: Value) => boolean): Value[] =>
      Array.from({ length: count }, (_, n) => this.pick((k + 17 * n) % 64, fits)).filter(
        (value) => value !== undefined,
      );
    const isSmall = ({ type }: Value): boolean => type.shape.length < 4;
    const carried = some(b % 3, b, isSmall);
    const stacked = some(1 + (a % 2), c, isStackable);
    const shared = some(c % 3, a, isSmall);
    if (carried.length + stacked.length + shared.length === 0) return;
    const body = new BodyMaker(this, { carried, stacked, shared });
    for (const step of inner) body.apply(step);
    const { graph, captured } = body.finish(a);
    const node = this.b.node("scan", [...carried, ...stacked, ...shared, ...captured], {
      body: graph,
      carried: carried.length,
      stacked: stacked.length,
      iterations,
      descending: b % 2 === 1,
    });
    for (const result of this.b.results(node)) this.keep(result);
  }
}

interface Operands {
  readonly carried: readonly Value[];
  readonly stacked: readonly Value[];
  readonly shared: readonly Value[];
}

/** Makes a body, whose states are those of the graph around it. */
class BodyMaker extends LoopMaker {
  private readonly outer: LoopMaker;
  private readonly carries: readonly Input[];
  private readonly captured: Value[] = [];

  constructor(outer: LoopMaker, { carried, stacked, shared }: Operands) {
    super([]);
    this.outer = outer;
    const declared = (name: string, values: readonly Value[], skipped: number): Input[] =>
      values.map(({ type: { dtype, shape } }, k) =>
        this.b.input("input", `${name}${k}`, { dtype, shape: shape.slice(skipped) }),
      );
    this.carries = declared("carry", carried, 0);
    for (const input of [...declared("x", stacked, 1), ...this.carries]) this.keep(input);
    // Inputs are in the order of the operands.
    for (const input of declared("w", shared, 0)) this.keep(input);
  }

  override state(shape: readonly number[]): Value {
    const value = this.outer.state(shape);
    this.captured.push(value);
    return this.b.input("input", `state${this.captured.length}`, { dtype: "float32", shape });
  }

  finish(k: number): { readonly graph: Graph; readonly captured: readonly Value[] } {
    const next = this.carries.map(({ type }, n): Value => {
      const fits = (value: Value): boolean => sameShape(value.type.shape, type.shape);
      return this.pick((k + 5 * n) % 64, fits)!;
    });
    const others = Array.from({ length: 1 + (k % 3) }, (_, n) => this.pick((k + 7 * n) % 64, () => true)!);
    const results = [...next, ...others].map((value, n) => ({ name: `r${n}`, value }));
    return { graph: this.b.build("body", results), captured: this.captured };
  }
}
