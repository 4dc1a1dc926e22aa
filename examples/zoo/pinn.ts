/**
 * A physics-informed net: a function u(x, t) that is fitted only to the wave equation, its initial and boundary
 * conditions, by the second derivatives of the net itself. `npx tsx examples/zoo/pinn.ts` trains it, all of it one
 * program, and compares it with the exact solution.
 */

import {
  autograd,
  cat,
  compile,
  compileTraining,
  fullLike,
  manualSeed,
  nn,
  optim,
  rand,
  type Tensor,
  zerosLike,
} from "kiln-js";

const POINTS = 128;
const WIDTH = 32;

class Sine extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.sin();
  }
}

/** u at positions x [N,1] and times t [N,1]. */
export class Wave extends nn.Module {
  body = new nn.Sequential(
    new nn.Linear(2, WIDTH),
    new Sine(),
    new nn.Linear(WIDTH, WIDTH),
    new Sine(),
    new nn.Linear(WIDTH, WIDTH),
    new Sine(),
    new nn.Linear(WIDTH, 1),
  );

  forward(x: Tensor, t: Tensor): Tensor {
    return this.body.forward(cat([x, t], 1));
  }
}

/** The shape of the plucked string at time 0, when its speed is 0. */
const start = (x: Tensor): Tensor => x.mul(Math.PI).sin();
const exact = (x: Tensor, t: Tensor): Tensor => x.mul(Math.PI).sin().mul(t.mul(Math.PI).cos());

/** The residuals of each equation, at positions x [N,1] and times t [N,1]. */
export class WaveEquation extends nn.Module {
  constructor(readonly u: Wave) {
    super();
  }

  forward(x: Tensor, t: Tensor): [inside: Tensor, start: Tensor, speed: Tensor, left: Tensor, right: Tensor] {
    const derivative = (y: Tensor, of: Tensor): Tensor =>
      autograd.grad(y.sum(), of, { createGraph: true })[0];
    x.requiresGrad_();
    t.requiresGrad_();
    const u = this.u.forward(x, t);
    const inside = derivative(derivative(u, t), t).sub(derivative(derivative(u, x), x));
    const now = zerosLike(t).requiresGrad_();
    const first = this.u.forward(x, now);
    const end = (place: number): Tensor => this.u.forward(fullLike(x, place), t);
    return [inside, first.sub(start(x)), derivative(first, now), end(0), end(1)];
  }
}

/** The mean squared residual; initial and boundary conditions weigh more. */
export class Residuals extends nn.Module {
  forward(inside: Tensor, ...others: Tensor[]): Tensor {
    return others.reduce((sum, rest) => sum.add(rest.square().mean().mul(10)), inside.square().mean());
  }
}

/** Trains for so many steps; returns the root mean square of the error of u, and of u. */
export async function main(steps = 3000): Promise<[error: number, size: number]> {
  manualSeed(0);
  const u = new Wave();
  const trainer = await compileTraining(new WaveEquation(u), {
    inputs: [
      [POINTS, 1],
      [POINTS, 1],
    ],
    targets: [],
    loss: new Residuals(),
    optimizer: new optim.Adam(u.parameters(), { lr: 2e-3 }),
  });
  for (let step = 1; step <= steps; step++) {
    const loss = await trainer.step(rand(POINTS, 1), rand(POINTS, 1));
    if (step % 500 === 0) console.log(`step ${step}: loss ${loss.toFixed(6)}`);
  }
  const program = await compile(u, {
    inputs: [
      [1000, 1],
      [1000, 1],
    ],
  });
  const [x, t] = [rand(1000, 1), rand(1000, 1)];
  const rms = (y: Tensor): Promise<number> => y.square().mean().sqrt().item();
  return [await rms((await program.run(x, t)).sub(exact(x, t))), await rms(exact(x, t))];
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const [error, size] = await main();
  console.log(`the error of u is ${error.toFixed(4)}, u itself is ${size.toFixed(4)} (root mean square)`);
}
