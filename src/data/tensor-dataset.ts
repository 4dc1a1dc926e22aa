/** Tensors as a dataset: sample `i` is row `i` of each of them. */

import { allocate, type TypedArray } from "../core/dtype.ts";
import { invariant, KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { Tensor } from "../tensor/index.ts";
import { isLabels, type Labels, labelTensor } from "../tensor/labels.ts";
import type { BatchedDataset } from "./batch.ts";
import { checkIndex, type ItemDataset } from "./dataset.ts";

/** A tensor for each of what a dataset is given. */
type TensorsOf<Given extends readonly Labels[]> = { [Place in keyof Given]: Tensor };

/**
 * `new TensorDataset(x, y)`: samples are along dimension 0 of every tensor, as in PyTorch. A loader's batches are rows
 * of the same tensors, with their types. Labels may be a list or a typed array of integers, which become int32.
 */
export class TensorDataset<Given extends readonly Labels[]>
  implements BatchedDataset<TensorsOf<Given>>, ItemDataset<TensorsOf<Given>>
{
  /** Its arguments, as tensors. */
  readonly tensors: TensorsOf<Given>;
  readonly length: number;
  readonly description: string;
  #rows: readonly TypedArray[] | undefined;

  constructor(...given: Given) {
    const tensors = given.map((part, k) =>
      !(part instanceof Tensor) && isLabels(part) ? labelTensor(`TensorDataset's part ${k}`, part) : part,
    ) as readonly Tensor[];
    if (tensors.length === 0 || tensors.some((t) => !(t instanceof Tensor) || t.ndim === 0)) {
      throw new KilnError("TensorDataset takes tensors of at least one dimension, with the samples along it");
    }
    const lengths = tensors.map((t) => t.shape[0]);
    if (lengths.some((length) => length !== lengths[0])) {
      const shapes = tensors.map((t) => `[${t.shape}]`).join(", ");
      throw new KilnError(
        `TensorDataset needs tensors with the same number of samples, but their shapes are ${shapes}`,
      );
    }
    this.tensors = tensors as readonly Tensor[] as TensorsOf<Given>;
    this.length = lengths[0];
    this.description = `${this.length} samples of ${tensors.length} tensors`;
  }

  /** Reads the tensors as they are now; lazy ones are computed. */
  async open(): Promise<void> {
    this.#rows = await Promise.all(this.tensors.map(async (t) => t.peek() ?? (await t.data())));
  }

  /** Row `index` of each tensor. */
  getItem(index: number): TensorsOf<Given> {
    checkIndex(this, index);
    const rows: readonly Tensor[] = this.tensors.map((t) => {
      const numbers = t.peek();
      // Does not wait for numbers that are still being computed.
      return numbers === undefined ? t.select(0, index) : gatherRows(t, numbers, [index]).select(0, 0);
    });
    return rows as TensorsOf<Given>;
  }

  batch(indices: ArrayLike<number>): TensorsOf<Given> {
    const rows = this.#rows;
    invariant(rows !== undefined, "a loader opens a dataset before it asks for batches");
    for (let position = 0; position < indices.length; position++) checkIndex(this, indices[position]);
    const gathered: readonly Tensor[] = this.tensors.map((t, k) => gatherRows(t, rows[k], indices));
    return gathered as TensorsOf<Given>;
  }
}

function gatherRows({ shape, dtype }: Tensor, rows: TypedArray, indices: ArrayLike<number>): Tensor {
  const rowShape = shape.slice(1);
  const size = sizeOf(rowShape);
  const data = allocate(dtype, indices.length * size);
  for (let position = 0; position < indices.length; position++) {
    const begin = indices[position] * size;
    data.set(rows.subarray(begin, begin + size), position * size);
  }
  return Tensor.fromData(data, [indices.length, ...rowShape], dtype);
}
