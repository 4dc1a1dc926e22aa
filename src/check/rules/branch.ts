/** Branches in `forward` whose condition depends on a tensor's numbers. */

import { type Expression, Node } from "ts-morph";
import { type Fault, quoted, type Rule } from "../finding.ts";
import { isTraced } from "../kind.ts";
import { withoutWrapping } from "../scope.ts";
import type { ValueFlow } from "../value-flow.ts";

export const branch: Rule = {
  name: "branch-on-value",
  doc: "forward runs once, on tensors without numbers: a branch on a tensor's value cannot be decided.",
  find: (model, flow) =>
    [...flow.nodes()].flatMap((node): Fault[] => {
      const decided = decidedBy(node, flow);
      if (decided === undefined) return [];
      const where = `${model.name}.${flow.nameOf(node)}`;
      return [
        {
          node: decided,
          severity: "error",
          message:
            `${where} branches on ${quoted(decided)}, whose value is not known while the model is traced: ` +
            "compute both sides and choose with where(condition, a, b)",
        },
      ];
    }),
};

/** The condition of an `if`, `switch`, `? :`, `&&` or `||`, if it depends on a tensor's value. */
function decidedBy(node: Node, flow: ValueFlow): Node | undefined {
  if (Node.isIfStatement(node)) return valueIn(node.getExpression(), flow);
  if (Node.isConditionalExpression(node)) return valueIn(node.getCondition(), flow);
  if (Node.isSwitchStatement(node)) {
    const cases = node.getCaseBlock().getClauses().filter(Node.isCaseClause);
    return [node, ...cases]
      .map((part) => valueIn(part.getExpression(), flow))
      .find((found) => found !== undefined);
  }
  const isChoice = Node.isBinaryExpression(node) && /^(&&|\|\|)=?$/.test(node.getOperatorToken().getText());
  return isChoice && !isPartOfCondition(node) ? valueIn(node.getLeft(), flow) : undefined;
}

/** The part of a condition whose value is not known; whether an optional tensor was given at all is known. */
export function valueIn(condition: Expression | Node, flow: ValueFlow): Node | undefined {
  const node = withoutWrapping(condition);
  if (Node.isPrefixUnaryExpression(node)) return valueIn(node.getOperand(), flow);
  if (Node.isBinaryExpression(node) && /^(&&|\|\|)$/.test(node.getOperatorToken().getText())) {
    return valueIn(node.getLeft(), flow) ?? valueIn(node.getRight(), flow);
  }
  return isTraced(flow.kindOf(node)) ? node : undefined;
}

/** Whether this is part of a larger condition, which is checked as a whole. */
function isPartOfCondition(node: Node): boolean {
  const parent = node.getParent();
  if (parent === undefined) return false;
  if (withoutWrapping(parent) !== parent || Node.isPrefixUnaryExpression(parent))
    return isPartOfCondition(parent);
  if (Node.isBinaryExpression(parent)) return /^(&&|\|\|)$/.test(parent.getOperatorToken().getText());
  if (Node.isConditionalExpression(parent)) return parent.getCondition() === node;
  const isTest = Node.isIfStatement(parent) || Node.isWhileStatement(parent) || Node.isDoStatement(parent);
  return (
    (isTest && parent.getExpression() === node) ||
    (Node.isForStatement(parent) && parent.getCondition() === node)
  );
}
