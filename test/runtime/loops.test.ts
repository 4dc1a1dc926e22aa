/** Programs with loops under the instruments: profiles, watching for NaN, logs. */

import { compileTraining, F, manualSeed, nn, optim, randn, scan, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, test } from "vitest";
import type { BackendName } from "../../backends/registry.ts";

class Recurrent extends nn.Module {
  input = new nn.Linear(3, 6);
  state = new nn.Linear(6, 6);

  forward(x: Tensor): Tensor {
    const cell = (h: Tensor, x: Tensor): [Tensor, Tensor] => {
      const next = F.tanh(this.input.forward(x).add(this.state.forward(h)));
      return [next, next];
    };
    const [h, all] = scan(cell, zeros(2, 6), x);
    return h.add(all.mean(0));
  }
}

const X = randn(5, 2, 3);
const Y = tensor([0, 4], { dtype: "int32" });

async function trainerOf(backend: BackendName, options: object = {}) {
  manualSeed(9);
  const net = new Recurrent();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  const loss = new nn.CrossEntropyLoss();
  return compileTraining(net, { inputs: [[5, 2, 3]], loss, optimizer, backend, ...options });
}

describe.each(["js", "wasm", "gpujs:cpu"] as const)("a loop on %s", (backend) => {
  test("is profiled kernel by kernel, each in all its runs, and learns on as if nobody had looked", async () => {
    const [trainer, other] = [await trainerOf(backend), await trainerOf(backend)];
    expect(await trainer.step(X, Y)).toBe(await other.step(X, Y));
    const profile = await trainer.profile({ milliseconds: 5, batch: [X, Y] });
    expect(profile.kernels.map(({ name }) => name)).toEqual(trainer.kernels.map(({ name }) => name));
    const { kernels } = trainer;
    const inLoop = kernels.find(({ name }) => name === "scan_linear_add_tanh");
    // Five times a sum of six products for each of 2·6 units, and what is added to it.
    expect(inLoop?.flops).toBeGreaterThanOrEqual(5 * 12 * 12);
    expect(await trainer.step(X, Y)).toBe(await other.step(X, Y));
  });

  test("says in which of its runs a kernel has stored the first NaN", async () => {
    const trainer = await trainerOf(backend, { watch: "nan" });
    const data = Float32Array.from(X.peek()!);
    // Of the fourth element of the sequence.
    data[3 * 6] = Number.NaN;
    await expect(trainer.step(tensor(data, { shape: [5, 2, 3] }), Y)).rejects.toThrow(
      /makes NaN: kernel scan_linear\w* .* in its run 4 of 5, at \[0,0\].*loops\.test\.ts:\d+ input/,
    );
    expect(await trainer.step(X, Y)).toBe(await (await trainerOf(backend)).step(X, Y));
  });
});
