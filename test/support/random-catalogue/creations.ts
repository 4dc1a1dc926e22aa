/** Tensors created in forward, loops, and custom gradients, as steps of random models. */

import * as kiln from "kiln-js";
import { autograd, noGrad, scan, type Tensor, zeros } from "kiln-js";
import { beside, type FunctionTable, last } from "./entry.ts";

/** One axis of numbers for the last axis. */
const width = (x: Tensor): number => last(x.shape);

/** A smooth step whose gradient is that of a straight line. */
class SoftStep extends autograd.Function {
  static forward(context: autograd.FunctionContext, x: Tensor, steepness: number): Tensor {
    context.saveForBackward(x);
    context.steepness = steepness;
    return x.mul(steepness).tanh();
  }

  static backward(
    { savedTensors: [x], steepness }: autograd.FunctionContext,
    gradient: Tensor,
  ): [Tensor, null] {
    return [gradient.mul(x.abs().lt(1.1).float()).mul(steepness as number), null];
  }
}

export const CREATIONS: FunctionTable = {
  zeros: (x) => kiln.cat([x, kiln.zeros(...x.shape)], 1),
  ones: (x) => x.add(kiln.ones(width(x))),
  full: (x, { a }) => x.mul(kiln.full([width(x)], (a % 7) / 5)),
  tensor: (x, { a }) => x.add(kiln.tensor([(a % 7) / 5])),
  arange: (x, { a }) => x.add(kiln.arange(width(x)).mul((a % 3) / 10)),
  linspace: (x) => x.mul(kiln.linspace(0.5, 1.5, width(x))),
  logspace: (x) => x.mul(kiln.logspace(-0.5, 0, width(x))),
  eye: (x) => x.matmul(kiln.eye(width(x)).add(0.1)),
  zerosLike: (x) => x.maximum(kiln.zerosLike(x)),
  onesLike: (x) => x.add(kiln.onesLike(x).mul(0.2)),
  fullLike: (x) => x.minimum(kiln.fullLike(x, 0.4)),
  rand: (x) => x.add(kiln.rand(...x.shape)),
  randn: (x) => x.add(kiln.randn(width(x)).mul(0.3)),
  randint: (x) =>
    x.add(
      kiln
        .randint(0, 3, [width(x)])
        .float()
        .mul(0.3),
    ),
  randLike: (x) => x.mul(kiln.randLike(x)),
  randnLike: (x) => x.add(kiln.randnLike(x).mul(0.2)),
  randintLike: (x) => x.add(kiln.randintLike(x, 3).mul(0.3)),
  randperm: (x) => x.index("...", kiln.randperm(width(x))),
  normal: (x) => x.add(kiln.normal(x.tanh().detach(), 0.3)),
  bernoulli: (x) => beside(x, x.sigmoid().detach().bernoulli()),
  multinomial: (x) => {
    const flat = x.flatten(1);
    return beside(flat, flat.softmax(1).multinomial(1));
  },
  gumbelSoftmax: (x, { axis, a }) => kiln.F.gumbelSoftmax(x, { tau: 0.5 + (a % 3) / 2, dim: axis }),
  trilIndices: (x) => beside(x, kiln.trilIndices(2, width(x)).select(1, -1).sum()),
  triuIndices: (x) => beside(x, kiln.triuIndices(width(x), width(x)).sum().remainder(3)),
  noGrad: (x, { y }) => x.mul(noGrad(() => y.sigmoid())),
  scan: (x, { axis, a }) => {
    const sequence = x.movedim(axis, 0);
    const step = (h: Tensor, e: Tensor): [Tensor, Tensor] => {
      const next = h.mul(0.6).add(e).tanh();
      return [next, next.mul(e)];
    };
    const [h, stacked] = scan(step, zeros(sequence.shape.slice(1)), sequence, { reverse: a % 2 === 0 });
    return stacked.movedim(0, axis).add(h.unsqueeze(axis));
  },
  "scan of two states": (x, { y, axis }) => {
    const [states] = scan(
      ({ u, v }: { u: Tensor; v: Tensor }, e: Tensor) => [{ u: v, v: u.mul(0.5).add(e.sin()) }, null],
      { u: x.select(axis, 0), v: y.select(axis, 0).tanh() },
      y.movedim(axis, 0),
    );
    return states.u.mul(states.v).unsqueeze(axis).add(x);
  },
  "autograd.Function": (x, { a }) => SoftStep.apply(x, 1 + (a % 3) / 2),
  "autograd.grad": (x, { y }) => {
    const own = x.tanh().requiresGrad_();
    const energy = own.square().mul(y.sigmoid()).sum().add(own.sin().sum());
    const [slope] = autograd.grad(energy, [own], { createGraph: true });
    return slope.mul(0.5);
  },
};
