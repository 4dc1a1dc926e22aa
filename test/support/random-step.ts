/** Random steps: graphs whose states take new values, from whatever the graph computes, and losses that optimizers follow. */

import * as fc from "fast-check";
import { nn, optim, zeros } from "kiln-js";
import type { Graph, Input, Update, Value } from "../../src/ir/types.ts";
import { optimizerStateName, type StepUpdate, type UpdateRule } from "../../src/ir/update.ts";
import { type RandomGraph, randomGraph, randomLoss } from "./random-graph.ts";

/** Every optimizer, in all its ways. */
const OPTIMIZERS: Readonly<Record<string, (parameters: nn.Parameter[]) => optim.Optimizer>> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.1 }),
  "SGD with momentum": (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.5, weightDecay: 0.1 }),
  "SGD by Nesterov": (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true }),
  RMSprop: (p) => new optim.RMSprop(p),
  "centred RMSprop": (p) => new optim.RMSprop(p, { centered: true, momentum: 0.9, weightDecay: 0.1 }),
  Adagrad: (p) => new optim.Adagrad(p, { weightDecay: 0.1 }),
  Adadelta: (p) => new optim.Adadelta(p),
  Adam: (p) => new optim.Adam(p, { weightDecay: 0.1 }),
  AdamW: (p) => new optim.AdamW(p, { amsgrad: true }),
  Adamax: (p) => new optim.Adamax(p),
  NAdam: (p) => new optim.NAdam(p),
};

export interface RandomStep extends RandomGraph {
  /** The states to differentiate for, and what happens to the gradients. */
  readonly training?: { readonly gradientsFor: readonly string[]; readonly update: StepUpdate };
}

const statesOf = (graph: Graph): Input[] => graph.inputs.filter(({ role }) => role === "state");

/** A graph in which three of four states take a new value: another state, or any node of their type. */
export const randomUpdates: fc.Arbitrary<RandomStep> = fc
  .tuple(randomGraph, fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }))
  .map(([random, picks]) => {
    const { graph } = random;
    const updates = statesOf(graph).flatMap((target, k): Update[] => {
      const values: readonly Value[] = [...graph.nodes, ...statesOf(graph)].filter(
        ({ type }) => type.dtype === "float32" && String(type.shape) === String(target.type.shape),
      );
      const pick = picks[k % picks.length];
      return pick % 4 === 0 ? [] : [{ target, value: values[pick % values.length] }];
    });
    return { ...random, graph: { ...graph, updates } };
  });

/** A loss of which an optimizer learns all states; its own states and scalars have values too. */
export const randomTraining: fc.Arbitrary<RandomStep> = fc
  .tuple(randomLoss, fc.constantFrom(...Object.keys(OPTIMIZERS)))
  .map(([{ graph, values }, name]) => {
    const [{ rule }] = OPTIMIZERS[name]([new nn.Parameter(zeros(1))]).paramGroups;
    const states = statesOf(graph);
    return {
      graph,
      values: {
        ...values,
        ...scalarsOf(rule),
        ...Object.assign({}, ...states.map((s) => ruleStates(rule, s))),
      },
      training: { gradientsFor: states.map((state) => state.name), update: { groups: [{ rule }] } },
    };
  });

const scalarsOf = (rule: UpdateRule): Record<string, Float32Array> =>
  Object.fromEntries(rule.scalars.map((name, k) => [name, Float32Array.of(0.5 / (k + 1))]));

/** Values as in mid-training: not zero, and none negative, as some are averages of squares. */
const ruleStates = (rule: UpdateRule, { name, type }: Input): Record<string, Float32Array> =>
  Object.fromEntries(
    Object.entries(rule.states(type)).map(([state, own]) => [
      optimizerStateName(rule, name, state),
      Float32Array.from(
        { length: own.shape.reduce((n, extent) => n * extent, 1) },
        (_, k) => 1 + ((k * 5) % 7) / 4,
      ),
    ]),
  );
