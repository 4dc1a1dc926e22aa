/** A few steps of training whose result each backend must reach. */

import type { BackendName } from "../../../backends/registry.ts";
import { compileTraining, manualSeed, nn, optim, randn, type Tensor, tensor } from "../../../src/index.ts";
import { LeNet } from "../../support/nets.ts";

const BATCH = 4;
const STEPS = 5;

export interface Learned {
  readonly losses: readonly number[];
  readonly gradients: Readonly<Record<string, ArrayLike<number>>>;
  readonly states: Readonly<Record<string, ArrayLike<number>>>;
}

export async function numbers(
  tensors: Readonly<Record<string, Tensor>>,
): Promise<Record<string, ArrayLike<number>>> {
  const entries = Object.entries(tensors).map(async ([name, t]) => [name, await t.data()] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** A few steps of LeNet from the same weights on the same batches, whatever the backend. */
export async function learn(backend: BackendName): Promise<Learned> {
  manualSeed(7);
  const net = new LeNet();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9 });
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, { inputs: [[BATCH, 1, 32, 32]], loss, optimizer, backend });
  const batch = (): [Tensor, Tensor] => [
    randn([BATCH, 1, 32, 32]),
    tensor(Int32Array.from({ length: BATCH }, (_, k) => (3 * k + 1) % 10)),
  ];
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) losses.push(await trainer.step(...batch()));
  const { gradients } = await trainer.gradients(...batch());
  const learned = { losses, gradients: await numbers(gradients), states: await numbers(net.stateDict()) };
  await trainer.dispose();
  return learned;
}
