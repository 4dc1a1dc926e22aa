/**
 * Times every kernel of Kiln's compiled training step by itself and says how many floating-point operations a
 * second it really executes: for kernels over winner lists only the list entries that are alive count.
 *
 *   node --import tsx src/kernels.ts [--workloads lenet5,cifar10,mlp] [--batches 8] [--millis 200]
 */

import { parseArgs } from "node:util";
import { js } from "../../backends/js/backend.ts";
import { PassManager } from "../../passes/manager.ts";
import { runPipeline } from "../../passes/pipeline.ts";
import { nn, optim } from "../../src/index.ts";
import { countFlops } from "../../src/loop/flops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { traceLoss } from "../../src/trace/trace.ts";
import { modelOf } from "./kiln-model.ts";
import { median } from "./protocol.ts";
import { table } from "./table.ts";
import { batches, LEARNING_RATE, WORKLOADS } from "./workloads.ts";

const { values } = parseArgs({
  options: {
    workloads: { type: "string", default: "lenet5,cifar10,mlp" },
    batches: { type: "string", default: "8" },
    millis: { type: "string", default: "200" },
  },
});

for (const name of values.workloads.split(",")) {
  for (const batch of values.batches.split(",").map(Number))
    await measure(name, batch, Number(values.millis));
}

async function measure(name: string, batch: number, millis: number): Promise<void> {
  const workload = WORKLOADS[name];
  const model = await modelOf(workload);
  const optimizer = new optim.SGD(model.parameters(), { lr: LEARNING_RATE });
  const trace = traceLoss(model, new nn.CrossEntropyLoss(), [
    { dtype: "float32", shape: [batch, ...workload.sample] },
  ]);
  const plan = runPipeline(new PassManager(), trace.graph, {
    capabilities: js.capabilities,
    gradientsFor: trace.parameters,
    update: { groups: optimizer.paramGroups.map(({ rule }) => ({ rule })) },
  });
  const states = js.createStateMemory();
  states.allocate(plan.states);
  for (const [state, tensor] of trace.states) await states.write(state, await tensor.data());
  const program = await js.compile(plan, states);
  const scalars = Float64Array.of(LEARNING_RATE);
  const data = batches(workload, batch);
  const feed = (step: number): void => {
    const { input, target } = data[step % data.length];
    program.write(plan.inputs[0].buffer, input);
    program.write(plan.inputs[1].buffer, target);
  };

  const times = plan.kernels.map((): number[] => []);
  const alive = plan.kernels.map((): number[] => []);
  const end = performance.now() + millis * plan.kernels.length;
  for (let step = 0; performance.now() < end || step < 50; step++) {
    feed(step);
    for (let k = 0; k < plan.kernels.length; k++) {
      const begin = performance.now();
      program.run(k, k + 1, scalars);
      times[k].push(performance.now() - begin);
      alive[k].push(aliveShare(plan, plan.kernels[k], (buffer, into) => program.read(buffer, into)));
    }
  }

  let contractionFlops = 0;
  let contractionMs = 0;
  let totalMs = 0;
  const rows = plan.kernels.map((kernel, k) => {
    const ms = median(times[k].slice(times[k].length >> 1));
    const executed = countFlops(kernel.body) * median(alive[k]);
    totalMs += ms;
    if (isContraction(kernel)) {
      contractionFlops += executed;
      contractionMs += ms;
    }
    const rate = (flops: number): string => (flops / ms / 1e6).toFixed(2);
    return [kernel.name, ms.toFixed(4), rate(executed), rate(kernel.nominalFlops), kernel.schedule ?? ""];
  });
  console.log(`${name}, batch ${batch}: kernels of the js backend, one at a time`);
  console.log(
    table([["kernel", "ms", "GFLOP/s executed", "dense-equivalent", "schedule"], ...rows], [1, 2, 3]),
  );
  console.log(
    `  ${totalMs.toFixed(3)} ms in all; contractions execute ${(contractionFlops / contractionMs / 1e6).toFixed(2)} GFLOP/s in ${contractionMs.toFixed(3)} ms\n`,
  );
}

/** Contractions are all kernels that were tiled or run over lists; what copies or updates is not. */
function isContraction(kernel: Kernel): boolean {
  return /register-tile|in registers/.test(kernel.schedule ?? "");
}

/** The share of winner-list entries that are alive: windows whose gradient is not zero. */
function aliveShare(
  plan: ProgramPlan,
  kernel: Kernel,
  read: (buffer: string, into: Float32Array) => void,
): number {
  if (!kernel.schedule?.startsWith("winner-lists,")) return 1;
  const list = plan.buffers.find((b) => b.name === `${kernel.name}_values`);
  const gradient = plan.buffers.find((b) => list?.value === `winner lists of ${b.name}`);
  if (gradient === undefined) return 1;
  const values = new Float32Array(gradient.shape.reduce((n, extent) => n * extent, 1));
  read(gradient.name, values);
  return values.filter((value) => value !== 0).length / values.length;
}
