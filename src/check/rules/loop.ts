/** Loops in `forward` whose number of iterations depends on a tensor's numbers. */

import { Node } from "ts-morph";
import { type Fault, quoted, type Rule } from "../finding.ts";
import { withoutWrapping } from "../scope.ts";
import type { ValueFlow } from "../value-flow.ts";
import { valueIn } from "./branch.ts";

export const loop: Rule = {
  name: "loop-on-value",
  doc: "forward is unrolled while it is traced: how often a loop runs must follow from shapes and settings.",
  find: (model, flow) =>
    [...flow.nodes()].flatMap((node): Fault[] => {
      const where = `${model.name}.${flow.nameOf(node)}`;
      const condition = conditionOf(node, flow);
      if (condition !== undefined) {
        const message =
          `${where} loops on ${quoted(condition)}, whose value is not known while the model is traced: ` +
          "loop a fixed number of times, and keep finished values with where(condition, next, x)";
        return [{ node: condition, severity: "error", message }];
      }
      if (!Node.isForOfStatement(node) || flow.kindOf(node.getExpression()) !== "tensor") return [];
      const rows = withoutWrapping(node.getExpression());
      const message =
        `${where} loops over the tensor ${quoted(rows)}, which is not a list: ` +
        "split it with split(1), or use select(0, k) for every k below its size(0)";
      return [{ node: rows, severity: "error", message }];
    }),
};

function conditionOf(node: Node, flow: ValueFlow): Node | undefined {
  const isLoop = Node.isWhileStatement(node) || Node.isDoStatement(node);
  const condition = isLoop
    ? node.getExpression()
    : Node.isForStatement(node)
      ? node.getCondition()
      : undefined;
  return condition && valueIn(condition, flow);
}
