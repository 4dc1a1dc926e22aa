/** The maps of linear and bilinear layers as functions. */

import { sameShape, sizeOf } from "../../core/shape.ts";
import { describe } from "../../ops/definition.ts";
import { apply, type Tensor } from "../../tensor/tensor.ts";
import { refuse } from "../reduction.ts";

/** `input·weightᵀ + bias` over the last axis; the weight is [out, in]. */
export const linear = (input: Tensor, weight: Tensor, bias?: Tensor): Tensor =>
  apply("linear", bias === undefined ? [input, weight] : [input, weight, bias]);

/**
 * `x1ᵀ·A·x2 + bias` over the last axes of […,I] and […,J], with a matrix A for each of the outputs: the weight is
 * [out, I, J] (torch.nn.functional.bilinear).
 */
export function bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [out, first, second] = weight.shape;
  const samples = input1.shape.slice(0, -1);
  const expected = [
    [...samples, first],
    [...samples, second],
  ];
  if (weight.ndim !== 3 || ![input1, input2].every(({ shape }, k) => sameShape(shape, expected[k])))
    refuse(
      `bilinear with a weight ${describe(weight)} of [out,in1,in2] expects inputs […,in1] and […,in2] ` +
        `but got ${describe(input1)} and ${describe(input2)}`,
    );
  const rows = input1
    .reshape([sizeOf(samples), first])
    .matmul(weight.permute(1, 0, 2).reshape([first, out * second]));
  const forms = rows
    .reshape([...samples, out, second])
    .mul(input2.unsqueeze(-2))
    .sum(-1);
  return bias === undefined ? forms : forms.add(bias);
}
