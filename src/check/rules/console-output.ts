/** `console.log` of a tensor in `forward`, which prints once and no numbers. */

import { type CallExpression, Node } from "ts-morph";
import { type Fault, quoted, type Rule } from "../finding.ts";
import { holdsTensors } from "../kind.ts";
import { kilnName } from "../scope.ts";
import { readsNumbers } from "../tensor-members.ts";

export const consoleOutput: Rule = {
  name: "console-log",
  doc: "While forward is traced a tensor has no numbers to print, and when the program runs, forward does not.",
  find: (model, flow) =>
    [...flow.nodes()].flatMap((node): Fault[] => {
      if (!Node.isCallExpression(node) || !isConsole(node)) return [];
      const shown = node.getArguments().find((argument) => holdsTensors(flow.kindOf(argument)));
      if (shown === undefined) return [];
      const isRead = [shown, ...shown.getDescendants()].some(isReading);
      const where = `${model.name}.${flow.nameOf(node)}`;
      const advice = "log its shape here, or return it from forward and print what program.run gives";
      const message = isRead
        ? `${where} logs ${quoted(shown)}, but no value can be read inside forward: ${advice}`
        : `${where} logs ${quoted(shown)}, which prints once, while the model is traced, and no numbers: ${advice}`;
      return [{ node: shown, severity: isRead ? "error" : "warning", message }];
    }),
};

const isConsole = (call: CallExpression): boolean => {
  const callee = call.getExpression();
  return (
    Node.isPropertyAccessExpression(callee) &&
    callee.getExpression().getText() === "console" &&
    kilnName(callee.getExpression()) === undefined
  );
};

function isReading(node: Node): boolean {
  const callee = Node.isCallExpression(node) ? node.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && readsNumbers(callee.getName());
}
