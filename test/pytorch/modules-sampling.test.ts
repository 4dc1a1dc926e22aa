/** Power, fractional and inverse pooling, pooling's indices, sampling at grids and antialiasing against PyTorch. */

import { compile, F, manualSeed, nn, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, it } from "vitest";
import { generate, sizeOf } from "../support/fixtures.ts";
import { testModuleCases } from "../support/module-cases.ts";

const placed = ([values, indices]: readonly [Tensor, Tensor]): Tensor => values.mul(indices.float().add(1));

interface PoolWithIndices extends nn.Module {
  forward(x: Tensor): [Tensor, Tensor];
}

class Placed extends nn.Module {
  readonly pool: PoolWithIndices;

  constructor(pool: PoolWithIndices) {
    super();
    this.pool = pool;
  }

  forward(x: Tensor): Tensor {
    return placed(this.pool.forward(x));
  }
}

interface Unpool extends nn.Module {
  forward(x: Tensor, indices: Tensor, outputSize: readonly number[]): Tensor;
}

class Unpooled extends nn.Module {
  readonly pool: PoolWithIndices;
  readonly unpool: Unpool;

  constructor(pool: PoolWithIndices, unpool: Unpool) {
    super();
    this.pool = pool;
    this.unpool = unpool;
  }

  forward(x: Tensor): Tensor {
    const [values, indices] = this.pool.forward(x);
    return this.unpool.forward(values.mul(2), indices, x.shape);
  }
}

function thereAndBack(x: Tensor): Tensor {
  const [values, indices] = F.maxPool2d(x, 3, 1, { returnIndices: true });
  return F.maxUnpool2d(values, indices, 3, 1);
}

const samples = (...shape: number[]): Tensor =>
  tensor(
    generate("modules_sampling/samples", sizeOf(shape)).map((value) => (value + 1) / 2),
    { shape },
  );

const f = (options: nn.GridSampleOptions) => () => (x: Tensor, places: Tensor) =>
  F.gridSample(x, places, options);

testModuleCases(
  "modules_sampling",
  {
    LPPool1d: () => new nn.LPPool1d(2, 3),
    LPPool2d: () => new nn.LPPool2d({ normType: 1.5, kernelSize: [3, 2], stride: 2 }),
    "LPPool2d ceil": () => new nn.LPPool2d(2, 2, [2, 1], true),
    LPPool3d: () => new nn.LPPool3d(2, 2, 1),
    "lp_pool2d of zeros": () => (x) => F.lpPool2d(x.relu(), 2, 2),
    RReLU: () => new nn.RReLU(),
    rrelu: () => (x) => F.rrelu(x, 0.1, 0.5),
    "rrelu of one slope": () => (x) => F.rrelu(x, { lower: 0.3, upper: 0.3, training: true }),
    "MaxPool1d with indices": () => new Placed(new nn.MaxPool1d(3, 2, 1, { returnIndices: true })),
    "MaxPool2d with indices": () => new Placed(new nn.MaxPool2d([2, 3], 2, 0, 1, true, true)),
    "MaxPool3d dilated with indices": () =>
      new Placed(
        new nn.MaxPool3d([3, 2, 3], 2, [1, 0, 1], [1, 2, 1], { ceilMode: true, returnIndices: true }),
      ),
    "AdaptiveMaxPool2d with indices": () => new Placed(new nn.AdaptiveMaxPool2d([3, 2], true)),
    "AdaptiveMaxPool3d with indices": () =>
      new Placed(new nn.AdaptiveMaxPool3d({ outputSize: [2, 3, 2], returnIndices: true })),
    MaxUnpool1d: () =>
      new Unpooled(new nn.MaxPool1d(2, 2, { returnIndices: true }), new nn.MaxUnpool1d(2, 2)),
    "MaxUnpool2d padded": () =>
      new Unpooled(
        new nn.MaxPool2d(3, 2, 1, { returnIndices: true }),
        new nn.MaxUnpool2d(3, { stride: 2, padding: 1 }),
      ),
    MaxUnpool3d: () =>
      new Unpooled(new nn.MaxPool3d(2, { returnIndices: true }), new nn.MaxUnpool3d({ kernelSize: 2 })),
    "max_unpool2d of overlapping windows": () => thereAndBack,
    FractionalMaxPool2d: () => {
      const _randomSamples = samples(2, 3, 2);
      const pool = new nn.FractionalMaxPool2d(2, [4, 3], { returnIndices: true, _randomSamples });
      return (x) => placed(pool.forward(x));
    },
    FractionalMaxPool3d: () => {
      const pool = new nn.FractionalMaxPool3d({
        kernelSize: [2, 1, 2],
        outputRatio: [0.5, 0.7, 0.6],
        returnIndices: true,
        _randomSamples: samples(1, 2, 3),
      });
      return (x) => placed(pool.forward(x));
    },
    "fractional_max_pool2d to one": () => (x) =>
      placed(F.fractionalMaxPool2d(x, 2, [1, 3], { returnIndices: true, _randomSamples: samples(1, 2, 2) })),
    grid_sample: f({}),
    "grid_sample border": f({ paddingMode: "border" }),
    "grid_sample reflection corners": f({ paddingMode: "reflection", alignCorners: true }),
    "grid_sample nearest border": f({ mode: "nearest", paddingMode: "border", alignCorners: true }),
    "grid_sample bicubic reflection": f({ mode: "bicubic", paddingMode: "reflection" }),
    "grid_sample of volumes": f({}),
    affine_grid: () => (theta) => F.affineGrid(theta, [2, 1, 3, 4]),
    "affine_grid of volumes": () => (theta) => F.affineGrid(theta, [1, 1, 2, 1, 3], true),
    "bilinear antialiased corners": () => (x) =>
      F.interpolate(x, [3, 9], null, "bilinear", true, false, true),
    "bicubic antialiased": () => (x) =>
      F.interpolate(x, { scaleFactor: [0.4, 1.5], mode: "bicubic", antialias: true }),
    "bicubic antialiased corners": () => (x) =>
      F.interpolate(x, { size: [1, 3], mode: "bicubic", alignCorners: true, antialias: true }),
  },
  ["wasm"],
);

class Drawing extends nn.Module {
  readonly #draw: (x: Tensor) => Tensor;

  constructor(draw: (x: Tensor) => Tensor) {
    super();
    this.#draw = draw;
  }

  forward(x: Tensor): Tensor {
    return this.#draw(x);
  }
}

/** What `draw` makes of `x` interactively and in two runs of a program, which draw anew. */
async function drawn(x: Tensor, draw: (x: Tensor) => Tensor): Promise<number[][]> {
  manualSeed(3);
  const program = await compile(new Drawing(draw), { inputs: [x.shape], backend: "js" });
  const results = [draw(x), await program.run(x), await program.run(x)];
  return Promise.all(results.map(async (result) => [...(await result.data())]));
}

describe("what is drawn", () => {
  it("by gumbelSoftmax has the classes' probabilities, and one class where it is hard", async () => {
    const logits = tensor([Math.log(0.2), Math.log(0.8)]).expand(4000, 2);
    for (const values of await drawn(logits, (x) => F.gumbelSoftmax(x, 0.5, { hard: true }))) {
      expect(values.every((value, k) => (value === 0 || value === 1) && value + values[k ^ 1] === 1)).toBe(
        true,
      );
      const share = values.reduce((sum, value, k) => sum + (k % 2) * value, 0) / 4000;
      // Six standard deviations of 4,000 draws.
      expect(Math.abs(share - 0.8)).toBeLessThan(0.04);
    }
    const soft = await drawn(zeros(3, 2), (x) => F.gumbelSoftmax(x, { dim: 0 }));
    for (const values of soft) {
      const sums = [0, 1].map((column) =>
        values.reduce((sum, value, k) => sum + (k % 2 === column ? value : 0), 0),
      );
      for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
    }
    expect(new Set(soft.map(String)).size).toBe(3);
    const leaf = zeros(1, 3).requiresGrad_();
    F.gumbelSoftmax(leaf, { hard: true })
      .mul(tensor([1, 2, 3]))
      .sum()
      .backward();
    expect((await leaf.grad!.data()).some((value) => value !== 0)).toBe(true);
    expect(() => F.gumbelSoftmax(leaf, 0)).toThrow("tau must be above 0");
  });

  it("by rrelu are slopes between its bounds, one for each element", async () => {
    const layer = new nn.RReLU(0.25, 0.5);
    for (const values of await drawn(zeros(500).sub(1), (x) => layer.forward(x))) {
      expect(values.every((value) => value >= -0.5 && value <= -0.25)).toBe(true);
      expect(new Set(values).size).toBeGreaterThan(400);
    }
  });

  it("by fractional pooling are windows of each plane, which hold its maximum at their edge", async () => {
    const x = tensor(
      Float32Array.from({ length: 2 * 36 }, (_, k) => k % 36),
      { shape: [1, 2, 6, 6] },
    );
    const [first, ...others] = await drawn(x, (images) =>
      F.fractionalMaxPool2d(images, 2, { outputRatio: 0.7 }),
    );
    for (const values of [first, ...others]) expect([values[15], values[31]]).toEqual([35, 35]);
    expect(() => F.fractionalMaxPool2d(x, 2, 6)).toThrow("windows of [2,2] cannot make [6,6]");
    const layer = new nn.FractionalMaxPool2d(2, { outputSize: 3, _randomSamples: zeros(1, 2, 2) });
    expect(Object.keys(layer.stateDict())).toEqual(["_random_samples"]);
  });
});
