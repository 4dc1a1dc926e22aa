/**
 * A multi-layer perceptron for a table in CSV: categories and numbers in, a price out. `npx tsx
 * examples/zoo/tabular.ts` generates a table of houses, trains until the validation loss stops improving, goes back to
 * the best checkpoint, and prints how much of the variance of unseen houses' prices it explains.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, compileTraining, data, load, manualSeed, nn, optim, save, type Tensor } from "kiln-js";

const BATCH = 32;
const DISTRICTS = ["harbour", "hill", "old town", "suburb"];

/** Houses as CSV: prices depend on all columns, on some of them jointly, and on noise. */
export function houses(count: number): string {
  const rows = Array.from({ length: count }, () => {
    const [place, rooms, built] = [pick(DISTRICTS.length), 1 + pick(7), 1900 + pick(125)];
    const size = rooms * (14 + 10 * Math.random());
    const charm = place === 2 && built < 1940 ? 1.4 : 1;
    const perMetre = [4.2, 5.1, 4.6, 2.4][place] * charm * (1 + 0.3 * Math.sin((built - 1900) / 20));
    const price = (size * perMetre) / 100 + 0.25 * (Math.random() + Math.random() - 1);
    return [DISTRICTS[place], rooms, size.toFixed(1), built, price.toFixed(3)].join(",");
  });
  return ["district,rooms,size,built,price", ...rows].join("\n");
}

const pick = (below: number): number => Math.floor(Math.random() * below);

export class TabularMLP extends nn.Module {
  layers: nn.Sequential;

  constructor(width: number, hidden = 64, dropout = 0.1) {
    super();
    const block = (from: number): nn.Module[] => [
      new nn.Linear(from, hidden, { bias: false }),
      new nn.BatchNorm1d(hidden),
      new nn.ReLU(),
      new nn.Dropout(dropout),
    ];
    this.layers = new nn.Sequential(...block(width), ...block(hidden), new nn.Linear(hidden, 1));
  }

  /** Rows [N,width] to prices [N,1]. */
  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

/** The share of the targets' variance that predictions explain: 1 if they are right, 0 if they are as good as the mean. */
async function explained(predicted: Tensor, targets: Tensor): Promise<number> {
  const given = await predicted.data();
  const wanted = Array.from(await targets.data(), Number);
  const mean = wanted.reduce((sum, value) => sum + value, 0) / wanted.length;
  const [rest, all] = [0, 0].map((_, part) =>
    wanted.reduce((sum, value, k) => sum + (value - (part === 0 ? given[k] : mean)) ** 2, 0),
  );
  return 1 - rest / all;
}

/**
 * Trains until `patience` epochs have brought no improvement;
 * returns the explained share of the variance of unseen prices.
 */
export async function main(rows = 1200, mostEpochs = 200, patience = 15): Promise<number> {
  manualSeed(0);
  const table = data.parseCsv(houses(rows));
  const [train, validation, test] = table.randomSplit([0.6, 0.2, 0.2]);
  const encoding = new data.TableEncoding(train, { target: "price" });
  const loader = new data.DataLoader(encoding.dataset(train), {
    batchSize: BATCH,
    shuffle: true,
    dropLast: true,
  });
  const net = new TabularMLP(encoding.width);
  const trainer = await compileTraining(net, {
    inputs: [[BATCH, encoding.width]],
    loss: new nn.MSELoss(),
    optimizer: new optim.AdamW(net.parameters(), { lr: 3e-3, weightDecay: 1e-2 }),
  });
  const program = await compile(net, { inputs: [[validation.length, encoding.width]] });
  const scoreOn = async (part: data.Table): Promise<number> =>
    explained(await program.run(encoding.features(part)), encoding.target(part));

  const folder = await mkdtemp(join(tmpdir(), "kiln-tabular-"));
  const checkpoint = join(folder, "best.safetensors");
  let best = { epoch: 0, score: Number.NEGATIVE_INFINITY };
  try {
    for (let epoch = 1; epoch <= mostEpochs && epoch - best.epoch <= patience; epoch++) {
      for await (const [x, y] of loader) await trainer.step(x, y);
      const score = await scoreOn(validation);
      if (score > best.score) {
        best = { epoch, score };
        await save(net.stateDict(), checkpoint);
      }
      if (epoch % 10 === 0)
        console.log(`epoch ${epoch}: ${(100 * score).toFixed(1)} % of the variance explained`);
    }
    console.log(`the best epoch was ${best.epoch}; its checkpoint is loaded`);
    await net.loadStateDict(await load(checkpoint));
    return await scoreOn(test);
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const share = await main();
  console.log(`${(100 * share).toFixed(1)} % of the variance of unseen prices is explained (the mean: 0 %)`);
}
