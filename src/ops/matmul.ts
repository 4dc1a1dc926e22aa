/** Products of matrices: `matmul` with optional transposes and batches, and `linear` as PyTorch defines it. */

import { KilnError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";
import type { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, TensorType, Value } from "../ir/types.ts";
import { add, int, mul, reduce } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { reshape, sum } from "./algebra.ts";
import { BOOLEAN } from "./declaration.ts";
import { describe, f32, type OpDef, requireBroadcast, requireFloat } from "./definition.ts";
import { at, generate, sumOver } from "./ndarray.ts";

interface Matrix {
  readonly batch: Shape;
  readonly rows: number;
  readonly columns: number;
}

function matrixOf(type: TensorType, transposed: boolean): Matrix {
  const { shape } = type;
  const [rows, columns] = shape.slice(-2);
  return {
    batch: shape.slice(0, -2),
    rows: transposed ? columns : rows,
    columns: transposed ? rows : columns,
  };
}

/** Indices of the element at (`row`, `column`) of a possibly transposed operand in a broadcast batch. */
function matrixIndex<T>(
  shape: Shape,
  batch: readonly T[],
  row: T,
  column: T,
  transposed: boolean,
  zero: T,
): T[] {
  const own = shape.slice(0, -2);
  const skipped = batch.length - own.length;
  const position = own.map((extent, axis) => (extent === 1 ? zero : batch[axis + skipped]));
  return [...position, ...(transposed ? [column, row] : [row, column])];
}

const isTransposed = (attrs: Attrs, name: "transposeA" | "transposeB"): boolean => attrs[name] === true;

const matmul: OpDef = {
  name: "matmul",
  doc: "`a·b` over the last two axes, leading axes broadcast (torch.matmul); `transposeA` and `transposeB` swap an operand's last two axes first.",
  arity: 2,
  attributes: { transposeA: BOOLEAN, transposeB: BOOLEAN },
  pattern: "contraction",
  infer([a, b], attrs) {
    requireFloat("matmul", [a, b]);
    if (a.shape.length < 2 || b.shape.length < 2) {
      throw new KilnError(`matmul expects at least two dimensions but got ${describe(a)} and ${describe(b)}`);
    }
    const x = matrixOf(a, isTransposed(attrs, "transposeA"));
    const y = matrixOf(b, isTransposed(attrs, "transposeB"));
    if (x.columns !== y.rows) {
      throw new KilnError(
        `matmul cannot multiply ${x.rows}×${x.columns} by ${y.rows}×${y.columns} (operands ${formatShape(a.shape)} and ${formatShape(b.shape)}): the inner extents differ`,
      );
    }
    return { dtype: "float32", shape: [...requireBroadcast("matmul", x.batch, y.batch), x.rows, y.columns] };
  },
  vjp(b, ct, [x, y], _out, attrs) {
    const ta = isTransposed(attrs, "transposeA");
    const tb = isTransposed(attrs, "transposeB");
    const product = (p: Value, q: Value, transposeA: boolean, transposeB: boolean): Value =>
      b.node("matmul", [p, q], { transposeA, transposeB });
    return [
      ta ? product(y, ct, tb, true) : product(ct, y, false, !tb),
      tb ? product(ct, x, true, ta) : product(x, ct, !ta, false),
    ];
  },
  /** The rows and columns that are summed over are concatenated, iteration by iteration. */
  sumOverStacks([x, y], attrs) {
    if (x.shape.length > 2 || y.shape.length > 2) return undefined;
    const ta = isTransposed(attrs, "transposeA");
    const tb = isTransposed(attrs, "transposeB");
    const joined = (b: GraphBuilder, stack: Value, isInner: boolean): Value => {
      const [iterations, rows, columns] = stack.type.shape;
      if (!isInner) return reshape(b, stack, [iterations * rows, columns]);
      return reshape(b, b.node("permute", [stack], { dims: [1, 0, 2] }), [rows, iterations * columns]);
    };
    return {
      isWorthStacks: true,
      of: (b, [p, q]) =>
        b.node("matmul", [joined(b, p, !ta), joined(b, q, tb)], { transposeA: ta, transposeB: tb }),
    };
  },
  backward: { name: "MmBackward" },
  lower([a, b], _output, attrs) {
    const ta = isTransposed(attrs, "transposeA");
    const tb = isTransposed(attrs, "transposeB");
    const inner = matrixOf(a.type, ta).columns;
    return (indices) => {
      const batch = indices.slice(0, -2);
      const [row, column] = indices.slice(-2);
      return reduce("sum", [{ name: "k", extent: inner }], ([k]) =>
        mul(
          a.at(matrixIndex(a.type.shape, batch, row, k, ta, int(0))),
          b.at(matrixIndex(b.type.shape, batch, k, column, tb, int(0))),
        ),
      );
    };
  },
  reference([a, b], output, attrs) {
    const ta = isTransposed(attrs, "transposeA");
    const tb = isTransposed(attrs, "transposeB");
    const inner = a.shape[a.shape.length - (ta ? 2 : 1)];
    return generate(output.shape, (index) => {
      const batch = index.slice(0, -2);
      const [row, column] = index.slice(-2);
      return sumOver(
        [inner],
        ([k]) =>
          at(a, matrixIndex(a.shape, batch, row, k, ta, 0)) *
          at(b, matrixIndex(b.shape, batch, k, column, tb, 0)),
      );
    });
  },
  samples: () => [
    { inputs: [f32(3, 4), f32(4, 5)], attrs: { transposeA: false, transposeB: false } },
    { inputs: [f32(4, 3), f32(5, 4)], attrs: { transposeA: true, transposeB: true } },
    { inputs: [f32(4, 7), f32(4, 6)], attrs: { transposeA: true, transposeB: false } },
    { inputs: [f32(2, 3, 4), f32(4, 5)], attrs: { transposeA: false, transposeB: false } },
    { inputs: [f32(2, 1, 3, 4), f32(3, 5, 4)], attrs: { transposeA: false, transposeB: true } },
    { inputs: [f32(1, 1), f32(1, 1)], attrs: { transposeA: false, transposeB: false } },
    { inputs: [f32(1, 5), f32(1, 4)], attrs: { transposeA: true, transposeB: false } },
    { inputs: [f32(2, 0), f32(0, 3)], attrs: { transposeA: false, transposeB: false } },
    { inputs: [f32(0, 2), f32(3, 2)], attrs: { transposeA: false, transposeB: true } },
    { inputs: [f32(2, 3, 0), f32(0, 4)], attrs: { transposeA: false, transposeB: false } },
    { inputs: [f32(0, 3, 4), f32(4, 2)], attrs: { transposeA: false, transposeB: false } },
  ],
};

const linear: OpDef = {
  name: "linear",
  doc: "`x·Wᵀ + b` over the last axis: x[…,in], W[out,in], b[out] → […,out] (torch.nn.functional.linear). The bias may be left out.",
  arity: [2, 3],
  attributes: {},
  pattern: "contraction",
  infer(inputs) {
    const [x, weight, bias] = inputs;
    requireFloat("linear", inputs);
    const [outFeatures, inFeatures] = weight.shape;
    if (weight.shape.length !== 2)
      throw new KilnError(`linear expects a weight [out,in] but got ${describe(weight)}`);
    if (x.shape.length === 0 || x.shape[x.shape.length - 1] !== inFeatures) {
      throw new KilnError(
        `linear expects ${inFeatures} input features but got ${describe(x)} (weight ${formatShape(weight.shape)})`,
      );
    }
    if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== outFeatures)) {
      throw new KilnError(`linear expects a bias [${outFeatures}] but got ${describe(bias)}`);
    }
    return { dtype: "float32", shape: [...x.shape.slice(0, -1), outFeatures] };
  },
  vjp(b, ct, [x, weight, bias]) {
    const [outFeatures, inFeatures] = weight.type.shape;
    const rows = sizeOf(x.type.shape.slice(0, -1));
    const leading = x.type.shape.slice(0, -1).map((_, axis) => axis);
    const flatCt = b.node("reshape", [ct], { shape: [rows, outFeatures] });
    const flatX = b.node("reshape", [x], { shape: [rows, inFeatures] });
    return [
      leading.length === 0
        ? b.node("reshape", [b.node("matmul", [flatCt, weight], { transposeA: false, transposeB: false })], {
            shape: x.type.shape,
          })
        : b.node("matmul", [ct, weight], { transposeA: false, transposeB: false }),
      b.node("matmul", [flatCt, flatX], { transposeA: true, transposeB: false }),
      ...(bias === undefined ? [] : [sum(b, ct, leading)]),
    ];
  },
  backward: {
    name: ([x]) => (x.shape.length === 2 ? "AddmmBackward" : "AddBackward"),
    edges: [2, 0, 1],
    transposed: 1,
  },
  lower([x, weight, bias]) {
    const [, inFeatures] = weight.type.shape;
    return (indices) => {
      const feature = indices[indices.length - 1];
      const leading: readonly Expr[] = indices.slice(0, -1);
      const product = reduce("sum", [{ name: "k", extent: inFeatures }], ([k]) =>
        mul(x.at([...leading, k]), weight.at([feature, k])),
      );
      return bias === undefined ? product : add(product, bias.at([feature]));
    };
  },
  reference: ([x, weight, bias], output) =>
    generate(output.shape, (index) => {
      const feature = index[index.length - 1];
      const leading = index.slice(0, -1);
      const product = sumOver([weight.shape[1]], ([k]) => at(x, [...leading, k]) * at(weight, [feature, k]));
      return product + (bias === undefined ? 0 : at(bias, [feature]));
    }),
  samples: () => [
    { inputs: [f32(3, 4), f32(5, 4), f32(5)], attrs: {} },
    { inputs: [f32(1, 9), f32(6, 9), f32(6)], attrs: {} },
    { inputs: [f32(2, 3, 4), f32(5, 4)], attrs: {} },
    { inputs: [f32(4), f32(2, 4), f32(2)], attrs: {} },
    { inputs: [f32(1, 1), f32(1, 1), f32(1)], attrs: {} },
    { inputs: [f32(0, 4), f32(2, 4), f32(2)], attrs: {} },
    { inputs: [f32(2, 0), f32(3, 0), f32(3)], attrs: {} },
    { inputs: [f32(2, 0, 4), f32(3, 4)], attrs: {} },
  ],
};

export const MATMUL = { matmul, linear };
