/** Reads the exports of a model's module, as `kiln train` reads a model file: model, inputs, and how it is trained. */

import { data, KilnError, nn, optim, type Tensor } from "kiln-js";

/** An input: its shape, or shape and dtype. */
type Input = readonly number[] | { readonly shape: readonly number[]; readonly dtype?: "float32" | "int32" };

/** Everything that training takes. */
export interface LiveModel {
  readonly model: nn.Module;
  readonly inputs: readonly Input[];
  readonly batchSize: number;
  readonly loss: nn.Module;
  readonly optimizer: optim.Optimizer;
  readonly train: data.DataLoader<[Tensor, Tensor]>;
  readonly test: data.DataLoader<[Tensor, Tensor]>;
}

type Exports = Readonly<Record<string, unknown>>;
type Datasets = Readonly<Record<"train" | "test", data.Dataset>>;

/** The size of the drawn digits. */
const DIGITS = "1,32,32";

/** Throws a {@link KilnError} that says what the module should export. */
export async function liveModel(exported: Exports): Promise<LiveModel> {
  const model = modelOf(exported.default);
  const inputs = inputsOf(exported.inputs);
  const [batchSize] = shapeOf(inputs[0]);
  const { train, test } = await datasetsOf(exported, inputs);
  const { loss = new nn.CrossEntropyLoss(), optimizer } = exported;
  const loader = (dataset: data.Dataset, shuffle: boolean): data.DataLoader<[Tensor, Tensor]> =>
    new data.DataLoader(dataset, { batchSize, shuffle, dropLast: true, seed: 0 });
  return {
    model,
    inputs,
    batchSize,
    loss: loss as nn.Module,
    optimizer:
      typeof optimizer === "function"
        ? optimizer(model.parameters())
        : new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
    train: loader(train, true),
    test: loader(test, false),
  };
}

function modelOf(exported: unknown): nn.Module {
  const model = typeof exported === "function" ? new (exported as new () => unknown)() : exported;
  if (model instanceof nn.Module) return model;
  throw new KilnError("export a model by default: a class that extends nn.Module, or an instance of one");
}

const shapeOf = (input: Input): readonly number[] => ("shape" in input ? input.shape : input);

function inputsOf(exported: unknown): readonly Input[] {
  const isInput = (input: unknown): boolean => {
    const shape: unknown = Object(input).shape ?? input;
    return Array.isArray(shape) && shape.length > 0;
  };
  if (Array.isArray(exported) && exported.length > 0 && exported.every(isInput)) return exported;
  throw new KilnError(
    "export the shapes of the model's inputs, batch first, such as export const inputs = [[64, 1, 32, 32]]",
  );
}

/** The data that the module exports, else drawn digits. */
async function datasetsOf(exported: Exports, inputs: readonly Input[]): Promise<Datasets> {
  const { dataset } = exported;
  if (dataset !== undefined) {
    return (typeof dataset === "function" ? await dataset({ seed: 0 }) : dataset) as Datasets;
  }
  const [batchSize, ...sample] = shapeOf(inputs[0]);
  const shape = sample.join();
  if (inputs.length > 1 || shape !== DIGITS) {
    throw new KilnError(
      `the digits that this page draws are [N,${DIGITS}], and the model takes [N,${shape}]: export a dataset, { train, test }`,
    );
  }
  return {
    train: data.syntheticDigits({ train: true }),
    test: data.syntheticDigits({ train: false, count: 4 * batchSize }),
  };
}
