/**
 * An ONNX file as a model file: what other files export, mainly
 * inputs, is read from its graph; training writes one again.
 */

import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Module } from "../nn/index.ts";
import type { ModelFile, TensorSpec } from "./model-file.ts";
import { writeFiles } from "./output-folder.ts";

/** The name of a trained model in the folder of `--out`. */
export const TRAINED_FILE = "model.onnx";

export const isOnnxFile = (path: string): boolean => path.toLowerCase().endsWith(".onnx");

/** Loads the reader of ONNX files. */
const onnx = () => import("../onnx/index.ts");

/**
 * The model in an ONNX file and its inputs. `wanted` are the requested shapes, if any; otherwise extents that the file
 * leaves open must be the batch's, which is 1.
 */
export async function loadOnnxFile(
  path: string,
  wanted: readonly Shape[],
): Promise<{ readonly model: Module; readonly inputs: readonly TensorSpec[] }> {
  const { importOnnx, dtypeOf } = await onnx();
  const model = await importOnnx(path);
  const inputs = model.inputs.map(({ name, type, shape }, k): TensorSpec => {
    if (type === undefined) throw new KilnError(`${path}: the input ${name} is not a tensor of numbers`);
    const dtype = dtypeOf(type);
    if (wanted[k] !== undefined) return { dtype, shape: wanted[k] };
    const open = shape?.find((extent, axis) => axis > 0 && typeof extent === "string");
    if (shape === undefined || open !== undefined)
      throw new KilnError(
        `${path} leaves the shape of its input ${name} open, [${shape ?? ""}]: give it with --input where a command has that, ` +
          "or write a model file with importOnnx and inputs",
      );
    return { dtype, shape: shape.map((extent) => (typeof extent === "string" ? 1 : extent)) };
  });
  if (inputs.length === 0) throw new KilnError(`${path} is a model without inputs`);
  return { model, inputs };
}

/** Writes a trained model that came from an ONNX file to the folder `out` as one, for batches of that size. */
export async function writeTrained(file: ModelFile, batchSize: number, out: string): Promise<void> {
  if (!isOnnxFile(file.path)) return;
  const { exportOnnx } = await onnx();
  const inputs = file.inputs.map(({ shape, dtype }) => ({ dtype, shape: [batchSize, ...shape.slice(1)] }));
  await writeFiles(out, { [TRAINED_FILE]: await exportOnnx(file.model, { inputs }) });
}
