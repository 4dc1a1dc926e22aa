/** What can be done with tensors against PyTorch: values, gradients and three training steps. */

import { aminmax, cat, F, stack, stdMean, type Tensor, varMean, where } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

const extremes = ({ values, indices }: { values: Tensor; indices: Tensor }): Tensor =>
  values.mul(indices.float().add(1));

const product = ([a, b]: readonly [Tensor, Tensor]): Tensor => a.mul(b);

type Computation = (...inputs: Tensor[]) => Tensor;

const ARITHMETIC: Record<string, Computation> = {
  "add and sub": (x, y) => x.add(y).sub(2),
  "sub and rsub": (x, y) => x.sub(y).rsub(3),
  "mul and div": (x, y) => x.mul(3).div(y.add(2)),
  "div by a number": (x, y) => x.div(4).mul(y),
  "pow of numbers": (x) => x.pow(3).add(x.pow(2).mul(0.5)).add(x.pow(-1)),
  "pow of tensors": (x, y) => x.add(0.5).pow(y),
  "sqrt and rsqrt": (x) => x.add(0.5).sqrt().mul(x.add(1).rsqrt()),
  "exp, log and expm1": (x) => x.exp().add(x.add(0.5).log()).sub(x.expm1()),
  "log1p and erf": (x) => x.log1p().mul(x.erf()),
  "abs, neg and sign": (x) => x.abs().sub(x.neg().mul(x.sign()).mul(2)),
  "square and reciprocal": (x) => x.square().sub(x.add(0.5).reciprocal()),
  "tanh and sigmoid": (x) => x.tanh().mul(x.sigmoid()),
  "clamp on both sides": (x) => x.clamp(-0.5, 1),
  "clamp by tensors": (x, y) => x.clamp(undefined, y),
  "maximum and minimum": (x, y) => x.maximum(y).sub(x.minimum(y).mul(2)),
  "maximum and minimum of numbers": (x) => x.maximum(0.25).sub(x.minimum(-0.25)),
  "max and min of tensors": (x, y) => x.max(y).mul(y.min(x)),
};

const CHOICES: Record<string, Computation> = {
  "gt and le": (x, y) => x.gt(y).float().mul(x).add(x.le(0.5).float().mul(y)),
  "lt and ge": (x, y) => x.lt(y).typeAs(x).mul(x).add(x.ge(-0.5).float().mul(y)),
  "eq and ne of classes": (x, c) => c.eq(1).float().mul(x).sub(c.ne(2).float()),
  "eq and ne of casts": (x) => x.int().eq(1).float().mul(x).sub(x.int().ne(0).to("float32")),
  where: (x, y) => where(x.gt(y), x, y.mul(2)),
  "where of numbers": (x) => where(x.gt(0), x, 0.5).add(where(x.gt(1), -1, x)),
  masked_fill: (x) => x.maskedFill(x.lt(0), -7).mul(x),
  "masked_fill with a row": (x, y) => x.maskedFill(y.gt(0), 2.5),
  casts: (x) => x.int().float().mul(x).add(x.int().bool().float()),
  "any and all": (x) => x.mul(x.gt(1).any(1, true).float()).sub(x.gt(-1).all(0).float()),
  "any and all of everything": (x) => x.mul(x.gt(1).any().float()).sub(x.gt(-9).all().float()),
  "sum of truths": (x) => x.mul(x.gt(0).sum(1, true).float()),
};

const REDUCTIONS: Record<string, Computation> = {
  "sum of all": (x) => x.sum(),
  "sum over axes": (x) => x.sum([0, 2]).add(x.sum(-1, true).sum()),
  "mean over axes": (x) => x.mean([1, 2], true).mul(x.mean(0)),
  prod: (x) => x.prod().add(x.prod(1).sum()),
  "prod over an axis": (x) => x.prod(1, true).mul(x),
  "amax and amin": (x) => x.amax([0, 2], true).sub(x.amin(1, true)),
  "amax and amin of all": (x) => x.amax().mul(x.amin()),
  "max and min of all": (x) => x.max().mul(x.min()),
  "max along an axis": (x) => extremes(x.max(1)),
  "max along an axis, kept": (x) => extremes(x.max(-1, true)).mul(x),
  "min along an axis": (x) => extremes(x.min(0)),
  "min along an axis, kept": (x) => extremes(x.min(1, true)).mul(x),
  "argmax and argmin": (x) => x.mul(x.argmax(1, true).float()).sub(x.argmin(0).float()),
  "var and std": (x) => x.var(1, { keepdim: true }).mul(x.std(0)),
  "var and std of the population": (x) =>
    x.var([1, 2], { correction: 0 }).add(x.std(undefined, { correction: 0 })),
  "var and mean": (x) => product(varMean(x, 1, { keepdim: true })),
  "var and mean of all": (x) => product(varMean(x)),
  "std and mean of the population": (x) => {
    const [deviation, mean] = stdMean(x, [0, 2], { correction: 0 });
    return deviation.sub(mean);
  },
  aminmax: (x) => {
    const { min, max } = x.aminmax({ dim: 1, keepdim: true });
    return min.sub(max).mul(x);
  },
  "aminmax of all": (x) => {
    const { min, max } = aminmax(x);
    return min.mul(max);
  },
  norm: (x) => x.norm().mul(x.norm(2, 1)),
  "norm of order 1": (x) => x.norm(1).mul(x.norm(1, 0, true)),
  "norm of order 3": (x) => x.norm(3).mul(x.norm(3, [0, 2])),
  "norm of order 0.5": (x) => x.norm(0.5, 1).mul(x.norm(0, 1)),
  "norm of order infinity": (x) => x.norm(Number.POSITIVE_INFINITY, 1).mul(x.norm(Number.NEGATIVE_INFINITY)),
  logsumexp: (x) => x.logsumexp(1, true).mul(x),
  "logsumexp over axes": (x) => x.logsumexp([0, 2]),
  softmax: (x) => x.softmax(1),
  "softmax and log_softmax": (x) => x.softmax(0).mul(x.logSoftmax(-1)),
  cumsum: (x) => x.cumsum(1),
  "cumsum of the first axis": (x) => x.cumsum(0).mul(x),
};

const PRODUCTS: Record<string, Computation> = {
  matmul: (x, y) => x.matmul(y),
  "matmul of vectors": (x, y) => x.matmul(y),
  "matmul by a vector": (x, y) => x.matmul(y),
  "matmul of a vector": (x, y) => x.matmul(y),
  "matmul of batches": (x, y) => x.matmul(y),
  "matmul of broadcast batches": (x, y) => x.matmul(y),
  "matmul of a matrix and a batch": (x, y) => x.matmul(y),
  "mm and t": (x, y) => x.mm(y.t()),
  "bmm and dot": (x, y, v) => x.bmm(y).mul(v.dot(v)),
};

const REARRANGEMENTS: Record<string, Computation> = {
  "transpose and permute": (x) => x.permute(2, 0, 1).mul(x.transpose(0, 2).transpose(1, 2)),
  "permute of negative axes": (x) => x.permute(-1, -3, -2).transpose(-1, 0),
  "view, reshape and flatten": (x) =>
    x
      .view(6, -1)
      .sum(1)
      .mul(x.reshape([6, 4]).flatten().slice(0, 0, 6)),
  "flatten of axes": (x) => x.flatten(1).mul(x.flatten(0, 1).reshape(2, 12)),
  "squeeze and unsqueeze": (x) => x.unsqueeze(1).mul(x.unsqueeze(-1).squeeze(1).unsqueeze(0)),
  "squeeze of an axis": (x) => x.squeeze(1).mul(x.squeeze()),
  expand: (x, y) => x.expand(2, -1, 4).mul(y),
  "expand of a new axis": (x) => x.expand([3, 2, 4]).cumsum(0),
  cat: (x, y) => cat([x, y, x], 1),
  "cat of rows": (x, y) => cat([x, y]),
  stack: (x, y) => stack([x, y], 1),
  "stack at the end": (x, y) => stack([x, y], -1),
  split: (x) => x.split(2, 1)[0].mul(x.split([1, 2, 1], 1)[1]),
  chunk: (x) => x.chunk(2, 1)[1].add(x.chunk(4, 1)[1].mul(x.chunk(2)[1].slice(1, 0, 2))),
  slicing: (x) =>
    x
      .slice(1, 1)
      .slice(2, 0, undefined, 2)
      .mul(x.slice(1, 0, 2).slice(2, -2)),
  "select and narrow": (x) => x.select(1, 1).mul(x.narrow(1, -1, 1).squeeze(1)),
  flip: (x) => x.flip(0, 2).mul(x.flip(1)),
  pad: (x) => F.pad(x, [1, 2, 0, 1], "constant", 0.5),
  "pad by reflection": (x) => F.pad(x, [2, 1], "reflect"),
  "pad by repetition": (x) => F.pad(x, [1, 2], "replicate"),
  gather: (x, c) => x.gather(1, c),
  "gather of rows": (x, c) => x.gather(0, c),
};

const ALL = { ...ARITHMETIC, ...CHOICES, ...REDUCTIONS, ...PRODUCTS, ...REARRANGEMENTS };

testModuleCases(
  "tensor_operations",
  Object.fromEntries(Object.entries(ALL).map(([name, computation]) => [name, () => computation])),
);
