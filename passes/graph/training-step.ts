/** Puts the optimizer's update into the graph: loss, gradients and new parameters become one step. */

import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Input, Update, Value } from "../../src/ir/types.ts";
import { optimizerStateName, type StepUpdate, scalarName, type UpdateRule } from "../../src/ir/update.ts";
import { opTable } from "../../src/ops/registry.ts";
import type { Pass, StageInfo } from "../pass.ts";
import { gradientName } from "./autodiff.ts";
import { clipGradients } from "./clip-gradients.ts";

export const TRAINING_STEP: StageInfo = {
  name: "training-step",
  doc: "Adds the optimizer's update of every parameter, so that forward, backward and update are one graph.",
};

/** Replaces the gradient outputs by updates of the parameters and of the optimizer's own states. */
export function trainingStep({ groups, clip, origins }: StepUpdate): Pass<Graph, Graph> {
  return {
    ...TRAINING_STEP,
    run(graph) {
      const b = GraphBuilder.from(graph, opTable);
      const gradients = gradientsOf(graph);
      const linesOf = (parameter: Input) => origins?.get(parameter.name) ?? originsOf(graph, parameter);
      // If forward has set a parameter, the update starts from that value.
      const constrained = new Map(graph.updates.map(({ target, value }) => [target, value]));
      const clipped = clip === undefined ? gradients : clipGradients(b, gradients, clip, linesOf);
      const updates = groups.flatMap(({ rule, parameters }, k) => {
        const scalars = declareScalars(b, rule, k);
        return [...clipped].flatMap(([parameter, gradient]): Update[] => {
          if (parameters !== undefined && !parameters.includes(parameter.name)) return [];
          return b.at(linesOf(parameter), () =>
            updatesOf(b, rule, parameter, constrained.get(parameter) ?? parameter, gradient, scalars),
          );
        });
      });
      const updated = new Set(updates.map(({ target }) => target));
      const others = graph.updates.filter(({ target }) => !updated.has(target));
      return b.build(graph.name, withoutGradients(graph), [...others, ...updates]);
    },
  };
}

/** The gradients among the outputs of the graph, by the state they belong to. */
export function gradientsOf(graph: Graph): ReadonlyMap<Input, Value> {
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  return new Map(
    graph.inputs.flatMap((input): [Input, Value][] => {
      const gradient = outputs.get(gradientName(input.name));
      return input.role !== "state" || gradient === undefined ? [] : [[input, gradient]];
    }),
  );
}

/** The outputs of a graph except the gradients. */
export const withoutGradients = (graph: Graph): Graph["outputs"] =>
  graph.outputs.filter(({ name }) => !name.startsWith(gradientName("")));

/** The origins of an update: the lines that use its parameter. */
export const originsOf = (graph: Graph, parameter: Input) => {
  const user = graph.nodes.find((node) => node.inputs.includes(parameter));
  return (user && graph.origins.get(user)) ?? [];
};

const declareScalars = (b: GraphBuilder, rule: UpdateRule, group: number): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    rule.scalars.map((name): [string, Value] => [
      name,
      b.input("scalar", scalarName(name, group), { dtype: "float32", shape: [] }),
    ]),
  );

function updatesOf(
  b: GraphBuilder,
  rule: UpdateRule,
  parameter: Input,
  from: Value,
  gradient: Value,
  scalars: Readonly<Record<string, Value>>,
): Update[] {
  const states = Object.fromEntries(
    Object.entries(rule.states(parameter.type)).map(([name, type]): [string, Input] => [
      name,
      b.input("state", optimizerStateName(rule, parameter.name, name), type),
    ]),
  );
  const result = rule.update(b, from, gradient, states, scalars);
  return [
    { target: parameter, value: result.parameter },
    ...Object.entries(result.states).map(([name, value]) => ({ target: states[name], value })),
  ];
}
