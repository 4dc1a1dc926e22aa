/** The tutorials' networks from the weights that PyTorch had when it made test/fixtures/tutorials.json. */

import { type nn, type Tensor, tensor } from "kiln-js";
import { generate, initScale, readFixture, sizeOf } from "./fixtures.ts";

/** What PyTorch printed or computed in the steps of tutorials 000 to 003. */
export interface NetworkSteps {
  readonly prefix: string;
  readonly out: string;
  /** The gradient of conv1's bias for a random gradient of the output. */
  readonly randomGradient: string;
  readonly loss: string;
  /** The same gradient before and after `loss.backward()`. */
  readonly before: string;
  readonly after: string;
  /** After `weight -= 0.01·gradient`. */
  readonly updatedLoss: number;
  /** Three steps of SGD. */
  readonly losses: readonly number[];
  readonly conv1Bias: readonly number[];
}

export interface Tutorials {
  readonly lenet3: NetworkSteps;
  readonly lenet5: NetworkSteps;
  readonly cifar10: {
    readonly prefix: string;
    readonly losses: readonly string[];
    readonly runningLosses: readonly string[];
  };
}

export const tutorials = (): Tutorials => readFixture("tutorials.json");

/** Generated numbers, uniform in [-scale, scale). */
export const generated = (name: string, shape: readonly number[], scale = 1): Tensor =>
  tensor(generate(name, sizeOf(shape), scale), { shape });

/** Loads the fixture's numbers into every parameter of a net. */
export async function filled<Net extends nn.Module>(net: Net, prefix: string): Promise<Net> {
  const state = net.stateDict();
  const values = Object.entries(state).map(([name, parameter]) => {
    const weight = state[name.replace(/bias$/, "weight")];
    const fanIn = sizeOf(weight.shape.slice(1));
    return [name, generated(`${prefix}/${name}`, parameter.shape, initScale(fanIn))];
  });
  await net.loadStateDict(Object.fromEntries(values));
  return net;
}

/** The printed form of a tensor with random numbers, without digits. */
export const form = (text: string): string => text.replace(/-?\d+\.\d+/g, "#").replace(/\s+/g, " ");
