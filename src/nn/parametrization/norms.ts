/** Weight norm and spectral norm (torch.nn.utils.parametrizations). */

import { KilnError } from "../../core/errors.ts";
import { normalizeAxis } from "../../core/shape.ts";
import { noGrad } from "../../tensor/grad-mode.ts";
import { norm } from "../../tensor/norms.ts";
import { randn } from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { normalize } from "../functional/distance.ts";
import { TransposedConvolution } from "../layers/transposed-convolution.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";
import { type Parametrization, registerParametrization } from "./parametrize.ts";

/** The tensor that is to be parametrised. */
function tensorOf(callee: string, module: Module, name: string): Tensor {
  const value: unknown = Reflect.get(module, name);
  if (value instanceof Tensor) return value;
  throw new KilnError(`${callee}: ${module.constructor.name} has no parameter ${name}`);
}

/** Length and direction by themselves; the name is what PyTorch prints. */
class _WeightNorm extends Module implements Parametrization {
  /** The axes that a length is over. */
  readonly #axes: readonly number[];

  constructor(axes: readonly number[]) {
    super();
    this.#axes = axes;
  }

  /** `direction·length / ‖direction‖`. */
  forward(length: Tensor, direction: Tensor): Tensor {
    return direction.mul(length.div(this.lengthOf(direction).reshape(length.shape)));
  }

  rightInverse(value: Tensor): readonly Tensor[] {
    const lengths = this.lengthOf(value);
    return [this.#axes.length === value.ndim ? lengths.reshape([]) : lengths, value];
  }

  private lengthOf(value: Tensor): Tensor {
    return norm(value, 2, this.#axes, true);
  }
}

/** The named arguments of {@link weightNorm}. */
export interface WeightNormOptions {
  /** The parameter's name (default: "weight"). */
  readonly name?: string;
  /** The axis whose parts have lengths of their own (default: 0); with null there is one length. */
  readonly dim?: number | null;
}

/**
 * Learns a parameter's length and direction apart (Salimans and Kingma, 2016; torch.nn.utils.parametrizations.weight_norm):
 * as `parametrizations.weight.original0` and `original1`. Gives the module back.
 */
export function weightNorm<M extends Module>(
  module: M,
  name?: string | WeightNormOptions,
  dim?: number | null | WeightNormOptions,
): M {
  const options = new Arguments("weightNorm", [name, dim], ["name", "dim"]);
  const own = (options.given("name") as string | undefined) ?? "weight";
  const { ndim } = tensorOf("weightNorm", module, own);
  const kept = options.isNull("dim")
    ? undefined
    : normalizeAxis(options.integer("dim", Number.NEGATIVE_INFINITY, 0), ndim);
  const axes = Array.from({ length: ndim }, (_, axis) => axis).filter((axis) => axis !== kept);
  return registerParametrization(module, own, new _WeightNorm(axes));
}

/** How often the power method is run at first. */
const FIRST_ITERATIONS = 15;

/** Division by the largest singular value, found by the power method; the name is what PyTorch prints. */
class _SpectralNorm extends Module implements Parametrization {
  /** The singular vectors so far. */
  declare readonly _u: Tensor | undefined;
  declare readonly _v: Tensor | undefined;
  readonly #iterations: number;
  readonly #dim: number;
  readonly #eps: number;

  constructor(weight: Tensor, iterations: number, dim: number, eps: number) {
    super();
    this.#iterations = iterations;
    this.#dim = dim;
    this.#eps = eps;
    if (weight.ndim < 2) return;
    const matrix = this.matrixOf(weight);
    const [rows, columns] = matrix.shape;
    this.registerBuffer("_u", normalize(randn(rows), 2, 0, eps));
    this.registerBuffer("_v", normalize(randn(columns), 2, 0, eps));
    this.iterate(matrix, FIRST_ITERATIONS);
  }

  forward(weight: Tensor): Tensor {
    if (this._u === undefined || this._v === undefined) return normalize(weight, 2, 0, this.#eps);
    const matrix = this.matrixOf(weight);
    if (this.training) this.iterate(matrix, this.#iterations);
    // Copies: what a later step writes into the buffers does not change what this one is differentiated by.
    const [u, v] = [this._u.clone(), this._v.clone()];
    return weight.div(u.mul(matrix.matmul(v)).sum());
  }

  /** The weight as a matrix with a row for each part along the axis. */
  private matrixOf(weight: Tensor): Tensor {
    const others = weight.shape.map((_, axis) => axis).filter((axis) => axis !== this.#dim);
    return (this.#dim === 0 ? weight : weight.permute([this.#dim, ...others])).flatten(1);
  }

  private iterate(matrix: Tensor, times: number): void {
    const { _u: u, _v: v } = this;
    if (u === undefined || v === undefined) return;
    const eps = this.#eps;
    noGrad(() => {
      const own = matrix.detach();
      for (let k = 0; k < times; k++) {
        u.copy_(normalize(own.matmul(v), 2, 0, eps));
        v.copy_(normalize(own.t().matmul(u), 2, 0, eps));
      }
    });
  }
}

/** The named arguments of {@link spectralNorm}. */
export interface SpectralNormOptions {
  /** The parameter's name (default: "weight"). */
  readonly name?: string;
  /** How often the power method is run at each use while training (default: 1). */
  readonly nPowerIterations?: number;
  /** The least length that is divided by (default: 1e-12). */
  readonly eps?: number;
  /** The axis of the outputs: 0 by default, but 1 of transposed convolutions. */
  readonly dim?: number | null;
}

/**
 * Divides a parameter by its largest singular value (Miyato et al., 2018; torch.nn.utils.parametrizations.spectral_norm),
 * which the buffers `parametrizations.weight.0._u` and `_v` follow while training. Gives the module back.
 */
export function spectralNorm<M extends Module>(
  module: M,
  name?: string | SpectralNormOptions,
  nPowerIterations?: number | SpectralNormOptions,
  eps?: number | SpectralNormOptions,
  dim?: number | null | SpectralNormOptions,
): M {
  const names = ["name", "nPowerIterations", "eps", "dim"];
  const options = new Arguments("spectralNorm", [name, nPowerIterations, eps, dim], names);
  const own = (options.given("name") as string | undefined) ?? "weight";
  const weight = tensorOf("spectralNorm", module, own);
  const outputs = module instanceof TransposedConvolution ? 1 : 0;
  const axis = options.has("dim") ? options.integer("dim", Number.NEGATIVE_INFINITY) : outputs;
  const iterations = options.integer("nPowerIterations", 1, 1);
  const parametrization = new _SpectralNorm(
    weight,
    iterations,
    normalizeAxis(axis, weight.ndim),
    options.number("eps", 0, 1e-12),
  );
  return registerParametrization(module, own, parametrization);
}
