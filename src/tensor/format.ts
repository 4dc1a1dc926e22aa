/** The text that PyTorch's `print` gives for a tensor. */

import type { DType, TypedArray } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";

export function formatTensor(data: TypedArray, shape: Shape, dtype: DType): string {
  return `tensor(${JSON.stringify([...data])}, ${shape}, ${dtype})`;
}
