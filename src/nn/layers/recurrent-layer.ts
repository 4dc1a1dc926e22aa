/**
 * The common base of RNN, LSTM and GRU: layers and directions, their parameters under PyTorch's names, and the loop
 * over time. The inputs of all time steps are multiplied with their weights at once, before the loop.
 */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { arange, zeros } from "../../tensor/creation.ts";
import { bounded } from "../../tensor/lookup.ts";
import { cat, stack } from "../../tensor/rearrange.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { scan } from "../../trace/scan.ts";
import { initialParameter } from "../default-init.ts";
import { dropout, probability } from "../functional/dropout.ts";
import { linear } from "../functional/linear.ts";
import { uniform } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag } from "../options.ts";
import type { Parameter } from "../parameter.ts";
import { refuse } from "../reduction.ts";
import type { Recurrence, RecurrentWeights } from "./recurrence.ts";

/** The options of {@link Recurrent}. */
export interface RecurrentOptions {
  /** The number of stacked layers (default: 1). */
  readonly numLayers?: number;
  /** Whether the sums have biases (default: true). */
  readonly bias?: boolean;
  /** Whether inputs and outputs are [N,T,…] and not [T,N,…] (default: false). States are [layers,N,…] either way. */
  readonly batchFirst?: boolean;
  /** The probability that an output of a layer but the last is dropped while training (default: 0). */
  readonly dropout?: number;
  /** Whether a second direction reads from the end (default: false). */
  readonly bidirectional?: boolean;
}

/** What {@link Recurrent} takes, by name. */
export interface RecurrentArguments extends RecurrentOptions {
  /** The number of input features per step. */
  readonly inputSize: number;
  /** The number of features of the hidden state. */
  readonly hiddenSize: number;
}

/** The options of one batch of sequences. */
export interface SequenceOptions {
  /**
   * int32 [N]: the length of each sequence, from 1 to T. Beyond it the state does not change and outputs are 0, and the
   * reverse direction begins at each sequence's own end, as with PyTorch's packed sequences.
   */
  readonly lengths?: Tensor;
}

export abstract class RecurrentLayer extends Module {
  /** The number of input features per step. */
  readonly inputSize: number;
  /** The number of features of the hidden state. */
  readonly hiddenSize: number;
  /** The number of stacked layers. */
  readonly numLayers: number;
  /** Whether there are biases. */
  readonly bias: boolean;
  /** Whether sequences are [N,T,E] and not [T,N,E]. */
  readonly batchFirst: boolean;
  /** The probability of dropout between layers while training. */
  readonly dropout: number;
  /** Whether sequences are read backwards as well. */
  readonly bidirectional: boolean;
  /** The number of features that the hidden state is projected to; 0 for no projection. */
  readonly projSize: number;
  [weight: `weight_${string}`]: Parameter;
  [bias: `bias_${string}`]: Parameter;

  constructor(given: Arguments, callee: string, gates: number, projSize = 0) {
    super();
    this.inputSize = given.integer("inputSize", 1);
    this.hiddenSize = given.integer("hiddenSize", 1);
    this.numLayers = given.integer("numLayers", 1, 1);
    this.bias = given.flag("bias", true);
    this.batchFirst = given.flag("batchFirst", false);
    this.dropout = probability(callee, given, "dropout", 0);
    this.bidirectional = given.flag("bidirectional", false);
    this.projSize = projSize;
    if (projSize >= this.hiddenSize)
      throw new KilnError(
        `${callee}'s projSize ${projSize} must be smaller than its hiddenSize ${this.hiddenSize}`,
      );
    this.addParameters(gates * this.hiddenSize);
  }

  /** One step of the recurrence. */
  protected abstract get recurrence(): Recurrence;

  /** PyTorch's name of the directions of a layer in its parameters. */
  private suffixes(layer: number): readonly string[] {
    return this.bidirectional ? [`l${layer}`, `l${layer}_reverse`] : [`l${layer}`];
  }

  private addParameters(rows: number): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    const out = this.outSize;
    for (let layer = 0; layer < this.numLayers; layer++) {
      const fed = layer === 0 ? this.inputSize : out * this.directions;
      for (const suffix of this.suffixes(layer)) {
        const shapes: Record<string, Shape> = {
          [`weight_ih_${suffix}`]: [rows, fed],
          [`weight_hh_${suffix}`]: [rows, out],
          ...(this.bias && { [`bias_ih_${suffix}`]: [rows], [`bias_hh_${suffix}`]: [rows] }),
          ...(this.projSize > 0 && { [`weight_hr_${suffix}`]: [out, this.hiddenSize] }),
        };
        for (const [name, shape] of Object.entries(shapes))
          Reflect.set(this, name, initialParameter(shape, uniform(-bound, bound)));
      }
    }
  }

  private get directions(): 1 | 2 {
    return this.bidirectional ? 2 : 1;
  }

  /** How many numbers go out of each step, and come back into the next. */
  protected get outSize(): number {
    return this.projSize > 0 ? this.projSize : this.hiddenSize;
  }

  private weights(suffix: string): RecurrentWeights {
    return {
      input: this[`weight_ih_${suffix}`],
      hidden: this[`weight_hh_${suffix}`],
      inputBias: this.bias ? this[`bias_ih_${suffix}`] : undefined,
      hiddenBias: this.bias ? this[`bias_hh_${suffix}`] : undefined,
      projection: this.projSize > 0 ? this[`weight_hr_${suffix}`] : undefined,
    };
  }

  /**
   * Goes through all layers: the outputs of the last, and each kind of state after the last step,
   * [layers·directions,N,…]. `sizes` are those of the kinds, `initial` their values before the first step, or nothing
   * for zeros.
   */
  protected through(
    input: Tensor,
    sizes: readonly number[],
    initial: readonly Tensor[] | undefined,
    options: SequenceOptions,
  ): [Tensor, Tensor[]] {
    const given = new Arguments(`${this.constructor.name}'s forward`, [options], [], ["lengths"]);
    const lengths = given.tensor("lengths");
    const isBatch = this.checkInput(input);
    const timeMajor = !isBatch ? input.unsqueeze(1) : this.batchFirst ? input.transpose(0, 1) : input;
    const [steps, batch] = timeMajor.shape;
    const count = this.numLayers * this.directions;
    const states = sizes.map((size, kind) =>
      this.initialState(initial?.[kind], [count, batch, size], isBatch),
    );
    const mask = lengths === undefined ? undefined : this.maskOf(lengths, steps, batch);
    const last: Tensor[][] = sizes.map(() => []);
    let x = timeMajor;
    for (let layer = 0; layer < this.numLayers; layer++) {
      if (layer > 0) x = dropout(x, this.dropout, this.training);
      const outputs = this.suffixes(layer).map((suffix, direction) => {
        const before = states.map((state) => state.select(0, layer * this.directions + direction));
        const [after, output] = this.loop(x, before, this.weights(suffix), direction === 1, mask);
        for (const [kind, state] of after.entries()) last[kind].push(state);
        return output;
      });
      x = outputs.length === 1 ? outputs[0] : cat(outputs, -1);
    }
    const out = !isBatch ? x.squeeze(1) : this.batchFirst ? x.transpose(0, 1) : x;
    return [out, last.map((kind) => (isBatch ? stack(kind) : stack(kind).squeeze(1)))];
  }

  /** One direction of one layer. */
  private loop(
    x: Tensor,
    before: readonly Tensor[],
    weights: RecurrentWeights,
    reverse: boolean,
    mask: Tensor | undefined,
  ): [readonly Tensor[], Tensor] {
    const { recurrence } = this;
    const products = linear(x, weights.input, weights.inputBias);
    const step = (
      state: readonly Tensor[],
      [product, ...masks]: readonly Tensor[],
    ): [readonly Tensor[], Tensor] => {
      const next = recurrence(product, state, weights);
      const isPart = masks.at(0);
      if (isPart === undefined) return [next, next[0]];
      return [next.map((after, k) => after.where(isPart, state[k])), next[0].where(isPart, 0)];
    };
    return scan(step, before, mask === undefined ? [products] : [products, mask], { reverse });
  }

  private checkInput(input: Tensor): boolean {
    const name = this.constructor.name;
    if (!(input instanceof Tensor)) refuse(`${name} expects a tensor as its input`);
    const layout = this.batchFirst ? "[N,T,in]" : "[T,N,in]";
    if ((input.ndim !== 2 && input.ndim !== 3) || input.dtype !== "float32")
      refuse(`${name} expects float32 ${layout}, or one sequence [T,in], but got ${describe(input)}`);
    if (input.shape[input.ndim - 1] !== this.inputSize)
      refuse(`${name} of inputSize ${this.inputSize} expects ${layout} but got ${describe(input)}`);
    if (input.shape[input.ndim === 3 && this.batchFirst ? 1 : 0] === 0)
      refuse(`${name} expects sequences of at least one step but got ${describe(input)}`);
    return input.ndim === 3;
  }

  private initialState(given: Tensor | undefined, shape: Shape, isBatch: boolean): Tensor {
    if (given === undefined) return zeros(shape);
    const wanted = isBatch ? shape : [shape[0], shape[2]];
    if (!(given instanceof Tensor) || given.dtype !== "float32" || !sameShape(given.shape, wanted))
      refuse(
        `${this.constructor.name} expects an initial state float32${formatShape(wanted)} (layers and directions${isBatch ? ", batch" : ""}, ` +
          `size) but got ${given instanceof Tensor ? describe(given) : describeValue(given)}`,
      );
    return isBatch ? given : given.unsqueeze(1);
  }

  /** `[T,N,1]`: which steps belong to their sequence. */
  private maskOf(lengths: Tensor, steps: number, batch: number): Tensor {
    const name = this.constructor.name;
    if (lengths.dtype !== "int32" || !sameShape(lengths.shape, [batch]))
      refuse(`${name} expects lengths int32[${batch}], one for each sequence, but got ${describe(lengths)}`);
    const checked = bounded(`${name}'s lengths`, lengths, 1, steps);
    return arange(steps, { dtype: "int32" }).unsqueeze(1).lt(checked).unsqueeze(2);
  }

  override extraRepr(): string {
    return [
      `${this.inputSize}, ${this.hiddenSize}`,
      ...(this.projSize > 0 ? [`proj_size=${this.projSize}`] : []),
      ...(this.numLayers === 1 ? [] : [`num_layers=${this.numLayers}`]),
      ...(this.bias ? [] : [`bias=${pythonFlag(false)}`]),
      ...(this.batchFirst ? [`batch_first=${pythonFlag(true)}`] : []),
      ...(this.dropout === 0 ? [] : [`dropout=${this.dropout}`]),
      ...(this.bidirectional ? [`bidirectional=${pythonFlag(true)}`] : []),
    ].join(", ");
  }
}
