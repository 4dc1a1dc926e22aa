/**
 * A Siamese net that learns whether two drawings show the same sign, by triplets: two drawings of
 * one sign should be closer to each other than to one of another. `npx tsx examples/zoo/siamese.ts`
 * trains it, and has it recognise unseen signs from one drawing of each.
 */

import { compile, compileTraining, F, manualSeed, nn, optim, type Tensor, tensor } from "kiln-js";

const SIZE = 24;
const BATCH = 32;
/** How many signs it has to distinguish in the end. */
const UNSEEN = 20;

/** Maps a drawing to a vector of length 1, close to those of similar drawings. */
export class Embedder extends nn.Module {
  conv1: nn.Conv2d;
  conv2: nn.Conv2d;
  conv3: nn.Conv2d;
  fc: nn.Linear;

  constructor(width = 16, features = 32) {
    super();
    this.conv1 = new nn.Conv2d(1, width, 3, { padding: 1 });
    this.conv2 = new nn.Conv2d(width, 2 * width, 3, { padding: 1 });
    this.conv3 = new nn.Conv2d(2 * width, 4 * width, 3, { padding: 1 });
    this.fc = new nn.Linear(4 * width * 9, features);
  }

  /** [N,features] of drawings [N,1,24,24]. */
  forward(x: Tensor): Tensor {
    for (const conv of [this.conv1, this.conv2, this.conv3]) x = F.maxPool2d(F.relu(conv.forward(x)), 2);
    return F.normalize(this.fc.forward(x.flatten(1)));
  }
}

/** The same net for all three. */
export class Siamese extends nn.Module {
  constructor(readonly embedder: Embedder = new Embedder()) {
    super();
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): [Tensor, Tensor, Tensor] {
    const { embedder } = this;
    return [embedder.forward(anchor), embedder.forward(positive), embedder.forward(negative)];
  }
}

const between = (least: number, most: number): number => least + Math.random() * (most - least);

/** The corners of a sign: a line that is drawn through four points, from -1 to 1. */
type Sign = readonly (readonly [x: number, y: number])[];

const sign = (): Sign => Array.from({ length: 4 }, () => [between(-1, 1), between(-1, 1)]);

/** A drawing of a sign, [1,24,24], by an unsteady hand: no two are alike. */
function drawing(corners: Sign): Float32Array {
  const image = new Float32Array(SIZE * SIZE);
  const [turn, height, width] = [between(-0.3, 0.3), between(6, 9), between(6, 9)];
  const [left, top] = [SIZE / 2 + between(-2, 2), SIZE / 2 + between(-2, 2)];
  const points = corners.map(([x, y]) => {
    const [u, v] = [x + between(-0.12, 0.12), y + between(-0.12, 0.12)];
    return [left + width * (u - turn * v), top + height * (v + turn * u)];
  });
  for (let at = 0; at < image.length; at++) {
    const [x, y] = [(at % SIZE) + 0.5, Math.floor(at / SIZE) + 0.5];
    for (let k = 1; k < points.length; k++) {
      const [[fromX, fromY], [toX, toY]] = [points[k - 1], points[k]];
      const [dx, dy] = [toX - fromX, toY - fromY];
      const along = ((x - fromX) * dx + (y - fromY) * dy) / (dx * dx + dy * dy + 1e-9);
      const nearest = Math.min(1, Math.max(0, along));
      const distance = Math.hypot(x - fromX - nearest * dx, y - fromY - nearest * dy);
      image[at] = Math.max(image[at], Math.min(1, 1.6 - distance));
    }
  }
  return image;
}

const drawings = (signs: readonly Sign[]): Tensor =>
  tensor(Float32Array.from(signs.flatMap((one) => [...drawing(one)])), {
    shape: [signs.length, 1, SIZE, SIZE],
  });

/** Two drawings of each of some new signs, and one of another. */
function triplets(): [anchor: Tensor, positive: Tensor, negative: Tensor] {
  const signs = Array.from({ length: BATCH }, sign);
  return [drawings(signs), drawings(signs), drawings([...signs.slice(1), signs[0]])];
}

/** Trains for so many steps; returns how often the nearest drawing is of the same unseen sign (recall@1). */
export async function main(steps = 1000, tested = 10): Promise<number> {
  manualSeed(0);
  const net = new Siamese();
  const drawn = [BATCH, 1, SIZE, SIZE];
  const trainer = await compileTraining(net, {
    inputs: [drawn, drawn, drawn],
    targets: [],
    loss: new nn.TripletMarginLoss({ margin: 0.5 }),
    optimizer: new optim.Adam(net.parameters(), { lr: 1e-3 }),
  });
  for (let step = 1; step <= steps; step++) {
    const loss = await trainer.step(...triplets());
    if (step % Math.ceil(steps / 5) === 0) console.log(`step ${step}: loss ${loss.toFixed(4)}`);
  }
  const program = await compile(net.embedder, { inputs: [[UNSEEN, 1, SIZE, SIZE]] });
  const unseen = Array.from({ length: UNSEEN }, sign);
  const known = await program.run(drawings(unseen));
  let found = 0;
  for (let k = 0; k < tested; k++) {
    const asked = await program.run(drawings(unseen));
    const nearest = await asked.matmul(known.t()).argmax(1).data();
    found += Array.from(nearest).filter((which, own) => which === own).length;
  }
  return found / (tested * UNSEEN);
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const recall = await main();
  console.log(`${(100 * recall).toFixed(1)} % of drawings of unseen signs find their own (chance: 5 %)`);
}
