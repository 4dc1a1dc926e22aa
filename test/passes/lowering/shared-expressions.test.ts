/** Whatever walks graphs and kernels looks at a shared part once: the bounds are on visits, not on time. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { js } from "../../../backends/js/backend.ts";
import { backendNamed } from "../../../backends/registry.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import { PassManager } from "../../../passes/manager.ts";
import type { Pass } from "../../../passes/pass.ts";
import { runPipeline } from "../../../passes/pipeline.ts";
import { kernelKey } from "../../../passes/scheduling/kernel-key.ts";
import { compile, nn, type Tensor } from "../../../src/index.ts";
import { type Artifact, isGraph } from "../../../src/ir/artifact.ts";
import { printGraph } from "../../../src/ir/print.ts";
import { verifyGraph } from "../../../src/ir/verify.ts";
import { countFlops } from "../../../src/loop/flops.ts";
import { interpretKernel } from "../../../src/loop/interpret.ts";
import { parseProgram } from "../../../src/loop/parse.ts";
import { printKernel } from "../../../src/loop/print.ts";
import { type LoweredProgram, printProgram } from "../../../src/loop/program.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { usedBuffers } from "../../../src/loop/used-buffers.ts";
import { verifyKernel } from "../../../src/loop/verify.ts";
import { Parameter } from "../../../src/nn/parameter.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { SGD } from "../../../src/optim/index.ts";
import { tensor } from "../../../src/tensor/creation.ts";
import { chainGraph, chainsOf, STEPS } from "../../support/chains.ts";
import { countedGraph, countedKernel } from "../../support/counted.ts";
import { SEED } from "../../support/extent.ts";
import { relativeError, runGraph } from "../../support/run-graph.ts";
import { generated } from "../../support/stages.ts";

const gpujs = await backendNamed("gpujs:cpu");

const BACKENDS = [js, wasm, interpret, gpujs];

/**
 * Visits for each part. Passes look at a node some ten times; scheduling asks every strategy, and each of those looks
 * at an expression again in every loop that it may move out of. A tree of thirty steps would need 2³⁰.
 */
const MOST_VISITS = 400;

const chains = chainsOf(Object.keys(STEPS));

const { rule } = new SGD([new Parameter(tensor([1]))], { lr: 0.1 }).paramGroups[0];

const training = { gradientsFor: ["w"], update: { groups: [{ rule }] } };

/** Runs each pass on what counts, and notes how often a part was looked at. */
class CountingManager extends PassManager {
  readonly visits: [string, number][] = [];
  readonly lowered: LoweredProgram[] = [];

  override run<I, O extends Artifact>(pass: Pass<I, O>, input: I): O {
    if (isGraph(input as Artifact)) {
      const { counted, parts, visits } = countedGraph(input as never);
      pass.run(counted as I);
      this.visits.push([pass.name, visits() / parts]);
    }
    const output = super.run(pass, input);
    if (pass.name === "lower") this.lowered.push(output as LoweredProgram);
    return output;
  }
}

const WALKS: readonly (readonly [string, (kernel: Kernel, program: LoweredProgram) => unknown])[] = [
  ["verify", (kernel) => verifyKernel(kernel)],
  ["print", (kernel) => printKernel(kernel)],
  ["flops", ({ body }) => countFlops(body)],
  ["buffers", ({ body }) => usedBuffers(body)],
  ["key", (kernel) => kernelKey(kernel, js.capabilities)],
  ["interpret", (kernel) => interpretKernel(kernel, storageOf(kernel), {})],
];

const storageOf = ({ buffers }: Kernel) =>
  Object.fromEntries(buffers.map(({ name, length }) => [name, new Float64Array(length)]));

test("no pass and nothing that reads a kernel visits a shared part again and again", () => {
  fc.assert(
    fc.property(chains, fc.boolean(), (steps, trains) => {
      const graph = chainGraph(steps, trains);
      const manager = new CountingManager();
      const { name: backend, capabilities } = BACKENDS[steps.length % BACKENDS.length];
      runPipeline(manager, graph, { capabilities, ...(trains && training) });
      for (const [pass, visits] of manager.visits) expect(visits, pass).toBeLessThan(MOST_VISITS);
      const whole = countedGraph(graph);
      verifyGraph(whole.counted, opTable);
      printGraph(whole.counted);
      expect(whole.visits() / whole.parts).toBeLessThan(MOST_VISITS);
      const scheduled = (kernel: Kernel, program: LoweredProgram): unknown =>
        generated(capabilities, { ...program, kernels: [kernel], commitFrom: 1 });
      for (const program of manager.lowered)
        for (const kernel of program.kernels)
          for (const [name, walk] of [
            ...WALKS,
            [`schedule and code generation ${backend}`, scheduled] as const,
          ]) {
            const { counted, parts, visits } = countedKernel(kernel);
            walk(counted, program);
            expect(visits() / parts, name).toBeLessThan(MOST_VISITS);
          }
    }),
    { numRuns: Number(process.env.KILN_CHAINS ?? 6), seed: SEED },
  );
});

test("texts of kernels that share parts are short, and read back", () => {
  fc.assert(
    fc.property(chains, fc.boolean(), (steps, trains) => {
      const manager = new CountingManager();
      runPipeline(manager, chainGraph(steps, trains), {
        capabilities: interpret.capabilities,
        ...(trains && training),
      });
      for (const program of manager.lowered) {
        const text = printProgram(program);
        expect(text.length).toBeLessThan(3000 * steps.length);
        expect(printProgram(parseProgram(text))).toBe(text);
      }
    }),
    { numRuns: 6, seed: 2 },
  );
});

/** Steps that no rounding is amplified by beyond 1.2 times. */
const STEADY = ["euler", "fibonacci", "relu", "extremes", "centred"];

/** 36 roundings of 6e-8, each amplified 1.2³⁶ = 700 times at most. */
const TOLERANCE = 2e-3;

test("chains that use values twice give on each backend what the interpreter gives", async () => {
  const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, k) => 0.2 + 0.05 * k);
  const values = { x: numbers(12), w: numbers(12) };
  await fc.assert(
    fc.asyncProperty(chainsOf(STEADY), async (steps) => {
      const graph = chainGraph(steps, false);
      const { result: expected } = await runGraph(graph, interpret, values);
      for (const backend of [js, wasm]) {
        const { result } = await runGraph(graph, backend, values);
        expect(relativeError(result, expected)).toBeLessThan(TOLERANCE);
      }
    }),
    { numRuns: 4, seed: 3 },
  );
});

test("the winner of a row that is looked for in steps is a few lines of code for each of them", async () => {
  class Winner extends nn.Module {
    override forward(x: Tensor): Tensor {
      return x.add(x.argmax(1, true).float());
    }
  }
  const row = tensor([[1, 0, 3, 2, 7, 5, 6, 4, 7, 8, -1]]);
  const program = await compile(new Winner(), { inputs: [[1, 11]], backend: "wasm", threads: 1 });
  const sum = [...(await row.data())].map((value) => value + 9);
  expect([...(await (await program.run(row)).data())]).toEqual(sum);
  const [{ source }] = program.kernels;
  expect(source.split("\n").length).toBeLessThan(1500);
});
