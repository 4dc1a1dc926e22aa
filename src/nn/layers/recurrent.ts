/** The recurrent layers: RNN, LSTM and GRU over whole sequences. Their compile time does not grow with the sequences' length. */

import type { Tensor } from "../../tensor/tensor.ts";
import { Arguments } from "../options.ts";
import { refuse } from "../reduction.ts";
import { elman, GATES, gru, lstm, type Nonlinearity, type Recurrence } from "./recurrence.ts";
import {
  type RecurrentArguments,
  RecurrentLayer,
  type RecurrentOptions,
  type SequenceOptions,
} from "./recurrent-layer.ts";

/** The options of {@link RNN}. */
export interface RNNOptions extends RecurrentOptions {
  /** Default: "tanh". */
  readonly nonlinearity?: Nonlinearity;
}

/** What {@link RNN} takes, by name. */
export interface RNNArguments extends RNNOptions, RecurrentArguments {}

/** The options of {@link LSTM}. */
export interface LSTMOptions extends RecurrentOptions {
  /** How many numbers each step's output is projected to (default: 0, which leaves it as it is). */
  readonly projSize?: number;
}

/** What {@link LSTM} takes, by name. */
export interface LSTMArguments extends LSTMOptions, RecurrentArguments {}

const SIZES = ["inputSize", "hiddenSize", "numLayers"];
const REST = ["bias", "batchFirst", "dropout", "bidirectional"];

/**
 * `h' = tanh(x·Wᵢ + bᵢ + h·Wₕ + bₕ)` over sequences [T,N,in], [N,T,in] with `batchFirst`, or one sequence [T,in]
 * (torch.nn.RNN).
 */
export class RNN extends RecurrentLayer {
  /** "tanh" or "relu". */
  readonly nonlinearity: Nonlinearity;

  constructor(inputSize: number, hiddenSize: number, numLayers?: number | RNNOptions, options?: RNNOptions);
  constructor(options: RNNArguments);
  constructor(...given: unknown[]) {
    const options = new Arguments("RNN", given, [...SIZES, "nonlinearity", ...REST]);
    super(options, "RNN", GATES.RNN);
    this.nonlinearity = options.choice("nonlinearity", ["tanh", "relu"], "tanh");
  }

  protected get recurrence(): Recurrence {
    return elman(this.nonlinearity);
  }

  /** The outputs of all steps [T,N,directions·hidden] and the last states [layers·directions,N,hidden] (default: h0 is zeros). */
  forward(input: Tensor, h0?: Tensor, options: SequenceOptions = {}): [out: Tensor, h: Tensor] {
    const [out, [h]] = this.through(input, [this.hiddenSize], h0 && [h0], options);
    return [out, h];
  }
}

/** The gated recurrent unit over sequences [T,N,in], [N,T,in] with `batchFirst`, or one sequence [T,in] (torch.nn.GRU). */
export class GRU extends RecurrentLayer {
  constructor(
    inputSize: number,
    hiddenSize: number,
    numLayers?: number | RecurrentOptions,
    options?: RecurrentOptions,
  );
  constructor(options: RecurrentArguments);
  constructor(...given: unknown[]) {
    super(new Arguments("GRU", given, [...SIZES, ...REST]), "GRU", GATES.GRU);
  }

  protected get recurrence(): Recurrence {
    return gru;
  }

  /** The outputs of all steps [T,N,directions·hidden] and the last states [layers·directions,N,hidden] (default: h0 is zeros). */
  forward(input: Tensor, h0?: Tensor, options: SequenceOptions = {}): [out: Tensor, h: Tensor] {
    const [out, [h]] = this.through(input, [this.hiddenSize], h0 && [h0], options);
    return [out, h];
  }
}

/**
 * The long short-term memory over sequences [T,N,in], [N,T,in] with `batchFirst`, or one sequence [T,in] (torch.nn.LSTM).
 *
 * ```ts
 * const lstm = new nn.LSTM(10, 20, { batchFirst: true });
 * const [all, [h, c]] = lstm.forward(rand(3, 5, 10)); // all: float32[3,5,20], h and c: float32[1,3,20]
 * ```
 */
export class LSTM extends RecurrentLayer {
  constructor(inputSize: number, hiddenSize: number, numLayers?: number | LSTMOptions, options?: LSTMOptions);
  constructor(options: LSTMArguments);
  constructor(...given: unknown[]) {
    const options = new Arguments("LSTM", given, [...SIZES, ...REST, "projSize"]);
    super(options, "LSTM", GATES.LSTM, options.integer("projSize", 0, 0));
  }

  protected get recurrence(): Recurrence {
    return lstm;
  }

  /**
   * The outputs of all steps [T,N,directions·out] and the last states, h [layers·directions,N,out] and
   * c [layers·directions,N,hidden] (default: both are zeros before the first step).
   */
  forward(
    input: Tensor,
    initial?: readonly [h0: Tensor, c0: Tensor],
    options: SequenceOptions = {},
  ): [out: Tensor, state: [h: Tensor, c: Tensor]] {
    if (initial !== undefined && !(Array.isArray(initial) && initial.length === 2))
      refuse("LSTM expects its initial states as a pair [h0, c0]");
    const [out, [h, c]] = this.through(input, [this.outSize, this.hiddenSize], initial, options);
    return [out, [h, c]];
  }
}
