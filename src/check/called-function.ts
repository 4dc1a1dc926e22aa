/** The user's own function that a call runs: a method of the class, or a function that the files declare. */

import {
  type ArrowFunction,
  type CallExpression,
  type FunctionDeclaration,
  type FunctionExpression,
  type MethodDeclaration,
  Node,
} from "ts-morph";
import { isClassNode, type ModelClass } from "./model-class.ts";
import { declarationOf, withoutWrapping } from "./scope.ts";

export type FunctionNode = MethodDeclaration | FunctionDeclaration | FunctionExpression | ArrowFunction;

export const isFunctionNode = (node: Node | undefined): node is FunctionNode =>
  Node.isMethodDeclaration(node) ||
  Node.isFunctionDeclaration(node) ||
  Node.isFunctionExpression(node) ||
  Node.isArrowFunction(node);

/** `undefined` for functions of the library or of packages, and for those that are only known when the model runs. */
export function calledFunction(call: CallExpression, model: ModelClass): FunctionNode | undefined {
  const callee = withoutWrapping(call.getExpression());
  if (Node.isIdentifier(callee)) return functionOf(declarationOf(callee));
  if (!Node.isPropertyAccessExpression(callee)) return undefined;
  const receiver = withoutWrapping(callee.getExpression());
  if (Node.isThisExpression(receiver)) return functionOf(model.method(callee.getName()));
  if (!Node.isSuperExpression(receiver)) return undefined;
  return functionOf(model.method(callee.getName(), callee.getFirstAncestor(isClassNode)));
}

function functionOf(declared: Node | undefined): FunctionNode | undefined {
  const holdsValue = Node.isVariableDeclaration(declared) || Node.isPropertyDeclaration(declared);
  const node = holdsValue ? declared.getInitializer() : declared;
  return isFunctionNode(node) ? node : undefined;
}
