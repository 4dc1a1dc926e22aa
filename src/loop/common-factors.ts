/**
 * Cancels common factors of dividends and divisors in indices, which remain when axes are joined and split again: a
 * load through both then has a constant stride, and a product can pack what it reads.
 */

import { type Affine, fromAffine, splitAffine, toAffine } from "./affine.ts";
import { binary, int } from "./build.ts";
import type { RangeContext } from "./range.ts";
import { simplify } from "./simplify.ts";
import type { Expr } from "./types.ts";
import { mapChildren, rewriter, someExpr } from "./walk.ts";

/**
 * `(c·a + r) / (c·m) = a / m` where `0 <= r < c`, in the indices of loads without a guard around. Under a guard
 * quotients stay unchanged: it may contain the same ones, and bounds are only found in that form.
 */
export function cancelCommonFactors(e: Expr, context: RangeContext): Expr {
  const done = new Map<Expr, Expr>();
  const visit = (node: Expr): Expr => {
    let result = done.get(node);
    if (result === undefined) {
      result = visitOnce(node);
      done.set(node, result);
    }
    return result;
  };
  const visitOnce = (node: Expr): Expr => {
    if (node.kind === "select") return node;
    if (node.kind === "load") return mapChildren(node, (index) => cancelInIndex(index, context));
    if (node.kind !== "reduce") return mapChildren(node, visit);
    const within = node.axes.reduce((known, { name, extent }) => known.withLoop(name, extent), context);
    return mapChildren(node, (body) => cancelCommonFactors(body, within));
  };
  return visit(e);
}

function cancelInIndex(index: Expr, context: RangeContext): Expr {
  if (someExpr(index, ({ kind }) => kind === "select")) return index;
  const rewritten = rewriter((e) => {
    if (e.kind !== "binary" || e.op !== "div" || e.b.kind !== "const") return e;
    return quotient(toAffine(e.a), e.b.value, context) ?? e;
  })(index);
  return rewritten === index ? index : simplify(rewritten, context);
}

function quotient(form: Affine, divisor: number, context: RangeContext): Expr | undefined {
  for (const { coefficient } of form.terms.values()) {
    if (coefficient <= 1 || divisor % coefficient !== 0) continue;
    const { multiple, rest } = splitAffine(form, coefficient);
    const [whole, left] = [multiple, rest].map((part) => context.rangeOf(fromAffine(part)));
    if (whole.low >= 0 && left.low >= 0 && left.high < coefficient)
      return binary("div", fromAffine(multiple), int(divisor / coefficient));
  }
  return undefined;
}
