/** Power, fractional and inverse pooling, pooling's indices, sampling at grids and antialiasing against PyTorch. */

import { F, nn, type Tensor, tensor } from "kiln";
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
