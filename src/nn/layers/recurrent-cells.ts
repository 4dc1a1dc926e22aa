/** The recurrences of one step, for loops that users write themselves: RNNCell, LSTMCell and GRUCell. */

import { formatShape, type Shape, sameShape } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { zeros } from "../../tensor/creation.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { initialParameter } from "../default-init.ts";
import { linear } from "../functional/linear.ts";
import { uniform } from "../init.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag } from "../options.ts";
import type { Parameter } from "../parameter.ts";
import { refuse } from "../reduction.ts";
import { elman, GATES, gru, lstm, type Nonlinearity, type Recurrence } from "./recurrence.ts";

/** The options of {@link Cell}. */
export interface CellOptions {
  /** Whether the sums have biases (default: true). */
  readonly bias?: boolean;
}

/** What {@link Cell} takes, by name. */
export interface CellArguments extends CellOptions {
  /** The number of input features per step. */
  readonly inputSize: number;
  /** The number of features of the hidden state. */
  readonly hiddenSize: number;
}

/** The options of {@link RNNCell}. */
export interface RNNCellOptions extends CellOptions {
  /** Default: "tanh". */
  readonly nonlinearity?: Nonlinearity;
}

/** What {@link RNNCell} takes, by name. */
export interface RNNCellArguments extends RNNCellOptions, CellArguments {}

const POSITIONAL = ["inputSize", "hiddenSize", "bias"];

abstract class AnyCell extends Module {
  /** The number of input features per step. */
  readonly inputSize: number;
  /** The number of features of the hidden state. */
  readonly hiddenSize: number;
  /** [gates·hidden, in] */
  weight_ih: Parameter;
  /** [gates·hidden, hidden] */
  weight_hh: Parameter;
  /** The bias of the input's product. */
  bias_ih: Parameter | undefined;
  /** The bias of the hidden state's product. */
  bias_hh: Parameter | undefined;

  constructor(given: Arguments, gates: number) {
    super();
    this.inputSize = given.integer("inputSize", 1);
    this.hiddenSize = given.integer("hiddenSize", 1);
    const hasBias = given.flag("bias", true);
    const bound = 1 / Math.sqrt(this.hiddenSize);
    const rows = gates * this.hiddenSize;
    const parameter = (shape: Shape): Parameter => initialParameter(shape, uniform(-bound, bound));
    this.weight_ih = parameter([rows, this.inputSize]);
    this.weight_hh = parameter([rows, this.hiddenSize]);
    this.bias_ih = hasBias ? parameter([rows]) : undefined;
    this.bias_hh = hasBias ? parameter([rows]) : undefined;
  }

  /** The states after one step, for inputs [N,in] or [in]. */
  protected step(recurrence: Recurrence, input: Tensor, states: readonly (Tensor | undefined)[]): Tensor[] {
    const name = this.constructor.name;
    const isFit = input instanceof Tensor && input.dtype === "float32" && [1, 2].includes(input.ndim);
    if (!isFit || input.shape[input.ndim - 1] !== this.inputSize)
      refuse(
        `${name} of inputSize ${this.inputSize} expects float32 [N,in] or [in] but got ` +
          `${input instanceof Tensor ? describe(input) : typeof input}`,
      );
    const shape = [...input.shape.slice(0, -1), this.hiddenSize];
    const before = states.map((state) => {
      if (state === undefined) return zeros(shape);
      if (state instanceof Tensor && state.dtype === "float32" && sameShape(state.shape, shape)) return state;
      const got = state instanceof Tensor ? describe(state) : typeof state;
      return refuse(`${name} expects a state float32${formatShape(shape)} but got ${got}`);
    });
    const { weight_ih, weight_hh, bias_ih, bias_hh } = this;
    const weights = { input: weight_ih, hidden: weight_hh, inputBias: bias_ih, hiddenBias: bias_hh };
    return recurrence(linear(input, weight_ih, bias_ih), before, weights);
  }

  override extraRepr(): string {
    const bias = this.bias_ih === undefined ? `, bias=${pythonFlag(false)}` : "";
    return `${this.inputSize}, ${this.hiddenSize}${bias}`;
  }
}

/** One step of an RNN (torch.nn.RNNCell). */
export class RNNCell extends AnyCell {
  /** "tanh" or "relu". */
  readonly nonlinearity: Nonlinearity;

  constructor(
    inputSize: number,
    hiddenSize: number,
    bias?: boolean | RNNCellOptions,
    options?: RNNCellOptions,
  );
  constructor(options: RNNCellArguments);
  constructor(...given: unknown[]) {
    const options = new Arguments("RNNCell", given, [...POSITIONAL, "nonlinearity"]);
    super(options, GATES.RNN);
    this.nonlinearity = options.choice("nonlinearity", ["tanh", "relu"], "tanh");
  }

  /** The state after inputs [N,in] or [in], from the state before, zeros by default. */
  forward(input: Tensor, h?: Tensor): Tensor {
    return this.step(elman(this.nonlinearity), input, [h])[0];
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === "tanh" ? "" : `, nonlinearity=${this.nonlinearity}`);
  }
}

/** One step of a GRU (torch.nn.GRUCell). */
export class GRUCell extends AnyCell {
  constructor(inputSize: number, hiddenSize: number, bias?: boolean | CellOptions);
  constructor(options: CellArguments);
  constructor(...given: unknown[]) {
    super(new Arguments("GRUCell", given, POSITIONAL), GATES.GRU);
  }

  /** The state after inputs [N,in] or [in], from the state before, zeros by default. */
  forward(input: Tensor, h?: Tensor): Tensor {
    return this.step(gru, input, [h])[0];
  }
}

/** One step of an LSTM (torch.nn.LSTMCell). */
export class LSTMCell extends AnyCell {
  constructor(inputSize: number, hiddenSize: number, bias?: boolean | CellOptions);
  constructor(options: CellArguments);
  constructor(...given: unknown[]) {
    super(new Arguments("LSTMCell", given, POSITIONAL), GATES.LSTM);
  }

  /** The states [h, c] after inputs [N,in] or [in], from those before, zeros by default. */
  forward(input: Tensor, state?: readonly [h: Tensor, c: Tensor]): [h: Tensor, c: Tensor] {
    if (state !== undefined && !(Array.isArray(state) && state.length === 2))
      refuse("LSTMCell expects its state as a pair [h, c]");
    const [h, c] = this.step(lstm, input, state ?? [undefined, undefined]);
    return [h, c];
  }
}
