/** Stand-alone modules of everything in the catalogue: every op's kernels pass the type checker, random models learn alike. */

import * as fc from "fast-check";
import { compileTraining } from "kiln-js";
import { Project, ts } from "ts-morph";
import { expect, test } from "vitest";
import { STAGES } from "../../passes/pipeline.ts";
import { loopText } from "../../src/aot/kernels.ts";
import { mapMemory } from "../../src/aot/memory-map.ts";
import { defaultsOf, OPTIMIZER_NAMES, OPTIMIZERS } from "../../src/cli/train/optimizers.ts";
import { compileArtifact } from "../../src/driver/compile-artifact.ts";
import { OPS } from "../../src/ops/registry.ts";
import { makeModel, randomModel } from "../support/random-model.ts";
import { graphOf, sampleCases } from "../support/sample-cases.ts";
import { buildAlone, likeBuilt, type Numbers } from "./stand-alone.ts";

test("the loops of every op are correct TypeScript", async () => {
  const spaces: string[] = [];
  for (const sample of sampleCases(OPS)) {
    const { plan } = await compileArtifact(graphOf(sample), { backend: "js", start: STAGES[0] });
    const { kernels } = loopText(plan, mapMemory(plan));
    spaces.push(`namespace sample${spaces.length} { // ${sample.op}\n${kernels.join("\n")}\n}`);
  }
  const project = new Project({
    useInMemoryFileSystem: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, lib: ["lib.es2022.d.ts"], types: [], strict: true },
  });
  const text = spaces.join("\n");
  const faults = project.createSourceFile("samples.ts", text).getPreEmitDiagnostics();
  const lines = text.split("\n");
  expect(faults.map((fault) => [fault.getMessageText(), lines[(fault.getLineNumber() ?? 1) - 1]])).toEqual(
    [],
  );
  expect(spaces.length).toBeGreaterThan(200);
});

test("random models learn with the bits of the programs they were made from", async () => {
  const specs = fc.sample(randomModel, { numRuns: OPTIMIZER_NAMES.length, seed: 5 });
  for (const [k, spec] of specs.entries()) {
    const { model, loss, batches, inputs: given, targets: wanted, kinds } = makeModel({ ...spec, rests: 15 });
    const target = k % 2 === 0 ? "js" : "wasm";
    const optimizer = OPTIMIZER_NAMES[k];
    const [inputs, targets] = [given, wanted].map((all) => all.map(({ shape, dtype }) => ({ shape, dtype })));
    const file = { path: "model.ts", model, inputs, loss, targets };
    const built = await buildAlone(file, { target, mode: "training", optimizer });
    const made = OPTIMIZERS[optimizer].make(model.parameters(), defaultsOf(optimizer));
    const options = { inputs, targets, loss, optimizer: made, ...likeBuilt(target) };
    const trainer = await compileTraining(model, options);
    const alone = await built.create();
    for (const batch of batches.slice(0, 2)) {
      const numbers = (await Promise.all(batch.map((tensor) => tensor.data()))) as Numbers[];
      expect(alone.step(...numbers), kinds.join()).toBe(await trainer.step(...batch));
    }
    await trainer.dispose();
  }
});
