/** A batch to measure a program on when none is given. */

import { type DType, isFloat } from "../../core/dtype.ts";
import { type Shape, sizeOf } from "../../core/shape.ts";
import {
  generatorState,
  manualSeed,
  randn,
  setGeneratorState,
  type Tensor,
  tensor,
} from "../../tensor/index.ts";

/** One input or target of a program. */
export interface InputInfo {
  readonly dtype: DType;
  readonly shape: Shape;
  /** For integers that are classes or rows, their exclusive upper limit. */
  readonly below: number | undefined;
  /** The least that they may be (default: 0). */
  readonly least?: number | undefined;
}

/**
 * Normal random numbers for each input, and for integers numbers that it may hold: the same ones for the same inputs. The
 * user's own random generator is left untouched.
 */
export function randomBatch(inputs: readonly InputInfo[]): readonly Tensor[] {
  const before = generatorState();
  manualSeed(1);
  let state = 1;
  const batch = inputs.map(({ dtype, shape, below = dtype === "bool" ? 2 : 1, least = 0 }) => {
    if (isFloat(dtype)) return randn(shape);
    // A linear congruential generator (Numerical Recipes): labels need no better bits.
    const data = Int32Array.from({ length: sizeOf(shape) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return least + Math.floor((state / 2 ** 32) * (below - least));
    });
    return tensor(data, { shape, dtype });
  });
  setGeneratorState(before);
  return batch;
}
