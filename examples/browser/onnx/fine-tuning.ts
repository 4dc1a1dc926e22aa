/** A model from an ONNX file whose last layers are trained, and which can be saved as a file again. */

import {
  cat,
  compile,
  compileTraining,
  F,
  nn,
  optim,
  type Program,
  type Tensor,
  type Trainer,
  tensor,
} from "kiln-js";
import { exportOnnx, importOnnx, type OnnxModule } from "kiln-js/onnx";
import type { LayerView, ModelView } from "./messages.ts";
import { type Batch, clusterBatches, digitBatches, pictureSize, spread, withDrawings } from "./samples.ts";

/** The batch size if a file leaves it open. */
const BATCH_SIZE = 32;
const DIGIT_SIZE = 32;

export class FineTuning {
  private readonly name: string;
  private readonly model: OnnxModule;
  /** The type of the model's input, the batch first. */
  private readonly shape: readonly number[];
  private readonly classes: number;
  private readonly batches: AsyncGenerator<Batch, never>;
  private readonly test: AsyncGenerator<Batch, never>;
  private readonly inference: Program;
  private trainer: Trainer | undefined;
  private optimizer: optim.Optimizer | undefined;
  private drawings: Batch | undefined;

  private constructor(
    name: string,
    model: OnnxModule,
    shape: readonly number[],
    inference: Program,
    classes: number,
  ) {
    this.name = name;
    this.model = model;
    this.shape = shape;
    this.inference = inference;
    this.classes = classes;
    const taken = { shape, classes };
    const isPicture = pictureSize(shape) !== undefined;
    this.batches = isPicture ? digitBatches(taken, 0) : clusterBatches(taken);
    this.test = isPicture ? digitBatches(taken, 1) : this.batches;
  }

  /** Reads a file; throws if it is not a classifier with one input. */
  static async open(name: string, bytes: ArrayBuffer): Promise<FineTuning> {
    const model = await importOnnx(bytes);
    const [input, ...others] = model.inputs;
    if (input === undefined || others.length > 0)
      throw new Error(`${name} has ${model.inputs.length} inputs, and this page trains models of one`);
    if (input.type !== "float" || input.shape === undefined)
      throw new Error(
        `${name} takes ${input.type ?? "no tensor"} as ${input.name}, and this page has float32 for it`,
      );
    const shape = input.shape.map((extent, axis) =>
      typeof extent === "number" ? extent : axis === 0 ? BATCH_SIZE : DIGIT_SIZE,
    );
    const inference = await compile(model, { inputs: [shape], warnings: false });
    const scores = await inference.run(tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape }));
    if (scores.ndim !== 2 || scores.shape[1] < 2)
      throw new Error(
        `${name} gives [${scores.shape}], and this page trains classifiers, which give [batch, classes]`,
      );
    return new FineTuning(name, model, shape, inference, scores.shape[1]);
  }

  /** A file to begin with: a small convolutional net that has learned nothing. */
  static async example(): Promise<FineTuning> {
    const net = new nn.Sequential({
      conv1: new nn.Conv2d(1, 8, 5, { stride: 2 }),
      relu1: new nn.ReLU(),
      conv2: new nn.Conv2d(8, 16, 5, { stride: 2 }),
      relu2: new nn.ReLU(),
      flat: new nn.Flatten(),
      fc1: new nn.Linear(400, 64),
      relu3: new nn.ReLU(),
      fc2: new nn.Linear(64, 10),
    });
    const bytes = await exportOnnx(net, {
      inputs: [[BATCH_SIZE, 1, 32, 32]],
      inputNames: ["digits"],
      outputNames: ["scores"],
    });
    return FineTuning.open("example.onnx", new Uint8Array(bytes).buffer);
  }

  get view(): ModelView {
    const { name, shape, classes } = this;
    const layers = this.layers.map(
      ({ name, parameters }): LayerView => ({
        name,
        parameters: parameters.reduce((sum, parameter) => sum + parameter.numel(), 0),
      }),
    );
    return {
      name,
      input: `${this.model.inputs[0].name} [${shape.join(", ")}]`,
      classes,
      layers,
      size: pictureSize(shape),
    };
  }

  /** Modules that have parameters of their own, in the order of the file. */
  private get layers(): readonly { readonly name: string; readonly parameters: readonly nn.Parameter[] }[] {
    const layers = new Map<string, nn.Parameter[]>();
    for (const [name, parameter] of this.model.namedParameters()) {
      const layer = name.replace(/\.[^.]*$/, "");
      layers.set(layer, [...(layers.get(layer) ?? []), parameter]);
    }
    return [...layers].map(([name, parameters]) => ({ name, parameters }));
  }

  /** From here on the last `count` layers are trained. */
  async choose(count: number): Promise<void> {
    const { layers } = this;
    for (const [k, { parameters }] of layers.entries())
      for (const parameter of parameters) parameter.requiresGrad_(k >= layers.length - count);
    await this.trainer?.dispose();
    this.optimizer = new optim.Adam(this.model.parameters(), { lr: 0.003 });
    this.trainer = await compileTraining(this.model, {
      inputs: [this.shape],
      loss: new nn.CrossEntropyLoss(),
      optimizer: this.optimizer,
      warnings: false,
    });
  }

  /** The loss of the next batch, before the update. */
  async step(): Promise<number> {
    const { value } = await this.batches.next();
    return this.trainer!.step(...withDrawings(value, this.drawings));
  }

  /** The accuracy on a few test batches. */
  async evaluate(): Promise<number> {
    let [right, count] = [0, 0];
    for (let k = 0; k < 4; k++) {
      const { value } = await this.test.next();
      const [inputs, classes] = value;
      const found = (await this.inference.run(inputs)).argmax(1);
      right += await found.eq(classes).sum().item();
      count += inputs.shape[0];
    }
    return right / count;
  }

  /** The probabilities of the first ten classes for a drawn digit. */
  async guess(pixels: Float32Array): Promise<readonly number[]> {
    const [batchSize] = this.shape;
    const one = this.picture(pixels);
    const scores = await this.inference.run(one.expand(batchSize, ...one.shape.slice(1)));
    const likely = F.softmax(scores, 1).narrow(0, 0, 1).flatten();
    return Array.from(await likely.data()).slice(0, 10);
  }

  /** Adds a drawing to the training data; returns how many there are. */
  async teach(pixels: Float32Array, digit: number): Promise<number> {
    const [picture, label] = [this.picture(pixels), tensor(Int32Array.of(digit))];
    const { drawings } = this;
    this.drawings =
      drawings === undefined
        ? [picture, label]
        : [cat([drawings[0], picture], 0), cat([drawings[1], label], 0)];
    return this.drawings[0].shape[0];
  }

  private picture(pixels: Float32Array): Tensor {
    const [, channels, size] = this.shape;
    return spread(tensor(pixels, { shape: [1, 1, DIGIT_SIZE, DIGIT_SIZE] }), channels, size);
  }

  /** The file with the trained weights. */
  save(): Promise<Uint8Array> {
    return exportOnnx(this.model, { inputs: [this.shape] });
  }

  get fileName(): string {
    return this.name.replace(/(\.onnx)?$/i, ".trained.onnx");
  }

  async dispose(): Promise<void> {
    await this.trainer?.dispose();
    await this.inference.dispose();
  }
}
