/**
 * A bidirectional GRU of two layers that classifies waves of any speed and phase, with noise.
 * `npx tsx examples/zoo/gru-classifier.ts` trains it on generated waves, and tests it on others.
 */

import { compile, compileTraining, manualSeed, nn, optim, type Tensor, tensor } from "kiln-js";

const LENGTH = 48;
const BATCH = 64;

/** The waves, at a phase from 0 to 1. */
const WAVES = [
  (phase: number): number => Math.sin(2 * Math.PI * phase),
  (phase: number): number => (phase < 0.5 ? 1 : -1),
  (phase: number): number => 2 * phase - 1,
  (phase: number): number => 1 - 4 * Math.abs(phase - 0.5),
];

export class WaveReader extends nn.Module {
  gru: nn.GRU;
  head: nn.Linear;

  constructor(hidden = 32, dropout = 0.1) {
    super();
    this.gru = new nn.GRU(1, hidden, { numLayers: 2, bidirectional: true, batchFirst: true, dropout });
    this.head = new nn.Linear(2 * hidden, WAVES.length);
  }

  /** The scores of the kinds [N,4] of waves [N,T,1], from the mean of the outputs over time. */
  forward(waves: Tensor): Tensor {
    const [out] = this.gru.forward(waves);
    return this.head.forward(out.mean(1));
  }
}

const between = (least: number, most: number): number => least + Math.random() * (most - least);

/** Waves [N,T,1] and their kinds [N]. */
export function batch(size = BATCH): [waves: Tensor, kinds: Tensor] {
  const kinds = Int32Array.from({ length: size }, () => Math.floor(Math.random() * WAVES.length));
  const waves = Array.from(kinds, (kind) => {
    const [speed, start, height] = [between(0.03, 0.1), Math.random(), between(0.5, 1.5)];
    return Array.from({ length: LENGTH }, (_, t) => {
      const value = height * WAVES[kind]((start + speed * t) % 1);
      return [value + between(-0.3, 0.3)];
    });
  });
  return [tensor(waves), tensor(kinds)];
}

/** The inputs for `kiln explore`, `dump` and `bench`. */
export { WaveReader as default };

export const inputs = [[BATCH, LENGTH, 1]];

/** Trains for so many steps; returns the accuracy on new waves. */
export async function main(steps = 300, tested = 8): Promise<number> {
  manualSeed(0);
  const net = new WaveReader();
  const trainer = await compileTraining(net, {
    inputs,
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.Adam(net.parameters(), { lr: 5e-3 }),
    clipGradNorm: 1,
  });
  for (let step = 1; step <= steps; step++) {
    const loss = await trainer.step(...batch());
    if (step % Math.ceil(steps / 6) === 0) console.log(`step ${step}: loss ${loss.toFixed(4)}`);
  }
  const program = await compile(net, { inputs });
  let right = 0;
  for (let k = 0; k < tested; k++) {
    const [waves, kinds] = batch();
    right += await (await program.run(waves)).argmax(1).eq(kinds).sum().item();
  }
  return right / (tested * BATCH);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of new waves are classified correctly (chance: 25 %)`);
}
