/**
 * What Winograd's method promises of a single output, whatever lies beside its window: outliers, infinities, NaN, zeros
 * and channels of different scales change no output that does not see them.
 */

import { describe, expect, test } from "vitest";
import type { BackendName } from "../../../backends/registry.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import { winograd } from "../../../passes/scheduling/plans/winograd/winograd.ts";
import {
  compile,
  compileTraining,
  manualSeed,
  nn,
  optim,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "../../../src/index.ts";
import type { Capabilities } from "../../../src/loop/capabilities.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { Kernel } from "../../../src/loop/types.ts";
import { generator } from "../../support/draw.ts";
import { relativeError } from "../../support/run-graph.ts";
import { type Contents, interpreted, loweredGradients, ranAs } from "../../support/single-kernel.ts";

const CAPABILITIES: Capabilities = { ...wasm.capabilities, threads: 1 };
const FACTS = { inputs: new Set<string>(), allowsWinograd: true, forced: "winograd" };

/**
 * How far an output may be off, as a share of its own window's products added up without their signs. Direct sums of n
 * terms may lose n units of 2⁻²⁴, here 5e-6 to 2e-5. Winograd's forms lose up to a hundred units of the largest datum
 * in the tile, and `MOST_UNEVEN` lets windows beside this one weigh more: what comes of random data is below a tenth.
 */
const LOCAL = 1e-4;

const SIZE = 13;

function kernelOf(pass: string, [channels, outputs, taps]: readonly number[], padding = 0): Kernel {
  const y = SIZE - taps + 1 + 2 * padding;
  const { kernels } = loweredGradients(
    `graph net() params(@x: f32[2,${channels},${SIZE},${SIZE}], @w: f32[${outputs},${channels},${taps},${taps}]) {
  %0: f32[2,${outputs},${y},${y}] = conv2d(@x, @w) {stride=[1,1], padding=[${padding},${padding}], dilation=[1,1], groups=1}
  %1: f32[2,${outputs},${y},${y}] = mul(%0, %0)
  %2: f32[] = sum(%1) {axes=[0,1,2,3], keepdim=false}
  return loss=%2
}`,
    ["x", "w"],
    CAPABILITIES,
  );
  return kernels.find(({ name }) => name === pass)!;
}

/** An element in the midst of the second image. */
const midst = ({ length }: Float32Array): number => (length >> 1) + 6 * SIZE + 6;

/** What the kernel reads besides the weights. */
const dataOf = ({ buffers }: Kernel): string =>
  buffers.find(({ access, name }) => access === "read" && name !== "w")!.name;

/** Numbers from 0.5 to 1.5 with either sign: none is small by chance, so that windows weigh about the same. */
function evenContents({ buffers }: Kernel): Record<string, Float32Array> {
  const random = generator(8);
  return Object.fromEntries(
    buffers
      .filter(({ access }) => access === "read")
      .map(({ name, length }) => [
        name,
        Float32Array.from({ length }, () => (0.5 + random()) * (random() < 0.5 ? -1 : 1)),
      ]),
  );
}

const absolute = (contents: Contents): Contents =>
  Object.fromEntries(Object.entries(contents).map(([name, data]) => [name, data.map(Math.abs)]));

/** Runs every form and holds each element against doubles; returns how many forms there were. */
async function expectLocal(kernel: Kernel, contents: Contents, share = LOCAL): Promise<number> {
  const expected = Object.values(interpreted(kernel, contents))[0];
  const window = Object.values(interpreted(kernel, absolute(contents)))[0];
  const candidates = winograd.candidates(kernel, CAPABILITIES, FACTS);
  for (const candidate of candidates) {
    const actual = Object.values(await ranAs(candidate, kernel, contents, wasm))[0];
    const wrong = [...expected.keys()].filter((k) => {
      const known = Math.fround(expected[k]);
      if (!Number.isFinite(known)) return !Object.is(actual[k], known);
      return !(Math.abs(actual[k] - known) <= share * window[k]);
    });
    const [k] = wrong;
    expect(
      wrong.length,
      `${printSchedule(candidate.schedule)}: element ${k} is ${actual[k]}, not ${expected[k]}; its window's products come to ${window[k]}`,
    ).toBe(0);
  }
  return candidates.length;
}

const PASSES = [
  ["conv2d", [6, 5, 3]],
  ["conv2d_input_grad", [4, 3, 5]],
] as const;

describe.each(PASSES)("%s with channels, outputs and taps %j", (pass, sizes) => {
  const kernel = kernelOf(pass, sizes);
  const data = dataOf(kernel);
  const changed = (change: (data: Float32Array) => void): Contents => {
    const contents = evenContents(kernel);
    change(contents[data]);
    return contents;
  };

  test.each([1e3, 1e8, -1e30])(
    "one element of %d leaves windows alone that do not hold it",
    async (value) => {
      const contents = changed((x) => {
        x[midst(x)] = value;
      });
      expect(await expectLocal(kernel, contents)).toBeGreaterThan(1);
    },
  );

  test.each([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN])(
    "%d comes out where it is seen, and as what it is",
    async (value) => {
      await expectLocal(
        kernel,
        changed((x) => {
          x[7] = value;
          x[midst(x)] = value;
        }),
      );
    },
  );

  test("windows of zeros have sums of zero, whatever lies beside them", async () => {
    await expectLocal(
      kernel,
      changed((x) =>
        x.forEach((_, k) => {
          if ((k / SIZE) % SIZE > 7) x[k] = 0;
        }),
      ),
    );
  });

  test("a plane that falls off by ten powers of ten is right everywhere", async () => {
    await expectLocal(
      kernel,
      changed((x) =>
        x.forEach((value, k) => {
          x[k] = value * 10 ** (5 - (k % SIZE));
        }),
      ),
    );
  });

  test("numbers near the largest do not overflow in between", async () => {
    const contents = evenContents(kernel);
    for (const [name, numbers] of Object.entries(contents))
      contents[name] = numbers.map((value) => value * (name === "w" ? 1e-30 : 2e37));
    await expectLocal(kernel, contents);
  });
});

// Without padding: a zero that is stored around the data makes NaN of an infinite weight, in direct sums as well.
test.each([Number.POSITIVE_INFINITY, Number.NaN])(
  "a weight of %d is multiplied like any other",
  async (value) => {
    const kernel = kernelOf("conv2d", [6, 5, 3]);
    const contents = evenContents(kernel);
    contents.w[4] = value;
    await expectLocal(kernel, contents);
  },
);

test("an outlier in a channel of small numbers with large weights is seen too", async () => {
  const channels = 6;
  const kernel = kernelOf("conv2d", [channels, 5, 3]);
  const contents = evenContents(kernel);
  const plane = SIZE * SIZE;
  const scale = (channel: number): number => 10 ** (2 * channel);
  contents.x = contents.x.map((value, k) => value * scale(Math.floor(k / plane) % channels));
  contents.w = contents.w.map((value, k) => value / scale(Math.floor(k / 9) % channels));
  expect(await expectLocal(kernel, contents)).toBeGreaterThan(2);
  contents.x[plane >> 1] = 1e6;
  await expectLocal(kernel, contents);
});

describe("weight gradients", () => {
  const kernel = kernelOf("conv2d_weight_grad", [3, 5, 3]);

  test.each([Number.POSITIVE_INFINITY, Number.NaN])(
    "%d comes out as what it is, where it is seen",
    async (value) => {
      // The corners: not every weight meets them.
      for (const place of [0, SIZE * SIZE - 1]) {
        const contents = evenContents(kernel);
        contents.x[place] = value;
        await expectLocal(kernel, contents);
      }
    },
  );

  test("numbers near the largest do not overflow in between", async () => {
    const contents = evenContents(kernel);
    for (const [name, data] of Object.entries(contents))
      contents[name] = data.map((value) => value * (name === "x" ? 1e38 : 1e-32));
    await expectLocal(kernel, contents);
  });
});

const usesWinograd = (kernels: readonly { readonly schedule?: string }[]): boolean =>
  kernels.some(({ schedule }) => schedule?.startsWith("winograd F"));

/** `1 / (1 + |conv(x)|)`: an infinity becomes 0, and NaN stays what it is. */
class Damped extends nn.Module {
  conv = new nn.Conv2d(8, 8, 3, { padding: 1 });

  override forward(x: Tensor): Tensor {
    return this.conv.forward(x).abs().add(1).reciprocal();
  }
}

describe.each([1, 2])("a compiled model on %i threads", (threads) => {
  const shape = [4, 8, 16, 16];
  const images = (value: number): Tensor => {
    const random = generator(2);
    const data = Float32Array.from({ length: 4 * 8 * 16 * 16 }, () => 0.5 + random());
    data[1234] = value;
    return tensor(data, { shape });
  };
  test("watching finds no NaN that Winograd's method has made of an infinity", async () => {
    const model = new Damped();
    const common = { inputs: [shape], backend: "wasm", threads } as const;
    const watched = await compile(model, { ...common, watch: "nan" });
    const direct = await compile(model, { ...common, winograd: false });
    expect([usesWinograd(watched.kernels), usesWinograd(direct.kernels)]).toEqual([true, false]);
    for (const value of [1, 1e8, Number.POSITIVE_INFINITY]) {
      const [actual, expected] = [await watched.run(images(value)), await direct.run(images(value))];
      // Near the outlier both round sums of 1e8; elsewhere they are of order 1.
      expect(relativeError(await actual.data(), await expected.data())).toBeLessThan(1e-5);
    }
    watched.dispose();
    direct.dispose();
  });

  test.each(["watch", "replay"])("%s names the same origin with and without it", async (how) => {
    const origins: string[] = [];
    for (const wanted of [true, false]) {
      manualSeed(1);
      const model = new nn.Sequential(
        new nn.Conv2d(8, 8, 3, { padding: 1 }),
        new nn.ReLU(),
        new nn.Conv2d(8, 8, 3, { padding: 1 }),
      );
      const trainer = await compileTraining(model, {
        inputs: [shape],
        backend: "wasm",
        threads,
        winograd: wanted,
        loss: new nn.MSELoss(),
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        ...(how === "watch" && { watch: "nan" as const }),
      });
      expect(usesWinograd(trainer.kernels)).toBe(wanted);
      const error = await trainer.step(images(Number.POSITIVE_INFINITY), zeros(shape)).catch((e: Error) => e);
      const { message } = error as Error;
      expect(message).toMatch(
        how === "watch"
          ? /^step 1 makes NaN: kernel conv2d .*; the first infinity is stored by kernel conv2d_relu, /
          : /the input \w+ holds NaN or infinity/,
      );
      // How many kernels there are differs, and in which order they list what they read.
      origins.push(message.replace(/\(\d+ of \d+\)|it reads [^;]*/g, ""));
      trainer.dispose();
    }
    expect(origins[0]).toBe(origins[1]);
  });
});

/** Five layers deep, smooth, so that no decision hangs on rounding. */
class Deep extends nn.Module {
  layers = new nn.Sequential(
    ...Array.from({ length: 5 }, () => [
      new nn.Conv2d(16, 16, 3, { padding: 1, bias: false }),
      new nn.BatchNorm2d(16),
      new nn.Tanh(),
    ]).flat(),
  );

  override forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

test("in a deep net gradients stay near those of direct sums", async () => {
  manualSeed(5);
  const model = new Deep();
  const shape = [2, 16, 12, 12];
  const [x, y] = [randn(shape), randn(shape)];
  const gradientsOf = async (backend: BackendName, wanted: boolean) => {
    const trainer = await compileTraining(model, {
      inputs: [shape],
      targets: [shape],
      backend,
      winograd: wanted,
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    });
    expect(usesWinograd(trainer.kernels)).toBe(backend === "wasm" && wanted);
    const { gradients } = await trainer.gradients(x, y);
    const numbers = await Promise.all(Object.values(gradients).map((g) => g.data()));
    trainer.dispose();
    return numbers;
  };
  // js adds up in doubles and rounds what it stores.
  const exact = await gradientsOf("js", true);
  const [tiled, direct] = [await gradientsOf("wasm", true), await gradientsOf("wasm", false)];
  exact.forEach((gradient, k) => {
    // F(4×4, 3×3) rounds up to four times as coarsely as direct sums; the largest difference varies as much again.
    const [own, usual] = [relativeError(tiled[k], gradient), relativeError(direct[k], gradient)];
    expect(own).toBeLessThan(8 * usual + 1e-6);
  });
});
