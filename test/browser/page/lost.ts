/** Training on a GPU whose context is lost between two steps: what the next step says, and what is left of the model. */

import { compileTraining, nn, optim, randn, type Tensor, type Trainer, tensor } from "kiln-js";
import type { BackendName } from "../../../backends/registry.ts";
import { onCall } from "./on-call.ts";

interface Context {
  getExtension?(name: string): { loseContext(): void } | null;
}

const contexts = new Set<Context>();
const devices = new Set<{ destroy(): void }>();

for (const canvas of ["HTMLCanvasElement", "OffscreenCanvas"])
  onCall(canvas, "getContext", (_, __, context) => contexts.add(context));
onCall("GPUAdapter", "requestDevice", async (_, __, device) =>
  devices.add((await device) as { destroy(): void }),
);

async function loseAll(): Promise<void> {
  for (const context of contexts) context?.getExtension?.("WEBGL_lose_context")?.loseContext();
  for (const device of devices) device.destroy();
  contexts.clear();
  devices.clear();
  await new Promise((resolve) => setTimeout(resolve, 50));
}

export interface Lost {
  /** The weight after two steps, when it was mirrored, and what is readable after the loss in the fourth. */
  readonly mirrored: readonly number[];
  readonly readable: readonly number[];
  readonly error: string;
  /** The first loss of a trainer compiled after that. */
  readonly lossAfter: number;
}

export async function lose(backend: BackendName): Promise<Lost> {
  const net = new nn.Linear(4, 3);
  const loss = new nn.CrossEntropyLoss();
  const compiled = (): Promise<Trainer> => {
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.5, momentum: 0.9 });
    return compileTraining(net, { inputs: [[2, 4]], loss, optimizer, backend, mirrorEvery: 2 });
  };
  const numbers = async (tensor: Tensor): Promise<number[]> => Array.from(await tensor.data());
  const [x, y] = [randn([2, 4]), tensor(Int32Array.of(0, 1))];
  const trainer = await compiled();
  await trainer.step(x, y);
  await trainer.step(x, y);
  const mirrored = await numbers(net.weight);
  await trainer.step(x, y);
  await loseAll();
  const error = await trainer.step(x, y).then(
    () => "no error",
    (reason: unknown) => String(reason),
  );
  const readable = await numbers(net.weight);
  const again = await compiled();
  return { mirrored, readable, error, lossAfter: await again.step(x, y) };
}
