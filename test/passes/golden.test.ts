/** Golden dumps of LeNet, stage by stage. `npm run golden` writes them anew. */

import { expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import { opTable } from "../../src/ops/registry.ts";
import { lenetForward, lenetTraining, stagesOf } from "../support/stages.ts";

test.each([
  ["forward", lenetForward(2)],
  ["training", lenetTraining(2)],
])("LeNet's %s stages are those on file, and every graph reads back", async (mode, source) => {
  const manager = stagesOf(source);
  for (const { name, text } of manager.stages()) {
    await expect(`${text}\n`).toMatchFileSnapshot(`../golden/lenet-${mode}-${name}.txt`);
  }
  for (const [name, graph] of manager.graphs) {
    const text = printGraph(graph);
    expect(printGraph(parseGraph(text, opTable)), name).toBe(text);
  }
});

test("every node and kernel of LeNet's training step names a line of the model", () => {
  const manager = stagesOf(lenetTraining(2));
  for (const [name, graph] of manager.graphs) {
    for (const node of graph.nodes) {
      const origins = graph.origins.get(node) ?? [];
      expect(origins.length, `${name}: ${node.op}`).toBeGreaterThan(0);
    }
  }
});
