/** Sums of products over named axes (torch.einsum): every two operands become one product of batches of matrices. */

import { KilnError } from "../core/errors.ts";
import { formatShape, sizeOf } from "../core/shape.ts";
import { requireTensor } from "./arguments.ts";
import { matmul } from "./products.ts";
import type { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/** A tensor whose axes have names, one letter each. */
interface Named {
  readonly tensor: Tensor;
  readonly axes: string;
}

interface Equation {
  readonly inputs: readonly string[];
  readonly output: string;
}

/**
 * The sum of products that `equation` describes: `einsum("bij,bjk->bik", a, b)`. Each letter names an axis of the
 * operands; letters that are not after the arrow are summed over. Without an arrow the result has the letters that
 * occur once, in alphabetical order. A letter that an operand has twice means its diagonal. Ellipses are not supported.
 */
export function einsum(equation: string, ...operands: readonly (Tensor | readonly Tensor[])[]): Tensor {
  const tensors = operands.flat() as readonly Tensor[];
  for (const tensor of tensors) requireTensor("einsum", tensor);
  const { inputs, output } = withOrigin(() => readEquation(equation, tensors));
  const named = tensors.map((tensor, k) => withoutRepeats({ tensor, axes: inputs[k] }));
  let result = named[0];
  named.slice(1).forEach((next, k) => {
    const later = named.slice(k + 2).map(({ axes }) => axes);
    result = product(result, next, [output, ...later].join(""));
  });
  const summed = summedOver(result, (axis) => !output.includes(axis));
  return arranged(summed, output);
}

function readEquation(equation: string, tensors: readonly Tensor[]): Equation {
  const fail = (why: string): never => {
    throw new KilnError(`einsum cannot read "${equation}": ${why}`);
  };
  if (typeof equation !== "string")
    throw new KilnError('einsum takes an equation first, as in einsum("ij,jk->ik", a, b)');
  const text = equation.replaceAll(" ", "");
  if (text.includes(".")) fail("an ellipsis is not understood; give every axis a letter");
  const [left, right, ...more] = text.split("->");
  if (more.length > 0) fail("it has more than one arrow");
  const inputs = left.split(",");
  const output = right ?? onceIn(left);
  for (const letters of [...inputs, output])
    if (!/^[A-Za-z]*$/.test(letters)) fail(`axes are named by letters, not as in "${letters}"`);
  if (inputs.length !== tensors.length)
    fail(`it names ${inputs.length} operands, and there are ${tensors.length}`);
  const extents = new Map<string, number>();
  inputs.forEach((letters, k) => {
    const { shape } = tensors[k];
    if (letters.length !== shape.length)
      fail(`"${letters}" has not as many letters as the operand ${formatShape(shape)} has axes`);
    [...letters].forEach((letter, axis) => {
      const known = extents.get(letter) ?? shape[axis];
      if (known !== shape[axis]) fail(`the axis ${letter} has the extents ${known} and ${shape[axis]}`);
      extents.set(letter, known);
    });
  });
  for (const letter of output) {
    if (!extents.has(letter)) fail(`the result's axis ${letter} is not an axis of any operand`);
    if (output.indexOf(letter) !== output.lastIndexOf(letter))
      fail(`the result has the axis ${letter} twice`);
  }
  return { inputs, output };
}

/** The letters that occur once, in the order of the alphabet, capitals first. */
const onceIn = (letters: string): string =>
  [...letters]
    .filter((letter) => /[A-Za-z]/.test(letter) && letters.indexOf(letter) === letters.lastIndexOf(letter))
    .sort()
    .join("");

/** An axis named twice becomes one: the diagonal of the two. */
function withoutRepeats({ tensor, axes }: Named): Named {
  const again = [...axes].findIndex((letter, k) => axes.indexOf(letter) < k);
  if (again < 0) return { tensor, axes };
  const first = axes.indexOf(axes[again]);
  const rest = [...axes].filter((_, k) => k !== first && k !== again).join("");
  return withoutRepeats({ tensor: tensor.diagonal(0, first, again), axes: rest + axes[again] });
}

/** The sum over the axes that `goes` picks. */
function summedOver({ tensor, axes }: Named, goes: (axis: string) => boolean): Named {
  const dims = [...axes].flatMap((letter, k) => (goes(letter) ? [k] : []));
  if (dims.length === 0) return { tensor, axes };
  return { tensor: tensor.sum(dims), axes: [...axes].filter((letter) => !goes(letter)).join("") };
}

/** The axes in the order of `order`, which names all of them. */
const arranged = ({ tensor, axes }: Named, order: string): Tensor =>
  axes === order ? tensor : tensor.permute([...order].map((letter) => axes.indexOf(letter)));

/** One operand from two; axes that are not `wanted` any more are summed over. */
function product(left: Named, right: Named, wanted: string): Named {
  const a = summedOver(left, (axis) => !right.axes.includes(axis) && !wanted.includes(axis));
  const b = summedOver(right, (axis) => !left.axes.includes(axis) && !wanted.includes(axis));
  const letters = (of: string, belongs: (axis: string) => boolean): string =>
    [...of].filter(belongs).join("");
  const batch = letters(a.axes, (axis) => b.axes.includes(axis) && wanted.includes(axis));
  const inner = letters(a.axes, (axis) => b.axes.includes(axis) && !wanted.includes(axis));
  const rows = letters(a.axes, (axis) => !b.axes.includes(axis));
  const columns = letters(b.axes, (axis) => !a.axes.includes(axis));
  const extent = (letter: string): number => {
    const [of, place] = a.axes.includes(letter) ? [a, a.axes.indexOf(letter)] : [b, b.axes.indexOf(letter)];
    return of.tensor.shape[place];
  };
  const shape = (of: string): number[] => [...of].map(extent);
  const size = (of: string): number => sizeOf(shape(of));
  const matrices = (of: Named, first: string, second: string): Tensor =>
    arranged(of, batch + first + second).reshape([...shape(batch), size(first), size(second)]);
  const multiplied = matmul(matrices(a, rows, inner), matrices(b, inner, columns));
  return {
    tensor: multiplied.reshape([...shape(batch), ...shape(rows), ...shape(columns)]),
    axes: batch + rows + columns,
  };
}
