/** The variables that hold the results of calls, for dumps that use the user's own names for values. */

import { Node, type SourceFile } from "ts-morph";
import { exactPlace } from "../core/origin.ts";
import { withoutWrapping } from "./scope.ts";

/** The variables that are assigned a call's result, by the position of that call in the engine's stack traces. */
export function variableNames(files: readonly SourceFile[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const file of files) {
    file.forEachDescendant((node) => {
      const [name, value] = assignment(node);
      const call = value && placeOfCall(value);
      if (name !== undefined && call !== undefined) names.set(call, name);
    });
  }
  return names;
}

function assignment(node: Node): readonly [name?: string, value?: Node | undefined] {
  if (Node.isVariableDeclaration(node)) {
    return Node.isIdentifier(node.getNameNode()) ? [node.getName(), node.getInitializer()] : [];
  }
  if (!Node.isBinaryExpression(node) || node.getOperatorToken().getText() !== "=") return [];
  const left = node.getLeft();
  return Node.isIdentifier(left) ? [left.getText(), node.getRight()] : [];
}

/** Engines report a call at the last name of what is called: `relu` of `F.relu(x)`. */
function placeOfCall(value: Node): string | undefined {
  const call = withoutWrapping(value);
  if (!Node.isCallExpression(call)) return undefined;
  const callee = withoutWrapping(call.getExpression());
  const name = Node.isPropertyAccessExpression(callee) ? callee.getNameNode() : callee;
  if (!Node.isIdentifier(name)) return undefined;
  const file = name.getSourceFile();
  const { line, column } = file.getLineAndColumnAtPos(name.getStart());
  return exactPlace(file.getFilePath(), line, column);
}
