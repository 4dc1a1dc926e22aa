/** LeNet and everything needed to train it step by step, on any backend. */

import {
  type BackendName,
  compile,
  compileTraining,
  data,
  F,
  nn,
  optim,
  type Program,
  type Tensor,
  type Trainer,
  tensor,
} from "kiln-js";
import LeNet from "../../lenet.ts";
import type { CompiledView, DigitsView, Evaluation, Settings } from "./messages.ts";

const BATCH_SIZE = 64;
const TEST_DIGITS = 200;
/** How many of the test digits the page shows. */
const SHOWN_DIGITS = 48;
const SIZE = 32;

type Batch = [Tensor, Tensor];

const loaderOf = (digits: data.Dataset): data.DataLoader<Batch> =>
  new data.DataLoader(digits, { batchSize: BATCH_SIZE, shuffle: true, dropLast: true, seed: 1 });

/** A model's programs on one backend. */
interface Programs {
  readonly trainer: Trainer;
  readonly view: CompiledView;
  readonly inference: Program;
}

export class Training {
  readonly batchSize = BATCH_SIZE;
  private readonly digits = data.syntheticDigits({ train: true });
  private readonly net = new LeNet();
  private readonly optimizer = new optim.SGD(this.net.parameters(), { lr: 0.05, momentum: 0.9 });
  private readonly batches = forever(loaderOf(this.digits));
  private readonly programs = new Map<string, Programs>();
  /** By backend: the forward pass of a single digit. */
  private readonly singles = new Map<string, Program>();
  private readonly test: Promise<Batch> = testDigits();
  private current: Programs | undefined;

  get steps(): number {
    return this.optimizer.stepCount;
  }

  /**
   * Continues with these settings. All backends train the same model, so each
   * continues with what the last one has learned. Each backend compiles once.
   */
  async configure({ backend, learningRate }: Settings): Promise<CompiledView> {
    for (const group of this.optimizer.paramGroups) group.lr = learningRate;
    this.current = this.programs.get(backend) ?? (await this.compile(backend));
    this.programs.set(backend, this.current);
    return this.current.view;
  }

  private async compile(backend: BackendName): Promise<Programs> {
    const { net, optimizer } = this;
    const trainer = await compileTraining(net, {
      inputs: [[BATCH_SIZE, 1, SIZE, SIZE]],
      loss: new nn.CrossEntropyLoss(),
      optimizer,
      backend,
    });
    const inference = await compile(net, { inputs: [[TEST_DIGITS, 1, SIZE, SIZE]], backend });
    return { trainer, inference, view: viewOf(trainer) };
  }

  /** The loss of the next batch, before the update. */
  async step(): Promise<number> {
    const { value } = await this.batches.next();
    return this.ready.trainer.step(...value);
  }

  /** The probabilities of the ten classes for a digit of {@link SIZE} × {@link SIZE} pixels, by the current model. */
  async guess(pixels: Float32Array, backend: Settings["backend"]): Promise<readonly number[]> {
    const inputs = [[1, 1, SIZE, SIZE]];
    const program = this.singles.get(backend) ?? (await compile(this.net, { inputs, backend }));
    this.singles.set(backend, program);
    const scores = await program.run(tensor(pixels).reshape([1, 1, SIZE, SIZE]));
    return Array.from(await F.softmax(scores, 1).data());
  }

  async evaluate(): Promise<Evaluation> {
    const [images, labels] = await this.test;
    const scores = await this.ready.inference.run(images);
    const probabilities = await F.softmax(scores, 1).data();
    const truth = await labels.data();
    const classes = scores.size(1);
    const predictions = Array.from(truth, (_, k) =>
      best(probabilities.subarray(k * classes, (k + 1) * classes)),
    );
    const right = predictions.filter(({ digit }, k) => digit === truth[k]).length;
    return { accuracy: right / truth.length, predictions: predictions.slice(0, SHOWN_DIGITS) };
  }

  async shownDigits(): Promise<DigitsView> {
    const [images, labels] = await this.test;
    const pixels = (await images.data()).slice(0, SHOWN_DIGITS * SIZE * SIZE) as Float32Array;
    return { size: SIZE, pixels, labels: (await labels.data()).slice(0, SHOWN_DIGITS) as Int32Array };
  }

  async dispose(): Promise<void> {
    for (const { trainer, inference } of this.programs.values()) {
      await trainer.dispose();
      await inference.dispose();
    }
    for (const program of this.singles.values()) await program.dispose();
  }

  private get ready(): Programs {
    if (this.current === undefined) throw new Error("configure comes before a step");
    return this.current;
  }
}

/** How many digits per second wasm trains here, measured with a model of its own. */
export async function wasmSpeed(): Promise<number> {
  const net = new LeNet();
  const trainer = await compileTraining(net, {
    inputs: [[BATCH_SIZE, 1, SIZE, SIZE]],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.01 }),
    backend: "wasm",
  });
  const digits = data.syntheticDigits({ train: true, count: BATCH_SIZE });
  for await (const batch of loaderOf(digits)) {
    for (let step = 0; step < WARM_STEPS; step++) await trainer.step(...batch);
    const begin = performance.now();
    for (let step = 0; step < TIMED_STEPS; step++) await trainer.step(...batch);
    const seconds = (performance.now() - begin) / 1000;
    await trainer.dispose();
    return (TIMED_STEPS * BATCH_SIZE) / seconds;
  }
  throw new Error("there is no batch");
}

const WARM_STEPS = 4;
const TIMED_STEPS = 8;

async function testDigits(): Promise<Batch> {
  const digits = data.syntheticDigits({ train: false, count: TEST_DIGITS });
  for await (const batch of new data.DataLoader(digits, { batchSize: TEST_DIGITS })) return batch;
  throw new Error("there are no test digits");
}

/** The batches of one epoch after another. */
async function* forever(loader: AsyncIterable<Batch>): AsyncGenerator<Batch, never> {
  for (;;) yield* loader;
}

function best(probabilities: ArrayLike<number>): Evaluation["predictions"][number] {
  const all = Array.from(probabilities);
  const confidence = Math.max(...all);
  return { digit: all.indexOf(confidence), confidence };
}

const viewOf = ({ backend, compileMilliseconds, kernels, stages }: Trainer): CompiledView => ({
  backend,
  milliseconds: compileMilliseconds,
  kernels: kernels.map(({ name, origins, source }) => ({
    name,
    origins: [...new Set(origins.map(({ file, line, module }) => `${file}:${line} ${module}`.trim()))].join(
      ", ",
    ),
    source,
  })),
  stages,
});
