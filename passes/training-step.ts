/** Puts the optimizer's update into the graph: loss, gradients and new parameters become one step. */

import { GraphBuilder } from "../src/ir/builder.ts";
import type { Graph, Input, Update, Value } from "../src/ir/types.ts";
import type { UpdateRule } from "../src/ir/update.ts";
import { opTable } from "../src/ops/registry.ts";
import { gradientName } from "./autodiff.ts";
import type { Pass, StageInfo } from "./pass.ts";

/** The name of an optimizer state in the store, beside the parameter it belongs to. */
export const optimizerStateName = (rule: UpdateRule, parameter: string, state: string): string =>
  `${rule.name}.${parameter}.${state}`;

export const TRAINING_STEP: StageInfo = {
  name: "training-step",
  doc: "Adds the optimizer's update of every parameter, so that forward, backward and update are one graph.",
};

/** Replaces the gradient outputs by updates of the parameters and of the optimizer's own states. */
export function trainingStep(rule: UpdateRule): Pass<Graph, Graph> {
  return {
    ...TRAINING_STEP,
    run(graph) {
      const b = GraphBuilder.from(graph, opTable);
      const scalars = Object.fromEntries(
        rule.scalars.map((name): [string, Value] => [
          name,
          b.input("scalar", name, { dtype: "float32", shape: [] }),
        ]),
      );
      const gradients = new Map(graph.outputs.map(({ name, value }) => [name, value]));
      const updates = graph.inputs.flatMap((input): Update[] => {
        const gradient = gradients.get(gradientName(input.name));
        if (input.role !== "state" || gradient === undefined) return [];
        return b.at(originsOf(graph, input), () => updatesOf(b, rule, input, gradient, scalars));
      });
      const outputs = graph.outputs.filter(({ name }) => !name.startsWith(gradientName("")));
      return b.build(graph.name, outputs, updates);
    },
  };
}

/** An update belongs to the lines that use its parameter. */
const originsOf = (graph: Graph, parameter: Input) => {
  const user = graph.nodes.find((node) => node.inputs.includes(parameter));
  return (user && graph.origins.get(user)) ?? [];
};

function updatesOf(
  b: GraphBuilder,
  rule: UpdateRule,
  parameter: Input,
  gradient: Value,
  scalars: Readonly<Record<string, Value>>,
): Update[] {
  const states = Object.fromEntries(
    Object.entries(rule.states(parameter.type)).map(([name, type]): [string, Input] => [
      name,
      b.input("state", optimizerStateName(rule, parameter.name, name), type),
    ]),
  );
  const result = rule.update(b, parameter, gradient, states, scalars);
  return [
    { target: parameter, value: result.parameter },
    ...Object.entries(result.states).map(([name, value]) => ({ target: states[name], value })),
  ];
}
