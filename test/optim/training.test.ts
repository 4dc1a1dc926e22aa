/** Parameter groups, clipping and accumulation in the compiled step: a small net's training against PyTorch's. */

import { readFileSync } from "node:fs";
import { compileTraining, F, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/core/shape.ts";
import type { GradientOptions } from "../../src/runtime/programs/training-plan.ts";
import { generate, initScale, labels } from "../support/fixtures.ts";

const OPTIMIZERS = {
  SGD: optim.SGD,
  Adam: optim.Adam,
  AdamW: optim.AdamW,
  NAdam: optim.NAdam,
  RMSprop: optim.RMSprop,
};

interface Case {
  readonly optimizer: keyof typeof OPTIMIZERS;
  readonly options: object;
  readonly groups: readonly { readonly params: readonly string[] }[];
  readonly gradients: {
    readonly norm?: { readonly max: number; readonly type: number | "inf" };
    readonly value?: number;
    readonly accumulate?: number;
  };
  readonly losses: readonly number[];
  readonly lossError: number;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  readonly errors: Readonly<Record<string, number>>;
}

const { cases } = JSON.parse(
  readFileSync(new URL("../fixtures/optim_training.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };

class Net extends nn.Module {
  first = new nn.Linear(6, 5);
  second = new nn.Linear(5, 3);

  override forward(x: Tensor): Tensor {
    return this.second.forward(F.relu(this.first.forward(x)));
  }
}

/** The net with the generator's weights, and its parameters by PyTorch's keys. */
async function generatedNet() {
  const net = new Net();
  const torchKey = (key: string) => key.replace("first", "0").replace("second", "2");
  const named = new Map([...net.namedParameters()].map(([key, value]) => [torchKey(key), value]));
  const weights = [...net.namedParameters()].map(([key, { shape }]) => {
    const scale = initScale(key.startsWith("first") ? 6 : 5);
    return [
      key,
      tensor(generate(`optim/net/${torchKey(key)}`, sizeOf(shape), scale)).reshape(shape),
    ] as const;
  });
  await net.loadStateDict(Object.fromEntries(weights));
  return { net, named };
}

function gradientOptions({ norm, value, accumulate }: Case["gradients"]): GradientOptions {
  const normType = norm?.type === "inf" ? Number.POSITIVE_INFINITY : (norm?.type ?? 2);
  return {
    ...(norm && { clipGradNorm: normType === 2 ? norm.max : { maxNorm: norm.max, normType } }),
    ...(value !== undefined && { clipGradValue: value }),
    ...(accumulate !== undefined && { accumulate }),
  };
}

/** The largest difference, as a fraction of the largest value; NaN where a number is missing. */
function distance(actual: ArrayLike<number>, expected: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i] - value))) / largest;
}

/** Ten times PyTorch's own float32 error, and four units in the last place of the tensor's largest value. */
const allowed = (float32Error: number): number => 10 * float32Error + 4 * 2 ** -23;

describe.each(["interpret", "js"] as const)(
  "seven batches on %s give PyTorch's losses, weights and states",
  (backend) => {
    it.each(cases)("$optimizer $options $groups $gradients", async (expected) => {
      const { net, named } = await generatedNet();
      const groups = expected.groups.map((group) => ({
        ...group,
        params: group.params.map((key) => named.get(key)!),
      }));
      const parameters = groups.length > 0 ? groups : net.parameters();
      const optimizer: optim.Optimizer = new OPTIMIZERS[expected.optimizer](parameters, expected.options);
      const trainer = await compileTraining(net, {
        inputs: [[4, 6]],
        loss: new nn.CrossEntropyLoss(),
        optimizer,
        backend,
        ...gradientOptions(expected.gradients),
      });
      const losses: number[] = [];
      for (const batch of expected.losses.keys()) {
        const input = tensor(generate(`optim/input/${batch}`, 24)).reshape([4, 6]);
        losses.push(await trainer.step(input, tensor(labels(`optim/labels/${batch}`, 4, 3))));
      }
      await trainer.flush();
      expect(distance(losses, expected.losses)).toBeLessThan(allowed(expected.lossError));
      expect(trainer.stepCount).toBe(Math.ceil(losses.length / (expected.gradients.accumulate ?? 1)));
      for (const [key, wanted] of Object.entries(expected.tensors)) {
        const [name, state] = key.split("/");
        const parameter = named.get(name)!;
        const actual = state === undefined ? parameter : optimizer.stateOf(parameter)[state];
        expect(distance(await actual.data(), wanted), key).toBeLessThan(allowed(expected.errors[key]));
      }
    });
  },
);
