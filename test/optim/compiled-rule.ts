/** An optimizer's update as a graph, evaluated through the references of its ops. */

import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Value } from "../../src/ir/types.ts";
import type { NdArray } from "../../src/ops/ndarray.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
import type { Optimizer } from "../../src/optim/index.ts";

/** What is done to every number, such as rounding it to float32. */
export type Round = (value: number) => number;

export class CompiledRule {
  readonly ops: readonly string[];
  readonly stateNames: readonly string[];
  private readonly results: ReadonlyMap<string, Value>;

  constructor(optimizer: Optimizer, shape: readonly number[]) {
    const [{ rule }] = optimizer.paramGroups;
    const b = new GraphBuilder(opTable);
    const type = { dtype: "float32", shape } as const;
    const parameter = b.input("state", "parameter", type);
    const gradient = b.input("input", "gradient", type);
    const states = Object.fromEntries(
      Object.entries(rule.states(type)).map(([name, state]) => [name, b.input("state", name, state)]),
    );
    const scalars = Object.fromEntries(
      rule.scalars.map((name) => [name, b.input("scalar", name, { dtype: "float32", shape: [] })]),
    );
    const update = rule.update(b, parameter, gradient, states, scalars);
    this.results = new Map([["parameter", update.parameter], ...Object.entries(update.states)]);
    this.stateNames = Object.keys(states);
    this.ops = b.build("update", []).nodes.map(({ op }) => op);
  }

  /** The new parameter and states; in double precision unless every result is rounded. */
  run(inputs: ReadonlyMap<string, NdArray>, round?: Round): Map<string, NdArray> {
    const known = new Map<Value, NdArray>();
    const evaluate = (value: Value): NdArray => {
      const found = known.get(value) ?? compute(value);
      known.set(value, found);
      return found;
    };
    const compute = (value: Value): NdArray => {
      const result =
        value.kind === "input"
          ? inputs.get(value.name)!
          : definitionOf(value.op).reference(value.inputs.map(evaluate), value.type, value.attrs);
      return round ? { ...result, data: result.data.map(round) } : result;
    };
    return new Map(Array.from(this.results, ([name, value]) => [name, evaluate(value)]));
  }
}
