/**
 * A diffusion model of points in the plane. `npx tsx examples/zoo/ddpm.ts` trains a net to predict the noise in points
 * of a spiral, then makes points from pure noise, in a hundred steps that are all runs of one program, and measures how
 * far their distribution is from the spiral's.
 */

import {
  arange,
  cat,
  compile,
  compileTraining,
  linspace,
  manualSeed,
  nn,
  optim,
  rand,
  randint,
  randn,
  randnLike,
  stack,
  type Tensor,
  tensor,
} from "kiln-js";

const BATCH = 256;
const STEPS = 100;
const WIDTH = 64;
const INT32 = { dtype: "int32" } as const;

/** Positions [N] as sines and cosines of many wavelengths, [N,width]. */
function sinusoids(positions: Tensor, width: number): Tensor {
  const half = width / 2;
  const frequencies = arange(half)
    .mul(-Math.log(10_000) / half)
    .exp();
  const angles = positions.unsqueeze(1).mul(frequencies);
  return cat([angles.sin(), angles.cos()], 1);
}

class Block extends nn.Module {
  norm = new nn.LayerNorm(WIDTH);
  time = new nn.Linear(WIDTH, WIDTH);
  body = new nn.Sequential(new nn.Linear(WIDTH, WIDTH), new nn.SiLU(), new nn.Linear(WIDTH, WIDTH));

  forward(x: Tensor, time: Tensor): Tensor {
    return x.add(this.body.forward(this.norm.forward(x).add(this.time.forward(time))));
  }
}

export class Denoiser extends nn.Module {
  lift = new nn.Linear(2, WIDTH);
  blocks: nn.ModuleList<Block>;
  out: nn.Linear;

  constructor(depth = 3) {
    super();
    this.blocks = new nn.ModuleList(Array.from({ length: depth }, () => new Block()));
    this.out = new nn.Linear(WIDTH, 2);
  }

  /** The noise in points [N,2] after so many steps [N], or [1] for all. */
  forward(points: Tensor, steps: Tensor): Tensor {
    const time = sinusoids(steps.float(), WIDTH);
    let x = this.lift.forward(points);
    for (const block of this.blocks) x = block.forward(x, time);
    return this.out.forward(x);
  }
}

/** The noise that each step adds, and the share of the data that is left after it. */
const BETAS = linspace(1e-3, 0.1, STEPS);
const LEFT = BETAS.neg().log1p().cumsum(0).exp();

/** Adds noise to points [N,2]; returns the predicted and the actual noise. */
export class Forward extends nn.Module {
  constructor(readonly denoiser: Denoiser) {
    super();
  }

  forward(points: Tensor): [Tensor, Tensor] {
    const steps = randint(0, STEPS, [points.shape[0]]);
    const noise = randnLike(points);
    const left = LEFT.indexSelect(0, steps).unsqueeze(1);
    const noisy = left.sqrt().mul(points).add(left.neg().add(1).sqrt().mul(noise));
    return [this.denoiser.forward(noisy, steps), noise];
  }
}

/** One step [1] back: points with a little less noise. */
class Backward extends nn.Module {
  constructor(readonly denoiser: Denoiser) {
    super();
  }

  forward(points: Tensor, step: Tensor): Tensor {
    const [beta, left] = [BETAS.indexSelect(0, step), LEFT.indexSelect(0, step)];
    const noise = this.denoiser.forward(points, step).mul(beta.div(left.neg().add(1).sqrt()));
    const mean = points.sub(noise).div(beta.neg().add(1).sqrt());
    return mean.add(randnLike(points).mul(beta.sqrt()).mul(step.gt(0).float()));
  }
}

/** Points [N,2] of a spiral. */
export function spiral(count = BATCH): Tensor {
  const turn = rand(count)
    .sqrt()
    .mul(3 * Math.PI);
  const radius = turn.mul(2 / (3 * Math.PI));
  return stack([radius.mul(turn.cos()), radius.mul(turn.sin())], 1).add(randn(count, 2).mul(0.05));
}

/** The energy distance of two sets of points, 0 for equal distributions. */
async function distance(a: Tensor, b: Tensor): Promise<number> {
  const mean = (x: Tensor, y: Tensor): Tensor => x.unsqueeze(1).sub(y.unsqueeze(0)).norm(2, -1).mean();
  return mean(a, b).mul(2).sub(mean(a, a)).sub(mean(b, b)).item();
}

/** Trains for so many steps; returns the distance of its points from the spiral, and that of noise. */
export async function main(steps = 4000, made = 1000): Promise<[samples: number, noise: number]> {
  manualSeed(0);
  const denoiser = new Denoiser();
  const trainer = await compileTraining(new Forward(denoiser), {
    inputs: [[BATCH, 2]],
    targets: [],
    loss: new nn.MSELoss(),
    optimizer: new optim.Adam(denoiser.parameters(), { lr: 2e-3 }),
  });
  for (let step = 1; step <= steps; step++) {
    const loss = await trainer.step(spiral());
    if (step % 500 === 0) console.log(`step ${step}: loss ${loss.toFixed(4)}`);
  }
  const program = await compile(new Backward(denoiser), { inputs: [[made, 2], { shape: [1], ...INT32 }] });
  const noise = randn(made, 2);
  let points = noise;
  for (let step = STEPS - 1; step >= 0; step--) points = await program.run(points, tensor([step], INT32));
  return [await distance(points, spiral(made)), await distance(noise, spiral(made))];
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const [samples, noise] = await main();
  console.log(`distance from the spiral: ${samples.toFixed(4)} (noise: ${noise.toFixed(4)})`);
}
