/** Writes the nodes of a graph, one op after the other, under the names of the user's modules and variables. */

import { moduleOf } from "../../core/origin.ts";
import { operandsOf, producerOf, resultIndex } from "../../ir/body.ts";
import type { Graph, Node, Value } from "../../ir/types.ts";
import { definitionOf } from "../../ops/registry.ts";
import { batchNormOf } from "./batch-norm.ts";
import { Float, type GraphWriter } from "./graph-writer.ts";
import { writeLowered } from "./lowered.ts";
import { type Call, type Named, NoSpelling } from "./spelling.ts";
import { spellingOf } from "./spellings/table.ts";

/** Writes graphs into ONNX graphs, and records the ops that have no spelling. */
export class NodeWriter {
  /** Ops and why they cannot be written, each once. */
  readonly faults = new Map<string, string>();

  /** Writes the nodes of `graph`, given the names of its inputs; returns the names of its outputs. */
  write(w: GraphWriter, graph: Graph, inputs: ReadonlyMap<Value, string>): readonly string[] {
    const names = new Map<Value, string>(inputs);
    const read = reachable(graph);
    for (const node of graph.nodes) if (read.has(node)) this.node(w, graph, node, names);
    return graph.outputs.map(({ value }) => names.get(value)!);
  }

  private node(w: GraphWriter, graph: Graph, node: Node, names: Map<Value, string>): void {
    const outer = w.module;
    w.module = [outer, moduleOf(graph.origins.get(node) ?? [])].filter((path) => path !== "").join(".");
    const since = w.nodes.length;
    const wish = graph.names?.get(node);
    try {
      const name = this.result(w, node, names);
      names.set(
        node,
        wish !== undefined && w.makes(name, since) ? w.rename(name, w.name(wish), since) : name,
      );
    } catch (error) {
      if (!(error instanceof NoSpelling)) throw error;
      this.faults.set(producerOf(node).op, error.message);
      names.set(node, "");
    } finally {
      w.module = outer;
    }
  }

  private readonly results = new Map<Node, readonly string[]>();

  private result(w: GraphWriter, node: Node, names: ReadonlyMap<Value, string>): string {
    const norm = batchNormOf(node);
    if (norm !== undefined) {
      const inputs = norm.inputs.map((value) => names.get(value)!);
      return w.node("BatchNormalization", inputs, { epsilon: new Float(norm.epsilon) });
    }
    const producer = producerOf(node);
    const [number, definition] = [resultIndex(node), definitionOf(producer.op)];
    const inputs = operandsOf(node).map((value): Named => {
      const { dtype, shape } = value.type;
      return { dtype, shape, name: names.get(value)! };
    });
    if (definition.computesNothing) return inputs[0].name;
    const call: Call = {
      w,
      inputs,
      attrs: producer.attrs,
      output: producer.type,
      writeBody: (body, inner, own) =>
        this.write(inner, body, new Map(body.inputs.map((input, k) => [input, own[k]]))),
    };
    const known = this.results.get(producer)?.[number];
    if (known !== undefined) return known;
    const spelled = this.results.has(producer) ? undefined : spellingOf(producer.op)?.(call);
    const all = typeof spelled === "string" ? [spelled] : (spelled ?? []);
    if (!this.results.has(producer)) this.results.set(producer, all);
    return all[number] ?? writeLowered(call, definition, number);
  }
}

/** The values that outputs depend on, if they are written. */
export function reachable({ outputs }: Graph): ReadonlySet<Value> {
  const met = new Set<Value>();
  const waiting = outputs.map(({ value }) => value);
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (met.has(value)) continue;
    met.add(value);
    if (value.kind === "node") waiting.push(...(batchNormOf(value)?.inputs ?? value.inputs));
  }
  return met;
}
