/** What must not change a bit of what the `c` backend computes: the compiler; and beside wasm, where programs are deterministic. */

import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { compile, compileTraining, manualSeed, nn, optim, randn, type Tensor, tensor } from "kiln-js";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { BackendName } from "../../../backends/registry.ts";
import { randomModel } from "../../support/random-model.ts";
import { trainRandom } from "../../support/random-training.ts";
import { isHere, title } from "./toolchain.ts";

/** Models; a night's run may ask for more, and for others. */
const RUNS = {
  numRuns: Number(process.env.KILN_RANDOM_MODELS ?? 2),
  seed: Number(process.env.KILN_RANDOM_SEED ?? 5),
};

const hasCommand = (command: string): boolean => {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

afterEach(() => vi.unstubAllEnvs());

describe.skipIf(!isHere)(title("the same bits"), () => {
  test.skipIf(!["gcc", "clang"].every(hasCommand))(
    "with gcc and clang",
    async () => {
      for (const spec of fc.sample(randomModel, RUNS)) {
        vi.stubEnv("KILN_CC", "gcc");
        const { values } = await trainRandom(spec, { backend: "c" });
        vi.stubEnv("KILN_CC", "clang");
        expect((await trainRandom(spec, { backend: "c" })).values).toEqual(values);
      }
    },
    3_600_000,
  );

  test("as wasm has, where programs are deterministic", async () => {
    for (const spec of fc.sample(randomModel, RUNS)) {
      const { values } = await trainRandom(spec, { backend: "wasm", deterministic: true });
      expect((await trainRandom(spec, { backend: "c", deterministic: true })).values).toEqual(values);
    }
    expect(await trainedNet("c")).toEqual(await trainedNet("wasm"));
  }, 3_600_000);

  test("as wasm has of numbers too small for a normal float, where programs are deterministic", async () => {
    const x = tensor(Float32Array.of(1e-38, 1e-39, -3e-40, 6e-45));
    const half = async (backend: BackendName, deterministic: boolean): Promise<ArrayLike<number>> => {
      const program = await compile(new Half(), { inputs: [[4]], backend, deterministic });
      const halves = await (await program.run(x)).data();
      await program.dispose();
      return halves;
    };
    const kept = await half("c", true);
    expect(kept).toEqual(await half("wasm", true));
    expect(Array.from(kept)).not.toContain(0);
    // Otherwise they are 0, which is a hundred times faster.
    expect(Array.from(await half("c", false), Math.abs)).toEqual([0, 0, 0, 0]);
  });
});

class Half extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.mul(0.5);
  }
}

/** The losses and parameters of a net large enough for its kernels to be divided, whose convolutions run by Winograd's method. */
async function trainedNet(backend: BackendName): Promise<readonly ArrayLike<number>[]> {
  manualSeed(5);
  const net = new nn.Sequential(
    ...[new nn.Conv2d(3, 16, 3), new nn.GELU(), new nn.Conv2d(16, 16, 3), new nn.BatchNorm2d(16)],
    ...[new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(16 * 8 * 8, 10)],
  );
  const trainer = await compileTraining(net, {
    inputs: [[16, 3, 20, 20]],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.Adam(net.parameters()),
    backend,
    threads: 2,
    deterministic: true,
  });
  const [x, y] = [randn(16, 3, 20, 20), tensor(Int32Array.from({ length: 16 }, (_, k) => k % 10))];
  const losses: number[] = [];
  for (let k = 0; k < 3; k++) losses.push(await trainer.step(x, y));
  const values = await Promise.all(Object.values(net.stateDict()).map((value) => value.data()));
  await trainer.dispose();
  return [losses, ...values];
}
