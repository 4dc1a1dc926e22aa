/**
 * The cost of subnormal numbers: a training step in normal conditions, on inputs of 1e-36, with gradients of
 * 1e-36, and long after training has converged: gradients of exactly 0, and moments that have decayed.
 * `npm run denormals [-- MODEL,MODEL]`; processors differ, and WebAssembly cannot have denormal numbers flushed.
 */

import { compileTraining, nn, type optim, type Tensor, tensor } from "../../src/index.ts";
import { modelOf } from "./kiln-model.ts";
import { MODELS, type ModelWorkload, modelBatches, type SampleSpec, startedModel } from "./models.ts";
import { WORKLOADS } from "./workloads.ts";

/** Milliseconds that each case is warmed up, and measured. */
const MILLISECONDS = 800;
const TINY = 1e-36;

class Scaled extends nn.Module {
  loss: nn.Module;
  by: number;

  constructor(loss: nn.Module, by: number) {
    super();
    this.loss = loss;
    this.by = by;
  }

  forward(output: Tensor, target: Tensor): Tensor {
    return (this.loss.forward(output, target) as Tensor).mul(this.by);
  }
}

/** The same model, started anew, for each case. */
interface Subject {
  readonly workload: ModelWorkload;
  model(): Promise<nn.Module>;
}

function subjectOf(name: string): Subject {
  const workload = MODELS[name];
  if (workload !== undefined) return { workload, model: () => startedModel(workload) };
  const small = WORKLOADS[name];
  if (small === undefined) {
    const known = [...Object.keys(WORKLOADS), ...Object.keys(MODELS)].join(", ");
    throw new Error(`there is no workload "${name}"; the workloads are ${known}`);
  }
  const like: ModelWorkload = {
    ...MODELS.resnet18,
    name,
    input: { shape: small.sample },
    batch: 64,
  };
  return { workload: like, model: async () => modelOf(small) };
}

interface Case {
  readonly name: string;
  readonly inputs?: number;
  readonly loss?: number;
  readonly decayed?: boolean;
}

const CASES: readonly Case[] = [
  { name: "normal" },
  { name: "inputs of 1e-36", inputs: TINY },
  { name: "gradients of 1e-36", loss: TINY },
  { name: "converged", loss: 0, decayed: true },
];

const typeOf = ({ shape, below }: SampleSpec, batch: number) =>
  ({ shape: [batch, ...shape], dtype: below === undefined ? "float32" : "int32" }) as const;

/** States as they are long after the last gradient: the largest subnormal numbers are 2²³ of the smallest. */
async function decay(optimizer: optim.Optimizer): Promise<void> {
  const { state, ...rest } = optimizer.stateDict();
  const decayed = Object.entries(state).map(([key, { step, ...tensors }]) => {
    const entries = Object.entries(tensors).map(([name, { shape }]) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      return [name, tensor(new Float32Array(size).fill(2 ** -135), { shape })] as const;
    });
    return [key, { step, ...Object.fromEntries(entries) }] as const;
  });
  await optimizer.loadStateDict({ ...rest, state: Object.fromEntries(decayed) });
}

async function millisecondsOf({ workload, model }: Subject, how: Case): Promise<number> {
  const net = await model();
  const optimizer = workload.optimizer([...net.parameters()]);
  const loss = new Scaled(workload.loss(), how.loss ?? 1);
  const [inputs, targets] = [
    [typeOf(workload.input, workload.batch)],
    [typeOf(workload.target, workload.batch)],
  ];
  const trainer = await compileTraining(net, { inputs, targets, loss, optimizer, backend: "wasm" });
  const scale = how.inputs ?? 1;
  const batches = modelBatches(workload, workload.batch).map(
    ([x, y]) => [scale === 1 ? x : x.mul(scale), y] as const,
  );
  for (const [x] of batches) await x.data();
  let k = 0;
  const step = (): Promise<number> => trainer.step(...batches[k++ % batches.length]);
  await step();
  if (how.decayed === true) await decay(optimizer);
  const times: number[] = [];
  const start = performance.now();
  while (performance.now() < start + 2 * MILLISECONDS || times.length < 4) {
    const before = performance.now();
    await step();
    times.push(performance.now() - before);
  }
  await trainer.dispose();
  const measured = times.slice(times.length >> 1).sort((a, b) => a - b);
  return measured[measured.length >> 1];
}

const names = (process.argv[2] ?? "mlp-wide,lenet5,gpt,lstm").split(",");
console.log(`model        ${CASES.map(({ name }) => name.padStart(20)).join("")}`);
for (const name of names) {
  const subject = subjectOf(name);
  const figures: string[] = [];
  let normal = 0;
  for (const how of CASES) {
    // Integers are names, not magnitudes.
    if (how.inputs !== undefined && subject.workload.input.below !== undefined) {
      figures.push("-");
      continue;
    }
    const milliseconds = await millisecondsOf(subject, how);
    normal ||= milliseconds;
    figures.push(`${milliseconds.toFixed(2)} ms ${(milliseconds / normal).toFixed(2)}x`);
  }
  console.log(name.padEnd(13) + figures.map((figure) => figure.padStart(20)).join(""));
}
