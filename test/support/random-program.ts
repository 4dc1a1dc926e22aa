/**
 * Small random programs for the hard parts of tracing: views, changes in place, noGrad, detach, buffers, numbers
 * created in forward, shared and frozen parameters, several inputs and outputs. One program is a list of instructions,
 * which forward follows, so that it runs interactively and compiled alike.
 */

import * as fc from "fast-check";
import { nn, noGrad, ones, slice, type Tensor, tensor, zeros } from "kiln-js";
import { ownerOf } from "../../src/tensor/view.ts";

/** One instruction: its kind, numbers from which it picks operands and options, and whether it runs inside noGrad. */
interface Instruction {
  readonly kind: Kind;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly noGrad: boolean;
}

export interface ProgramSpec {
  readonly instructions: readonly Instruction[];
  readonly inputs: number;
  readonly outputs: number;
  readonly steps: number;
  /** Whether the second parameter is frozen. */
  readonly frozen: boolean;
  /** Whether the loss also pulls the first parameter towards its initial value. */
  readonly anchored: boolean;
  readonly seed: number;
}

/** The result of `make` is a new value; if it is `undefined`, an old one was changed. */
type Act = (values: Values, at: Instruction) => Tensor | undefined;

/** The values that an instruction may use. */
class Values {
  readonly all: Tensor[];
  /** Tensors from outside of forward: only steps that leave no history behind may change them. */
  private readonly kept: ReadonlySet<Tensor>;
  private readonly parameters: ReadonlySet<Tensor>;
  private readonly keepsHistory: boolean;

  constructor(
    all: Tensor[],
    parameters: ReadonlySet<Tensor>,
    kept: ReadonlySet<Tensor>,
    keepsHistory: boolean,
  ) {
    this.all = all;
    this.parameters = parameters;
    this.kept = kept;
    this.keepsHistory = keepsHistory;
  }

  /** Any value, in half of the cases one of the last, to which something has been done. */
  pick(k: number): Tensor {
    return k % 2 === 0 ? this.recent(k >> 1) : this.all[(k >> 1) % this.all.length];
  }

  recent(k: number): Tensor {
    return this.all[this.all.length - 1 - (k % 4)];
  }

  /** Value number `k`, converted so that it can be combined with `like`. */
  fitting(k: number, like: Tensor): Tensor {
    const value = this.pick(k);
    return String(value.shape) === String(like.shape) ? value : value.mean();
  }

  /** Applies `change` to a value in place, unless it belongs to a parameter. */
  change({ a, b }: Instruction, change: (target: Tensor) => void): undefined {
    const target = b % 4 === 0 ? this.pick(a) : this.recent(a);
    const owner = ownerOf(target);
    if (this.parameters.has(owner)) return;
    if (this.kept.has(owner) && !this.keepsHistory) noGrad(() => change(target));
    else change(target);
  }
}

const half = (x: Tensor): Tensor => x.mul(0.5);

const ACTS = {
  add: (v, { a, b }) => v.pick(a).add(v.fitting(b, v.pick(a))),
  sub: (v, { a, b }) => v.recent(a).sub(v.fitting(b, v.recent(a))),
  mul: (v, { a, b }) => v.recent(a).mul(v.fitting(b, v.recent(a))),
  half: (v, { a }) => half(v.pick(a)),
  relu: (v, { a }) => v.recent(a).relu(),
  tanh: (v, { a }) => v.recent(a).tanh(),
  clamp: (v, { a }) => v.pick(a).clamp(-0.9, 0.9),
  mean: (v, { a }) => v.recent(a).mean(),
  straightThrough: (v, { a }) => v.pick(a).sign().add(v.pick(a)).sub(v.pick(a).detach()),
  detach: (v, { a }) => v.pick(a).detach(),
  clone: (v, { a }) => v.pick(a).clone(),
  made: (_v, { a, b }) => [zeros, ones][a % 2](...[[2, 3], [6], [3]][b % 3]),
  written: (_v, { a }) => tensor([a % 3, 1, -1]),
  reshape: (v, { a, b }) => {
    const x = v.pick(a);
    const n = x.numel();
    const shapes = [[n], [1, n], [n, 1], ...(n % 2 === 0 ? [[2, n / 2]] : []), ...(n === 6 ? [[3, 2]] : [])];
    return x.reshape(shapes[b % shapes.length]);
  },
  transpose: (v, { a }) => (v.pick(a).ndim === 2 ? v.pick(a).t() : v.pick(a).unsqueeze(0)),
  select: (v, { a, b, c }) => {
    const x = v.pick(a);
    if (x.ndim === 0) return x.reshape(1);
    const dim = b % x.ndim;
    return x.select(dim, c % x.shape[dim]);
  },
  slice: (v, { a, b, c }) => {
    const x = v.pick(a);
    if (x.ndim === 0) return x.reshape(1);
    const dim = b % x.ndim;
    const start = c % x.shape[dim];
    return x.slice(dim, start, x.shape[dim], 1 + (c % 2));
  },
  expand: (v, { a }) => {
    const x = v.pick(a);
    return x.ndim < 2 ? x.expand(2, ...(x.ndim === 0 ? [3] : x.shape)) : x;
  },
  sin: (v, { a }) => v.pick(a).sin(),
  flip: (v, { a, b }) => along(v.pick(a), b, (x, dim) => x.flip(dim)),
  cumsum: (v, { a, b }) => along(v.recent(a), b, (x, dim) => x.cumsum(dim)),
  unbind: (v, { a, b, c }) => along(v.pick(a), b, (x, dim) => x.unbind(dim)[c % x.shape[dim]]),
  index: (v, { a, c }) => along(v.pick(a), 0, (x) => x.index(slice(c % x.shape[0]), "...")),
  diagonal: (v, { a }) => (v.pick(a).ndim === 2 ? v.pick(a).diagonal() : v.pick(a).unsqueeze(0)),
  sin_: (v, at) => v.change(at, (x) => writable(x)?.sin_()),
  lerp_: (v, at) => v.change(at, (x) => writable(x)?.lerp_(v.fitting(at.c, x), 0.25)),
  maskedFill_: (v, at) => v.change(at, (x) => writable(x)?.maskedFill_(x.gt(0.6), 0.25)),
  tril_: (v, at) => v.change(at, (x) => (x.ndim === 2 ? writable(x)?.tril_() : undefined)),
  indexPut_: (v, at) =>
    v.change(at, (x) => (x.ndim > 0 ? writable(x)?.indexPut_([at.c % x.shape[0]], 0.5) : undefined)),
  add_: (v, at) => v.change(at, (x) => writable(x)?.add_(v.fitting(at.c, x))),
  sub_: (v, at) => v.change(at, (x) => writable(x)?.sub_(half(v.fitting(at.c, x)))),
  mul_: (v, at) => v.change(at, (x) => writable(x)?.mul_(at.c % 2 === 0 ? 0.5 : v.fitting(at.c, x))),
  copy_: (v, at) => v.change(at, (x) => writable(x)?.copy_(v.fitting(at.c, x))),
  clamp_: (v, at) => v.change(at, (x) => writable(x)?.clamp_(-0.9, 0.9)),
  relu_: (v, at) => v.change(at, (x) => writable(x)?.relu_()),
  neg_: (v, at) => v.change(at, (x) => writable(x)?.neg_()),
  fill_: (v, at) => v.change(at, (x) => x.fill_((at.c % 3) - 1)),
  zero_: (v, at) => v.change(at, (x) => x.zero_()),
} satisfies Record<string, Act>;

type Kind = keyof typeof ACTS;

export const KINDS = Object.keys(ACTS) as Kind[];

/** The result of `make` along axis number `k`; for a single number, a list of it. */
const along = (x: Tensor, k: number, make: (x: Tensor, dim: number) => Tensor): Tensor =>
  x.ndim === 0 ? x.reshape(1) : make(x, k % x.ndim);

/** `undefined` for a tensor with overlapping elements, which in-place operations reject. */
const writable = (x: Tensor): Tensor | undefined =>
  x.link?.strides.some((stride, axis) => stride === 0 && x.shape[axis] > 1) ? undefined : x;

/** A part of the model, which shares its parameter with another one. */
class Part extends nn.Module {
  readonly weight: nn.Parameter;
  constructor(weight: nn.Parameter) {
    super();
    this.weight = weight;
  }
  forward(x: Tensor): Tensor {
    return x.mul(this.weight);
  }
}

export class RandomProgram extends nn.Module {
  readonly w: nn.Parameter;
  readonly v: nn.Parameter;
  readonly first: Part;
  readonly second: Part;
  declare readonly total: Tensor;
  declare readonly last: Tensor;
  readonly #spec: ProgramSpec;
  /** Earlier parameters and buffers that the program has kept. */
  readonly #outside: readonly Tensor[];

  constructor(spec: ProgramSpec) {
    super();
    const draw = numbers(spec.seed);
    this.w = new nn.Parameter(draw([2, 3]));
    this.v = new nn.Parameter(draw([3]));
    this.v.requiresGrad = !spec.frozen;
    const shared = new nn.Parameter(draw([2, 3]));
    this.first = new Part(shared);
    this.second = new Part(shared);
    this.registerBuffer("total", draw([2, 3]));
    this.registerBuffer("last", draw([6]).reshape(2, 3));
    this.#spec = spec;
    this.#outside = [
      this.w.detach(),
      this.v.detach().clone(),
      this.total.t(),
      this.last.select(0, 1),
      draw([2, 3]),
    ];
  }

  /** The initial value of the parameter. */
  get anchor(): Tensor {
    return this.#outside[1];
  }

  forward(...inputs: Tensor[]): Tensor[] {
    const { instructions, outputs, steps } = this.#spec;
    const kept = new Set([this.total, this.last, ...this.#outside].map(ownerOf));
    // A program does not write to the memory of a parameter, nor to memory that a step has left behind.
    const parameters = new Set<Tensor>([...this.parameters(), ownerOf(this.#outside[0])]);
    const used = [this.first.forward(inputs[0]), this.second.forward(inputs[0].add(1))];
    const all = [...inputs, this.w, this.v, this.total, this.last, ...this.#outside, ...used];
    const values = new Values(all, parameters, kept, steps === 1);
    for (const at of instructions) {
      const act: Act = ACTS[at.kind];
      const made = at.noGrad ? noGrad(() => act(values, at)) : act(values, at);
      if (made !== undefined) all.push(made);
    }
    return Array.from({ length: outputs }, (_, k) => all[all.length - 1 - k]);
  }
}

/** Combines all outputs, each with the target, so that every one of them matters. */
export class RandomLoss extends nn.Module {
  readonly #model: RandomProgram;
  readonly #anchored: boolean;

  constructor(model: RandomProgram, anchored: boolean) {
    super();
    this.#model = model;
    this.#anchored = anchored;
  }

  forward(...tensors: Tensor[]): Tensor {
    const target = tensors[tensors.length - 1];
    const terms = tensors
      .slice(0, -1)
      .map((output, k) => output.add(output.square()).mean().mul(target.select(0, k)));
    const loss = terms.reduce((sum, term) => sum.add(term)).add(this.#model.w.mul(target.mean()).mean());
    if (!this.#anchored) return loss;
    const { v, anchor } = this.#model;
    return loss.add(v.sub(anchor).square().sum().mul(3));
  }
}

/**
 * Numbers on a coarse grid, so that sums and short products are exact, and what is at a kink is there in every order
 * of rounding.
 */
export function numbers(seed: number): (shape: readonly number[]) => Tensor {
  let state = (seed + 1) | 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 16) % 9) / 4 - 1;
  };
  return (shape) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return tensor(Float32Array.from({ length: size }, next), { shape });
  };
}

const instruction: fc.Arbitrary<Instruction> = fc.record({
  kind: fc.constantFrom(...KINDS),
  a: fc.nat(63),
  b: fc.nat(63),
  c: fc.nat(63),
  noGrad: fc.integer({ min: 0, max: 4 }).map((k) => k === 0),
});

export const randomProgram: fc.Arbitrary<ProgramSpec> = fc.record({
  instructions: fc.array(instruction, { minLength: 3, maxLength: 16 }),
  inputs: fc.integer({ min: 1, max: 2 }),
  outputs: fc.integer({ min: 1, max: 3 }),
  steps: fc.integer({ min: 1, max: 3 }),
  frozen: fc.boolean(),
  anchored: fc.boolean(),
  seed: fc.nat(0xffff),
});

/** The batches that a program is run on: its inputs, then the target. */
export function batchesOf({ inputs, steps, seed }: ProgramSpec): readonly (readonly Tensor[])[] {
  const draw = numbers(seed + 77);
  return Array.from({ length: steps }, () => [
    ...Array.from({ length: inputs }, () => draw([2, 3])),
    draw([3]),
  ]);
}
