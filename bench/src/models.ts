/**
 * Models as people train them today, measured in addition to the small nets of workloads.ts: only peers that run whole
 * models take part. peers/models.py has their counterparts, with the same state-dict keys.
 */

import { arange, cat, F, nn, optim, type Tensor, tensor } from "../../src/index.ts";
import { generate, initScale, labels, sizeOf } from "../../test/support/fixtures.ts";
import { BATCHES } from "./workloads.ts";

/** One sample of an input or target: float32, or integers below `below`. */
export interface SampleSpec {
  readonly shape: readonly number[];
  readonly below?: number;
}

export interface ModelWorkload {
  readonly name: string;
  readonly input: SampleSpec;
  readonly target: SampleSpec;
  /** The default batch size. */
  readonly batch: number;
  make(): nn.Module;
  loss(): nn.Module;
  optimizer(parameters: readonly nn.Parameter[]): optim.Optimizer;
}

class Residual extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  conv2: nn.Conv2d;
  bn2: nn.BatchNorm2d;
  down: nn.Sequential | null;

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.conv1 = new nn.Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(outputs);
    this.conv2 = new nn.Conv2d(outputs, outputs, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(outputs);
    const fits = stride === 1 && inputs === outputs;
    this.down = fits
      ? null
      : new nn.Sequential(
          new nn.Conv2d(inputs, outputs, 1, { stride, bias: false }),
          new nn.BatchNorm2d(outputs),
        );
  }

  forward(x: Tensor): Tensor {
    const y = F.relu(this.bn1.forward(this.conv1.forward(x)));
    const shortcut = this.down === null ? x : this.down.forward(x);
    return F.relu(this.bn2.forward(this.conv2.forward(y)).add(shortcut));
  }
}

/** He et al., 2016, in the form for small images. */
class ResNet18 extends nn.Module {
  conv1 = new nn.Conv2d(3, 64, 3, { padding: 1, bias: false });
  bn1 = new nn.BatchNorm2d(64);
  layers = new nn.Sequential(
    new Residual(64, 64, 1),
    new Residual(64, 64, 1),
    new Residual(64, 128, 2),
    new Residual(128, 128, 1),
    new Residual(128, 256, 2),
    new Residual(256, 256, 1),
    new Residual(256, 512, 2),
    new Residual(512, 512, 1),
  );
  pool = new nn.AdaptiveAvgPool2d(1);
  fc = new nn.Linear(512, 10);

  forward(x: Tensor): Tensor {
    const features = this.layers.forward(F.relu(this.bn1.forward(this.conv1.forward(x))));
    return this.fc.forward(this.pool.forward(features).flatten(1));
  }
}

/** Depthwise separable convolutions (Howard et al., 2017). */
const separable = (inputs: number, outputs: number, stride: number): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(inputs, inputs, 3, { stride, padding: 1, groups: inputs, bias: false }),
    new nn.BatchNorm2d(inputs),
    new nn.ReLU(),
    new nn.Conv2d(inputs, outputs, 1, { bias: false }),
    new nn.BatchNorm2d(outputs),
    new nn.ReLU(),
  );

class MobileNet extends nn.Module {
  stem = new nn.Conv2d(3, 16, 3, { padding: 1 });
  body = new nn.Sequential(
    separable(16, 32, 1),
    separable(32, 64, 2),
    separable(64, 64, 1),
    separable(64, 128, 2),
    separable(128, 128, 1),
    separable(128, 256, 2),
  );
  pool = new nn.AdaptiveAvgPool2d(1);
  fc = new nn.Linear(256, 10);

  forward(x: Tensor): Tensor {
    const features = this.body.forward(F.relu(this.stem.forward(x)));
    return this.fc.forward(this.pool.forward(features).flatten(1));
  }
}

class UNet extends nn.Module {
  down1 = new nn.Conv2d(3, 16, 3, { padding: 1 });
  down2 = new nn.Conv2d(16, 32, 3, { padding: 1 });
  middle = new nn.Conv2d(32, 64, 3, { padding: 1 });
  up2 = new nn.ConvTranspose2d(64, 32, 2, { stride: 2 });
  join2 = new nn.Conv2d(64, 32, 3, { padding: 1 });
  up1 = new nn.ConvTranspose2d(32, 16, 2, { stride: 2 });
  join1 = new nn.Conv2d(32, 16, 3, { padding: 1 });
  out = new nn.Conv2d(16, 3, 1);

  forward(x: Tensor): Tensor {
    const a = F.relu(this.down1.forward(x));
    const b = F.relu(this.down2.forward(F.maxPool2d(a, 2)));
    const middle = F.relu(this.middle.forward(F.maxPool2d(b, 2)));
    const u = F.relu(this.join2.forward(cat([this.up2.forward(middle), b], 1)));
    return this.out.forward(F.relu(this.join1.forward(cat([this.up1.forward(u), a], 1))));
  }
}

class Lstm extends nn.Module {
  lstm = new nn.LSTM(28, 64, { batchFirst: true });
  fc = new nn.Linear(64, 10);

  forward(x: Tensor): Tensor {
    const [out] = this.lstm.forward(x);
    return this.fc.forward(out.select(1, -1));
  }
}

class WideMlp extends nn.Module {
  fc1 = new nn.Linear(784, 2048);
  fc2 = new nn.Linear(2048, 2048);
  fc3 = new nn.Linear(2048, 10);

  forward(x: Tensor): Tensor {
    return this.fc3.forward(F.relu(this.fc2.forward(F.relu(this.fc1.forward(x)))));
  }
}

const WIDTH = 128;
const HEADS = 4;
const PLACES = 64;
const CHARACTERS = 65;

class Block extends nn.Module {
  ln1 = new nn.LayerNorm(WIDTH);
  qkv = new nn.Linear(WIDTH, 3 * WIDTH);
  proj = new nn.Linear(WIDTH, WIDTH);
  ln2 = new nn.LayerNorm(WIDTH);
  fc = new nn.Linear(WIDTH, 4 * WIDTH);
  out = new nn.Linear(4 * WIDTH, WIDTH);

  forward(x: Tensor): Tensor {
    const [batch, places] = x.shape;
    const [q, k, v] = this.qkv
      .forward(this.ln1.forward(x))
      .chunk(3, 2)
      .map((part) => part.view(batch, places, HEADS, WIDTH / HEADS).transpose(1, 2));
    const seen = F.scaledDotProductAttention(q, k, v, { isCausal: true }).transpose(1, 2);
    const attended = x.add(this.proj.forward(seen.reshape(batch, places, WIDTH)));
    return attended.add(this.out.forward(F.gelu(this.fc.forward(this.ln2.forward(attended)))));
  }
}

/** A small GPT over characters (Radford et al., 2019); the classes come second, as cross-entropy wants them. */
class Gpt extends nn.Module {
  tok = new nn.Embedding(CHARACTERS, WIDTH);
  pos = new nn.Embedding(PLACES, WIDTH);
  blocks = new nn.Sequential(...Array.from({ length: 4 }, () => new Block()));
  ln = new nn.LayerNorm(WIDTH);
  head = new nn.Linear(WIDTH, CHARACTERS, { bias: false });

  forward(x: Tensor): Tensor {
    const places = this.pos.forward(arange(x.shape[1], { dtype: "int32" }));
    const features = this.blocks.forward(this.tok.forward(x).add(places));
    return this.head.forward(this.ln.forward(features)).permute(0, 2, 1);
  }
}

const IMAGES: SampleSpec = { shape: [3, 32, 32] };
const CLASSES: SampleSpec = { shape: [], below: 10 };
const TEXT: SampleSpec = { shape: [PLACES], below: CHARACTERS };

const classified = { target: CLASSES, loss: () => new nn.CrossEntropyLoss() };
const withMomentum: ModelWorkload["optimizer"] = (parameters) =>
  new optim.SGD(parameters, { lr: 0.01, momentum: 0.9 });
const byAdam: ModelWorkload["optimizer"] = (parameters) => new optim.Adam(parameters, { lr: 1e-3 });

export const MODELS: Readonly<Record<string, ModelWorkload>> = {
  gpt: {
    name: "gpt",
    input: TEXT,
    target: TEXT,
    batch: 16,
    make: () => new Gpt(),
    loss: () => new nn.CrossEntropyLoss(),
    optimizer: (parameters) => new optim.AdamW(parameters, { lr: 3e-4 }),
  },
  lstm: {
    name: "lstm",
    input: { shape: [28, 28] },
    batch: 32,
    make: () => new Lstm(),
    optimizer: byAdam,
    ...classified,
  },
  resnet18: {
    name: "resnet18",
    input: IMAGES,
    batch: 16,
    make: () => new ResNet18(),
    optimizer: withMomentum,
    ...classified,
  },
  mobilenet: {
    name: "mobilenet",
    input: IMAGES,
    batch: 16,
    make: () => new MobileNet(),
    optimizer: withMomentum,
    ...classified,
  },
  unet: {
    name: "unet",
    input: { shape: [3, 64, 64] },
    target: { shape: [3, 64, 64] },
    batch: 8,
    make: () => new UNet(),
    loss: () => new nn.MSELoss(),
    optimizer: byAdam,
  },
  "mlp-wide": {
    name: "mlp-wide",
    input: { shape: [784] },
    batch: 64,
    make: () => new WideMlp(),
    optimizer: byAdam,
    ...classified,
  },
};

/**
 * The initial numbers of a parameter: a matrix or a filter has generated ones with a scale that depends on its fan-in,
 * a vector `weight` is a norm's and holds ones, other vectors hold zeros.
 */
function initial(workload: string, key: string, shape: readonly number[]): Float32Array {
  if (shape.length < 2) return new Float32Array(sizeOf(shape)).fill(key.endsWith("weight") ? 1 : 0);
  return generate(`bench/${workload}/${key}`, sizeOf(shape), initScale(sizeOf(shape.slice(1))));
}

/** The model with the parameters that every peer starts from. */
export async function startedModel(workload: ModelWorkload): Promise<nn.Module> {
  const model = workload.make();
  const numbers = initialNumbers(workload, model);
  const state = [...model.namedParameters()].map(
    ([key, { shape }]) => [key, tensor(numbers.get(key)!, { shape })] as const,
  );
  await model.loadStateDict({ ...model.stateDict(), ...Object.fromEntries(state) });
  return model;
}

/** All initial parameters by state-dict key. */
export const initialNumbers = (workload: ModelWorkload, model = workload.make()): Map<string, Float32Array> =>
  new Map([...model.namedParameters()].map(([key, { shape }]) => [key, initial(workload.name, key, shape)]));

/** The type of a model's input. */
export const inputOf = ({ input: { shape, below } }: ModelWorkload, batch: number) =>
  ({ shape: [batch, ...shape], dtype: below === undefined ? "float32" : "int32" }) as const;

/** The batches of a workload: the inputs and the targets. */
export const modelBatches = (
  { name, input, target }: ModelWorkload,
  batch: number,
): (readonly [Tensor, Tensor])[] =>
  Array.from({ length: BATCHES }, (_, k) => [
    samples(`bench/${name}/input/${k}`, input, batch),
    samples(`bench/${name}/labels/${k}`, target, batch),
  ]);

function samples(seed: string, { shape, below }: SampleSpec, batch: number): Tensor {
  const count = batch * sizeOf(shape);
  const values = below === undefined ? generate(seed, count) : labels(seed, count, below);
  return tensor(values, { shape: [batch, ...shape] });
}
