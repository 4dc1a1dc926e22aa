/** A recurrent net on a few batches, whatever the backend: loops over kernels, on a page. */

import { compileTraining, F, manualSeed, nn, optim, randint, randn, scan, type Tensor, zeros } from "kiln-js";
import type { BackendName } from "../../../backends/registry.ts";

const [STEPS, BATCH, FEATURES, UNITS, CLASSES] = [7, 4, 5, 12, 3];

class Recurrent extends nn.Module {
  input = new nn.Linear(FEATURES, UNITS);
  state = new nn.Linear(UNITS, UNITS);
  out = new nn.Linear(UNITS, CLASSES);

  forward(x: Tensor): Tensor {
    const [h, all] = scan(
      (h: Tensor, x: Tensor) => {
        const next = F.tanh(this.input.forward(x).add(this.state.forward(h)));
        return [next, next];
      },
      zeros(BATCH, UNITS),
      x,
    );
    return this.out.forward(h.add(all.mean(0)));
  }
}

/** The losses of a few steps. */
export async function learnSequences(backend: BackendName, threads?: number): Promise<readonly number[]> {
  manualSeed(5);
  const net = new Recurrent();
  const inputs = [[STEPS, BATCH, FEATURES]];
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  const loss = new nn.CrossEntropyLoss();
  const trainer = await compileTraining(net, {
    ...{ inputs, loss, optimizer, backend },
    ...(threads !== undefined && { threads }),
  });
  const losses: number[] = [];
  for (let step = 0; step < 4; step++)
    losses.push(await trainer.step(randn(STEPS, BATCH, FEATURES), randint(CLASSES, [BATCH])));
  await trainer.dispose();
  return losses;
}
