/** What each layer of a model returns, holds and computes. */

import { sizeOf } from "../core/shape.ts";
import type { Graph, Node, TensorType, Value } from "../ir/types.ts";
import { type Work, workOf } from "../ops/work.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traceable } from "../trace/trace.ts";
import type { LayerCall } from "./layer-calls.ts";

/** The number of elements of parameters; one that is held in several places counts once. */
export interface ParameterCount {
  /** All parameters. */
  readonly total: number;
  /** Those of parameters that want a gradient. */
  readonly trainable: number;
}

/** One call of a layer, with all that it calls in turn: the first one is the model. */
export interface LayerSummary {
  /** The layer's path in the model, such as `features.0`; empty for the model itself. */
  readonly name: string;
  /** Its class. */
  readonly type: string;
  /** The depth of the call: the number of calls around it. */
  readonly depth: number;
  /** The shapes of the tensors that it returned. */
  readonly outputs: readonly TensorType[];
  /** The number of parameters of the layer, including those of its own layers. */
  readonly parameters: ParameterCount;
  /** Floating-point operations of the call, a multiply-add counting as two. */
  readonly flops: number;
  /** Whether the layer was called before: its parameters are the same ones. */
  readonly isRepeated: boolean;
}

/** The layers of a traced model, in the order in which they are called. */
export function layersOf(calls: readonly LayerCall[], graph: Graph): LayerSummary[] {
  const work = new GraphWork(graph);
  const seen = new Set<Traceable>();
  return calls.map(({ path, module, depth, outputs, nodes }) => {
    const isRepeated = seen.has(module);
    seen.add(module);
    return {
      name: path,
      type: module.constructor.name,
      depth,
      outputs,
      parameters: countParameters(module),
      flops: work.of(nodes),
      isRepeated,
    };
  });
}

/** The parameters of a module and of those below it. */
export function countParameters(module: Traceable): ParameterCount {
  const parameters = [...module.namedParameters()].map(([, parameter]) => parameter);
  const count = (some: readonly Tensor[]): number => some.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return { total: count(parameters), trainable: count(parameters.filter((p) => p.requiresGrad)) };
}

/** The work of those nodes of a graph that its outputs need, the bodies of loops included. */
class GraphWork {
  /** How often each node runs, and what it does then. */
  private readonly live = new Map<Node, Work & { readonly runs: number }>();

  constructor(graph: Graph) {
    this.visit(graph, 1);
  }

  /** The operations of these nodes in one run of the program. */
  of(nodes: readonly Node[]): number {
    return nodes.reduce((sum, node) => {
      const work = this.live.get(node);
      if (work === undefined) return sum;
      return sum + work.runs * work.flops + (work.loop === undefined ? 0 : this.of(work.loop.body.nodes));
    }, 0);
  }

  private visit({ outputs, updates }: Graph, runs: number): void {
    const pending: Value[] = [...outputs, ...updates].map(({ value }) => value);
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      if (value.kind === "input" || this.live.has(value)) continue;
      const work = workOf(value);
      this.live.set(value, { ...work, runs });
      if (work.loop !== undefined) this.visit(work.loop.body, runs * work.loop.iterations);
      pending.push(...work.reads);
    }
  }
}
