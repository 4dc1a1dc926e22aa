/**
 * Real models as both of PyTorch's exporters write them (test/fixtures/onnx_models.py): they compute what onnxruntime does,
 * learn as PyTorch does, and go out again.
 */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { compile, compileTraining, nn, optim, type Tensor, tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { exportOnnx, importOnnx, type OnnxModule } from "../../src/onnx/index.ts";
import { decodeModel, encodeModel } from "../../src/onnx/model-proto.ts";
import { isWhole } from "../support/extent.ts";
import { generate } from "../support/fixtures.ts";
import { hasRuntime, runInRuntime } from "../support/onnxruntime.ts";
import { relativeError } from "../support/run-graph.ts";

interface Weight {
  readonly parameter: string;
  readonly scale: number;
  readonly shift: number;
  readonly transposed?: true;
}
interface Model {
  readonly inputs: readonly { readonly shape: readonly number[]; readonly values?: readonly number[] }[];
  readonly losses: readonly number[];
  /** How far PyTorch's losses in float32 are from those in float64. */
  readonly float32: number;
  readonly files: Readonly<
    Record<
      string,
      {
        readonly weights: Readonly<Record<string, Weight>>;
        readonly shape: readonly number[];
        readonly output: readonly number[];
      }
    >
  >;
}

const FOLDER = new URL("../fixtures/onnx/", import.meta.url);
const { models, lr, momentum } = JSON.parse(readFileSync(new URL("models.json", FOLDER), "utf8")) as {
  readonly models: Readonly<Record<string, Model>>;
  readonly lr: number;
  readonly momentum: number;
};

/** The file with the numbers of its weights. */
function fileOf(name: string, exporter: string): Uint8Array {
  const packed = readFileSync(new URL(`${name}.${exporter}.onnx.gz`, FOLDER));
  const model = decodeModel(gunzipSync(packed), `${name}.onnx`);
  const { weights } = models[name].files[exporter];
  for (const initializer of model.graph!.initializer) {
    const weight = weights[initializer.name];
    if (weight === undefined) continue;
    const [rows, columns] = initializer.dims.map(Number);
    const size = initializer.dims.reduce((product, extent) => product * Number(extent), 1);
    const made = generate(`${name}/${weight.parameter}`, size, weight.scale);
    const numbers = made.map((value) => Math.fround(value + weight.shift));
    // The generator counts along PyTorch's rows, which are the columns here.
    const own = weight.transposed
      ? numbers.map((_, k) => numbers[(k % columns) * rows + Math.floor(k / columns)])
      : numbers;
    initializer.rawData = new Uint8Array(own.buffer);
  }
  return encodeModel(model);
}

function inputsOf(name: string): Tensor[] {
  return models[name].inputs.map(({ shape, values }) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return values === undefined
      ? tensor(generate(`${name}/input`, size), { shape })
      : tensor(Int32Array.from(values), { shape, dtype: "int32" });
  });
}

const typesOf = (inputs: readonly Tensor[]) => inputs.map(({ shape, dtype }) => ({ shape, dtype }));

async function outputOf(model: OnnxModule, inputs: readonly Tensor[]): Promise<ArrayLike<number>> {
  const program = await compile(model, { inputs: typesOf(inputs), warnings: false });
  const [y] = [await program.run<Tensor | Tensor[]>(...inputs)].flat();
  const data = await y.data();
  await program.dispose();
  return data;
}

const CASES = Object.entries(models).flatMap(([name, { files }]) =>
  Object.keys(files).map((exporter): [string, string] => [name, exporter]),
);
/** The quick tests have one whose weights are few, with most kinds of layers. */
const cases = isWhole ? CASES : CASES.filter(([name]) => name === "unet");

describe.each(cases)("%s by the exporter %s", (name, exporter) => {
  const { files, losses, float32 } = models[name];
  const { output, shape } = files[exporter];

  test("gives what onnxruntime does, and so does what goes out again", async () => {
    const [model, inputs] = [await importOnnx(fileOf(name, exporter)), inputsOf(name)];
    const own = await outputOf(model, inputs);
    expect(relativeError(own, output)).toBeLessThan(1e-4);
    const written = await exportOnnx(model, { inputs: typesOf(inputs) });
    expect(relativeError(await outputOf(await importOnnx(written), inputs), output)).toBeLessThan(1e-4);
    if (!hasRuntime) return;
    const feeds = await Promise.all(
      model.inputs.map(async (port, k) => {
        const { shape, dtype } = inputs[k];
        return [port.name, { shape, dtype, data: await inputs[k].data() }] as const;
      }),
    );
    const found = await runInRuntime(written, Object.fromEntries(feeds));
    expect(relativeError(found[model.outputs[0].name].data, output)).toBeLessThan(1e-5);
  });

  // What the optimizer takes up into constants is learned otherwise, or not at all.
  test.skipIf(exporter === "optimized")("learns as PyTorch does", async () => {
    const model = await importOnnx(fileOf(name, exporter), { trainBatchNorm: true });
    const inputs = inputsOf(name);
    const optimizer = new optim.SGD(model.parameters(), { lr, momentum });
    const trainer = await compileTraining(model, {
      inputs: typesOf(inputs),
      targets: [shape],
      loss: new nn.MSELoss(),
      optimizer,
      warnings: false,
    });
    const found: number[] = [];
    for (const step of losses.keys()) {
      const target = generate(`${name}/target/${step}`, output.length);
      found.push(await trainer.step(...inputs, tensor(target, { shape })));
    }
    await trainer.dispose();
    const errors = found.map((loss, k) => Math.abs(loss - losses[k]) / Math.abs(losses[k]));
    expect(Math.max(...errors)).toBeLessThan(8 * float32 + 1e-6);
  });
});
