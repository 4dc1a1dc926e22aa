/** Which call's result which variable holds, for dumps that call values by the user's own names. */

import { Node, type SourceFile } from "ts-morph";
import { exactPlace } from "../core/origin.ts";
import { withoutWrapping } from "./scope.ts";

/** The variables that are given a call's result, by the place of that call as the engine's stack has it. */
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
