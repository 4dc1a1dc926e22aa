/** Recurrent layers: a scan over time for each direction, after one product for the inputs of all steps. */

import * as F from "../../nn/functional/index.ts";
import { arange, zeros } from "../../tensor/creation.ts";
import { cat, stack, where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { scan } from "../../trace/scan.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";

type Activation = (x: Tensor) => Tensor;

/** One direction of a layer, its weights without the axis of directions. */
interface Cell {
  /** The state after a step, whose first part is the layer's output; `x` is the input times its weights plus biases. */
  step(x: Tensor, state: readonly Tensor[]): Tensor[];
  /** Input weights [gates·hidden, input], and the bias of their product. */
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
}

/** The properties of a kind of layer. */
interface Layer {
  /** Which inputs hold the initial states, [directions, batch, hidden]. */
  readonly states: readonly number[];
  /** How many activations a direction has, and which by default. */
  readonly activations: readonly string[];
  cell(call: Call, direction: number, activations: readonly Activation[], hidden: number): Cell;
}

/** An activation by its name, with parameters of its own. */
function activation(
  call: Call,
  name: string,
  alpha: number | undefined,
  beta: number | undefined,
): Activation {
  const clip = call.float("clip", Number.POSITIVE_INFINITY);
  const compute = plainActivation(call, name.toLowerCase(), alpha, beta);
  return Number.isFinite(clip) ? (x) => compute(x.clamp(-clip, clip)) : compute;
}

function plainActivation(call: Call, name: string, alpha?: number, beta?: number): Activation {
  switch (name) {
    case "sigmoid":
      return F.sigmoid;
    case "tanh":
      return F.tanh;
    case "relu":
      return F.relu;
    case "affine":
      return (x) => x.mul(alpha ?? 1).add(beta ?? 0);
    case "leakyrelu":
      return (x) => F.leakyRelu(x, alpha ?? 0.01);
    case "thresholdedrelu":
      return (x) => F.threshold(x, alpha ?? 1, 0);
    case "scaledtanh":
      return (x) => F.tanh(x.mul(beta ?? 1)).mul(alpha ?? 1);
    case "hardsigmoid":
      return (x) =>
        x
          .mul(alpha ?? 0.2)
          .add(beta ?? 0.5)
          .clamp(0, 1);
    case "elu":
      return (x) => F.elu(x, alpha ?? 1);
    case "softsign":
      return F.softsign;
    case "softplus":
      return (x) => F.softplus(x);
    default:
      return call.fail(`its activation ${name} is none of ONNX's`);
  }
}

/** The part of an input that belongs to a direction, without the axis of directions. */
const part = (call: Call, position: number, direction: number): Tensor | undefined =>
  call.optional(position)?.select(0, direction);

/** The input's and the state's biases, [gates·hidden] each. */
function biases(call: Call, direction: number): readonly [Tensor, Tensor] | undefined {
  const both = part(call, 3, direction);
  if (both === undefined) return undefined;
  const [ofInput, ofState] = both.chunk(2, 0);
  return [ofInput, ofState];
}

const sum = (pair: readonly [Tensor, Tensor] | undefined): Tensor | undefined => pair?.[0].add(pair[1]);

const LSTM: Layer = {
  states: [5, 6],
  activations: ["Sigmoid", "Tanh", "Tanh"],
  cell: (call, direction, [f, g, h]) => {
    const recurrent = part(call, 2, direction)!.t();
    const peepholes = part(call, 7, direction)?.chunk(3, 0);
    const couples = call.flag("input_forget");
    const peeked = (gate: Tensor, which: number, cell: Tensor): Tensor =>
      peepholes === undefined ? gate : gate.add(cell.mul(peepholes[which]));
    return {
      weight: part(call, 1, direction)!,
      bias: sum(biases(call, direction)),
      step: (x, [hidden, cell]) => {
        const [i, o, forget, c] = x.add(hidden.matmul(recurrent)).chunk(4, -1);
        const input = f(peeked(i, 0, cell));
        const kept = couples ? input.rsub(1) : f(peeked(forget, 2, cell));
        const next = kept.mul(cell).add(input.mul(g(c)));
        return [f(peeked(o, 1, next)).mul(h(next)), next];
      },
    };
  },
};

const GRU: Layer = {
  states: [5],
  activations: ["Sigmoid", "Tanh"],
  cell: (call, direction, [f, g], size) => {
    const recurrent = part(call, 2, direction)!;
    const [ofGates, ofNew] = recurrent.split([2 * size, size], 0).map((weight) => weight.t());
    const both = biases(call, direction);
    const isLinear = call.flag("linear_before_reset");
    const newBias = both?.[1].narrow(0, 2 * size, size);
    // If the reset comes after the product, it applies to the state's bias, too.
    const bias =
      both && (isLinear ? both[0].add(cat([both[1].narrow(0, 0, 2 * size), zeros(size)])) : sum(both));
    return {
      weight: part(call, 1, direction)!,
      bias,
      step: (x, [hidden]) => {
        const [ofInput, newInput] = x.split([2 * size, size], -1);
        const [z, r] = f(ofInput.add(hidden.matmul(ofGates))).chunk(2, -1);
        const product = hidden.matmul(ofNew);
        const own = isLinear
          ? r.mul(newBias === undefined ? product : product.add(newBias))
          : r.mul(hidden).matmul(ofNew);
        const next = g(newInput.add(own));
        return [z.rsub(1).mul(next).add(z.mul(hidden))];
      },
    };
  },
};

const RNN: Layer = {
  states: [5],
  activations: ["Tanh"],
  cell: (call, direction, [f]) => {
    const recurrent = part(call, 2, direction)!.t();
    return {
      weight: part(call, 1, direction)!,
      bias: sum(biases(call, direction)),
      step: (x, [hidden]) => [f(x.add(hidden.matmul(recurrent)))],
    };
  },
};

/** Runs all directions; returns their outputs of each step, [time, directions, batch, hidden], and the final states. */
function run(call: Call, layer: Layer): readonly Tensor[] {
  const isBatchFirst = call.flag("layout");
  const x = isBatchFirst ? call.tensor(0).transpose(0, 1) : call.tensor(0);
  const [steps, batch] = x.shape;
  const directions = call.string("direction", ["forward", "reverse", "bidirectional"], "forward");
  const walked = directions === "bidirectional" ? [false, true] : [directions === "reverse"];
  const hidden = call.tensor(2).shape.at(-1)!;
  const lengths = call.optional(4);
  const results = walked.map((reverse, direction) => {
    const cell = layer.cell(call, direction, activationsOf(call, layer, direction), hidden);
    const product = x.matmul(cell.weight.t());
    const inputs = cell.bias === undefined ? product : product.add(cell.bias);
    const first = layer.states.map((position) => {
      const given = call.optional(position);
      if (given === undefined) return zeros(batch, hidden);
      return isBatchFirst ? given.select(1, direction) : given.select(0, direction);
    });
    const isWithin =
      lengths && arange(steps, { dtype: "int32" }).unsqueeze(1).lt(lengths.unsqueeze(0)).unsqueeze(2);
    return scan(
      (state: Tensor[], [now, within]: Tensor[]) => {
        const next = cell.step(now, state);
        if (within === undefined) return [next, next[0]] as const;
        // Beyond its length the output of a sequence is 0, and its state stays.
        return [next.map((each, k) => where(within, each, state[k])), where(within, next[0], 0)] as const;
      },
      first,
      isWithin === undefined ? [inputs] : [inputs, isWithin],
      { reverse },
    );
  });
  const said = stack(
    results.map(([, y]) => y),
    1,
  );
  const last = layer.states.map((_, k) =>
    stack(
      results.map(([state]) => state[k]),
      0,
    ),
  );
  return isBatchFirst
    ? [said.permute(2, 0, 1, 3), ...last.map((state) => state.transpose(0, 1))]
    : [said, ...last];
}

/** The activations of a direction; lists of parameters have one for each activation that takes one, in order. */
function activationsOf(call: Call, { activations }: Layer, direction: number): readonly Activation[] {
  const names = call.strings("activations") ?? [...activations, ...activations];
  const alphas = [...(call.floats("activation_alpha") ?? [])];
  const betas = [...(call.floats("activation_beta") ?? [])];
  const made = names.map((name) => {
    const lower = name.toLowerCase();
    const alpha = WITH_ALPHA.has(lower) ? alphas.shift() : undefined;
    const beta = WITH_BETA.has(lower) ? betas.shift() : undefined;
    return activation(call, name, alpha, beta);
  });
  return made.slice(direction * activations.length, (direction + 1) * activations.length);
}

const WITH_ALPHA = new Set(["affine", "leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu"]);
const WITH_BETA = new Set(["affine", "scaledtanh", "hardsigmoid"]);

const layer = (name: string, definition: Layer): Operator => ({
  name,
  weights: [1, 2, 3, 7],
  run: (call) => run(call, definition),
});

export const RECURRENT: readonly Operator[] = [layer("LSTM", LSTM), layer("GRU", GRU), layer("RNN", RNN)];
