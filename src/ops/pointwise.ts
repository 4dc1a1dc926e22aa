/** Ops of one operand that compute each element from the element at the same index: what they all share. */

import type { GraphBuilder } from "../ir/builder.ts";
import type { Value } from "../ir/types.ts";
import type { Expr } from "../loop/types.ts";
import { f32, type OpDef, requireFloat, type SampleInput } from "./definition.ts";

/** What distinguishes one elementwise function from another. */
export interface PointwiseFunction {
  readonly name: string;
  readonly doc: string;
  readonly backward: string;
  /** How test data is drawn; `distinct` numbers reach from about -3 to 3. */
  readonly draw?: SampleInput["draw"];
  /** The cotangent of `x`, given the result `y`; `undefined` where it is zero everywhere. */
  gradient(b: GraphBuilder, ct: Value, x: Value, y: Value): Value | undefined;
  lower(x: Expr): Expr;
  reference(x: number): number;
}

/** The op that applies a function to each element. */
export function pointwiseOp(f: PointwiseFunction): OpDef {
  return {
    name: f.name,
    doc: f.doc,
    arity: 1,
    attributes: {},
    pattern: "elementwise",
    infer(inputs) {
      requireFloat(f.name, inputs);
      return inputs[0];
    },
    vjp: (b, ct, [x], y) => [f.gradient(b, ct, x, y)],
    backward: { name: f.backward },
    lower:
      ([x]) =>
      (indices) =>
        f.lower(x.at(indices)),
    reference: ([x]) => ({ shape: x.shape, data: x.data.map((v) => f.reference(v)) }),
    samples: () => [
      { inputs: [{ ...f32(2, 3), draw: f.draw ?? "any" }], attrs: {} },
      { inputs: [{ ...f32(60), draw: f.draw ?? "distinct" }], attrs: {} },
      { inputs: [{ ...f32(), draw: f.draw ?? "distinct" }], attrs: {} },
      { inputs: [{ ...f32(1, 1), draw: f.draw ?? "distinct" }], attrs: {} },
      { inputs: [{ ...f32(0, 3), draw: f.draw ?? "distinct" }], attrs: {} },
    ],
  };
}
