/** Layers that a model holds but never runs: their parameters are saved and updated for nothing. */

import { Node, SyntaxKind } from "ts-morph";
import type { Fault, Rule } from "../finding.ts";
import { constructedModule, isClassNode, type ModelClass, modelClass } from "../model-class.ts";
import { withoutWrapping } from "../scope.ts";

export const unusedField: Rule = {
  name: "unused-field",
  doc: "A layer that is never run was usually forgotten in forward.",
  find: (model) => {
    if (model.root !== "nn.Module" || !hasForward(model) || hasDynamicAccess(model)) return [];
    return model.fields().flatMap((field): Fault[] => {
      const made = field.value && constructedModule(withoutWrapping(field.value));
      const isPrivate = field.name.startsWith("#");
      if (made === undefined || isPrivate || field.property?.isStatic() || isRead(field.name, model))
        return [];
      const message =
        `${model.name}'s field ${field.name}, a ${made.name}, is never used: ` +
        `call this.${field.name}.forward(…) in forward, or remove it`;
      return [{ node: field.node, severity: "warning", message }];
    });
  },
};

/** A class without a forward leaves it, and its fields, to subclasses, which may be anywhere. */
const hasForward = (model: ModelClass): boolean =>
  model.method("forward") !== undefined && !model.node.isAbstract();

/** Methods of modules that return the layers without naming them. */
const ENUMERATING = /^(children|namedChildren|modules|namedModules)$/;

/** Whether the class accesses its fields by other means than their names. */
function hasDynamicAccess(model: ModelClass): boolean {
  return model.chain.some((node) =>
    node.getDescendantsOfKind(SyntaxKind.ThisKeyword).some((self) => {
      const parent = self.getParent();
      if (Node.isPropertyAccessExpression(parent)) return ENUMERATING.test(parent.getName());
      if (Node.isElementAccessExpression(parent))
        return !Node.isStringLiteral(parent.getArgumentExpression());
      // Destructured fields are found by name; any other use may access all fields.
      return !(Node.isVariableDeclaration(parent) && Node.isObjectBindingPattern(parent.getNameNode()));
    }),
  );
}

/** Whether any of the files that belong to the model reads something of that name. */
function isRead(name: string, model: ModelClass): boolean {
  return model.node
    .getProject()
    .getSourceFiles()
    .some(
      (file) => file.forEachDescendant((node) => (isReading(node, name, model) ? true : undefined)) === true,
    );
}

function isReading(node: Node, name: string, model: ModelClass): boolean {
  if (Node.isPropertyAccessExpression(node)) {
    const isOther = Node.isThisExpression(node.getExpression()) && !isWithin(node, model);
    return node.getName() === name && !isAssigned(node) && !isOther;
  }
  if (Node.isElementAccessExpression(node)) {
    const key = node.getArgumentExpression();
    return Node.isStringLiteral(key) && key.getLiteralText() === name && !isAssigned(node);
  }
  return Node.isBindingElement(node) && (node.getPropertyNameNode()?.getText() ?? node.getName()) === name;
}

/** Whether `this` at the node may be an instance of the model's class: there, in its bases and its subclasses. */
function isWithin(node: Node, model: ModelClass): boolean {
  const around = node.getFirstAncestor(isClassNode);
  if (around === undefined || model.chain.includes(around)) return true;
  return modelClass(around)?.bases.includes(model.node) === true;
}

function isAssigned(node: Node): boolean {
  const parent = node.getParent();
  return (
    Node.isBinaryExpression(parent) &&
    parent.getLeft() === node &&
    parent.getOperatorToken().getKind() === SyntaxKind.EqualsToken
  );
}
