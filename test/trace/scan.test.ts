/** `scan` as users write it: what it gives and its gradients, in both modes. */

import {
  autograd,
  compile,
  compileTraining,
  F,
  manualSeed,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  scan,
  type Tensor,
  tensor,
  zeros,
} from "kiln-js";
import { describe, expect, test } from "vitest";
import { plainScan } from "../support/plain-scan.ts";
import { relativeError } from "../support/run-graph.ts";

type Loop = typeof scan;

/** A model of one input [5, 2, 4] and one output, which gives the same whatever runs its loop. */
abstract class Looping extends nn.Module {
  input = new nn.Linear(4, 3);
  state = new nn.Linear(3, 3);
  scale = new nn.Parameter(tensor([0.5, 1.5, 2]));
  readonly #loop: Loop;

  constructor(loop: Loop) {
    super();
    this.#loop = loop;
  }

  forward(x: Tensor): Tensor {
    return this.run(this.#loop, x);
  }

  abstract run(loop: Loop, x: Tensor): Tensor;

  cell(h: Tensor, x: Tensor): Tensor {
    return F.tanh(this.input.forward(x).add(this.state.forward(h)));
  }
}

class Recurrent extends Looping {
  run(loop: Loop, x: Tensor): Tensor {
    const [h, all] = loop(
      (h: Tensor, x: Tensor) => {
        const next = this.cell(h, x);
        return [next, next.mul(this.scale)] as const;
      },
      zeros(2, 3),
      x,
    );
    return all.sum(0).add(h);
  }
}

/** Records in, lists out, from the end; the cell's state is whole numbers in part. */
class Structured extends Looping {
  run(loop: Loop, x: Tensor): Tensor {
    const count = zeros([], { dtype: "int32" });
    const [{ count: steps, h }, [sums, kept]] = loop(
      ({ count, h }: { count: Tensor; h: Tensor }, { x, weight }: { x: Tensor; weight: Tensor }) => {
        const next = this.cell(h, x).mul(weight);
        return [{ h: next, count: count.add(1) }, [next.sum(0), this.scale]] as const;
      },
      { count, h: ones(2, 3) },
      { x, weight: this.scale.unsqueeze(0).expand(5, 3) },
      { reverse: true },
    );
    return h.add(sums.mul(kept).sum(0)).add(steps.float());
  }
}

/** A loop within a loop, each of which reads what is outside of both and of the inner one alone. */
class Nested extends Looping {
  run(loop: Loop, x: Tensor): Tensor {
    const [h] = loop(
      (h: Tensor, rows: Tensor) => {
        const [sum] = loop(
          (sum: Tensor, row: Tensor) => [sum.add(this.input.forward(row).mul(this.scale).mul(h)), null],
          zeros(3),
          rows,
        );
        return [F.tanh(this.state.forward(h).add(sum)), null];
      },
      ones(3),
      x,
    );
    return h;
  }
}

/** Without inputs and without outputs: as often as it is told. */
class Repeated extends Looping {
  run(loop: Loop, x: Tensor): Tensor {
    const [h] = loop(
      (h: Tensor) => [F.tanh(this.state.forward(h)), null],
      this.input.forward(x).sum(0),
      null,
      {
        length: 4,
      },
    );
    return h.mul(this.scale);
  }
}

/** Changes in place what is its own: what it was handed, what it makes, and a view of that. */
class InPlace extends Looping {
  run(loop: Loop, x: Tensor): Tensor {
    const before = zeros(2, 3);
    const row = before.select(0, 1);
    row.add_(1);
    const [h, all] = loop(
      (h: Tensor, x: Tensor) => {
        const own = zeros(2, 3);
        own.select(0, 0).add_(this.scale);
        own.add_(this.input.forward(x));
        h.mul_(0.5);
        h.add_(own.add(before));
        return [h, own];
      },
      zeros(2, 3),
      x,
    );
    return h.add(all.mean(0));
  }
}

/** Gradients that stop, and that follow a rule of the user's. */
class Ruled extends Looping {
  run(loop: Loop, x: Tensor): Tensor {
    class Twice extends autograd.Function {
      static forward(_: object, h: Tensor): Tensor {
        return h.mul(2);
      }
      static backward(_: object, gradient: Tensor): Tensor {
        return gradient.mul(3);
      }
    }
    const [h, all] = loop(
      (h: Tensor, x: Tensor) => {
        const next = Twice.apply(this.cell(h, x)).add(noGrad(() => this.state.forward(h)));
        return [next.mul(0.5), next.mul(this.scale.detach())];
      },
      zeros(2, 3),
      x,
    );
    return h.add(all.sum(0));
  }
}

const MODELS = { Recurrent, Structured, Nested, Repeated, InPlace, Ruled };
const KINDS = Object.keys(MODELS) as (keyof typeof MODELS)[];

function made(kind: keyof typeof MODELS, loop: Loop): Looping {
  manualSeed(3);
  return new MODELS[kind](loop);
}

const given = (): Tensor => {
  manualSeed(4);
  return randn(5, 2, 4);
};

const targetOf = async (kind: keyof typeof MODELS): Promise<Tensor> =>
  ones(...(await made(kind, plainScan).forward(given())).shape);

/** A few dozen roundings to float32 (6e-8) on the way through five iterations and back. */
const TOLERANCE = 4e-6;

/** The output and the gradients of a loss, step by step. */
async function interactive(kind: keyof typeof MODELS, loop: Loop): Promise<Record<string, Float32Array>> {
  const model = made(kind, loop);
  const output = model.forward(given());
  new nn.MSELoss().forward(output, await targetOf(kind)).backward();
  const gradients = model
    .namedParameters()
    .flatMap(([name, { grad }]) => (grad === null ? [] : [{ name, grad }]));
  const named = [{ name: "output", grad: output }, ...gradients].map(
    async ({ name, grad }) => [name, (await grad.data()) as Float32Array] as const,
  );
  return Object.fromEntries(await Promise.all(named));
}

describe.each(KINDS)("%s", (kind) => {
  const expected = interactive(kind, plainScan);

  const requireExpected = async (actual: Record<string, ArrayLike<number>>): Promise<void> => {
    const right = await expected;
    expect(Object.keys(actual).sort()).toEqual(Object.keys(right).sort());
    for (const name of Object.keys(right))
      expect(relativeError(actual[name], right[name]), name).toBeLessThanOrEqual(TOLERANCE);
  };

  test("is the plain loop, and has its gradients, interactively", async () => {
    await requireExpected(await interactive(kind, scan));
  });

  test.each(["interpret", "js", "wasm", "gpujs:cpu"] as const)("and compiled on %s", async (backend) => {
    const model = made(kind, scan);
    const program = await compile(model, { inputs: [[5, 2, 4]], backend });
    const trainer = await compileTraining(model, {
      inputs: [[5, 2, 4]],
      targets: [(await targetOf(kind)).shape],
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      backend,
    });
    const { gradients } = await trainer.gradients(given(), await targetOf(kind));
    const actual: Record<string, ArrayLike<number>> = { output: await (await program.run(given())).data() };
    const right = await expected;
    for (const [name, gradient] of Object.entries(gradients)) {
      const data = await gradient.data();
      // What no gradient flows to has none interactively.
      if (name in right || data.some((v) => v !== 0)) actual[name] = data;
    }
    await requireExpected(actual);
    await trainer.dispose();
    await program.dispose();
  });
});

test("results that are read one by one are all there", async () => {
  const w = tensor([1, 2]).requiresGrad_();
  const [h, all] = scan((h: Tensor, x: Tensor) => [h.add(x.mul(w)), h.mul(w)], zeros(2), ones(3, 2));
  expect(await h.array()).toEqual([3, 6]);
  expect(await all.array()).toEqual([
    [0, 0],
    [1, 4],
    [2, 8],
  ]);
  all.sum().backward();
  expect(await w.grad!.array()).toEqual([6, 12]);
});

test("a loop over loops whose state nobody reads takes no longer with each turn", async () => {
  const inputs = ones(3, 2);
  let h = zeros(2);
  for (let turn = 0; turn < 6; turn++) {
    const [next, all] = scan((h: Tensor, x: Tensor) => [h.add(x), h], h, inputs);
    expect(await all.sum().item()).toBe(6 + 18 * turn);
    h = next;
  }
  let waiting = 0;
  for (let v = h.version; v.operation !== undefined; v = v.operation.inputs[0]) waiting++;
  expect(waiting).toBeLessThanOrEqual(4);
  expect(await h.array()).toEqual([18, 18]);
});

test.each(["js", "wasm", "gpujs:cpu"] as const)(
  "64 steps train with the kernels of 4 on %s",
  async (backend) => {
    const kernels = async (steps: number): Promise<string[]> => {
      const model = made("Recurrent", scan);
      const trainer = await compileTraining(model, {
        inputs: [[steps, 2, 4]],
        targets: [[2, 3]],
        loss: new nn.MSELoss(),
        optimizer: new optim.Adam(model.parameters()),
        backend,
      });
      await trainer.dispose();
      return trainer.kernels.map(({ name }) => name);
    };
    expect(await kernels(64)).toEqual(await kernels(4));
  },
);
