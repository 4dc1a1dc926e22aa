/** The kind of an expression, from the kinds of the variables in it. */

import { type BinaryExpression, type CallExpression, Node, SyntaxKind } from "ts-morph";
import { calledFunction, type FunctionNode } from "./called-function.ts";
import { elementOf, holdsTensors, isTraced, join, joinAll, type Kind, kindOfType } from "./kind.ts";
import type { ModelClass } from "./model-class.ts";
import { declarationOf, kilnName, withoutWrapping } from "./scope.ts";
import { givesList, isHostMember, readsNumbers, tellsTensor } from "./tensor-members.ts";

/** What is known about names and calls so far. */
export interface Names {
  readonly model: ModelClass;
  kindOfDeclaration(node: Node | undefined): Kind;
  kindOfResult(called: FunctionNode): Kind;
}

/** The kind of an expression in a function that `forward` reaches. */
export function kindOfExpression(expression: Node, names: Names): Kind {
  const node = withoutWrapping(expression);
  const kindOf = (part: Node): Kind => kindOfExpression(part, names);
  if (Node.isIdentifier(node)) {
    return node.getText() === "undefined" ? "absent" : names.kindOfDeclaration(declarationOf(node));
  }
  if (Node.isNullLiteral(node)) return "absent";
  if (Node.isCallExpression(node)) return kindOfCall(node, names);
  if (Node.isPropertyAccessExpression(node)) {
    if (Node.isThisExpression(node.getExpression())) return kindOfField(names.model, node.getName());
    return kindOfMember(kindOf(node.getExpression()), node.getName());
  }
  if (Node.isElementAccessExpression(node)) return elementOf(kindOf(node.getExpression()));
  if (Node.isBinaryExpression(node)) return kindOfBinary(node, kindOf);
  if (Node.isPrefixUnaryExpression(node)) return kindOfValue(kindOf(node.getOperand()));
  if (Node.isAwaitExpression(node)) return kindOf(node.getExpression());
  if (Node.isConditionalExpression(node))
    return join(kindOf(node.getWhenTrue()), kindOf(node.getWhenFalse()));
  if (Node.isArrayLiteralExpression(node)) return kindOfList(node.getElements().map(kindOf));
  if (Node.isSpreadElement(node)) return kindOf(node.getExpression());
  if (Node.isTemplateExpression(node)) {
    return kindOfValue(joinAll(node.getTemplateSpans().map((span) => kindOf(span.getExpression()))));
  }
  return "host";
}

/** The kind of what is computed from something: tensors make it a `value`. */
const kindOfValue = (kind: Kind): Kind =>
  holdsTensors(kind) ? "value" : kind === "unknown" ? "unknown" : "host";

const kindOfList = (elements: readonly Kind[]): Kind =>
  elements.some(holdsTensors) ? "list" : elements.includes("unknown") ? "unknown" : "host";

/** `x.shape`, `xs.length`. */
export function kindOfMember(receiver: Kind, name: string): Kind {
  if (isHostMember(name)) return receiver === "unknown" ? "unknown" : "host";
  if (receiver === "list") return "value";
  return receiver === "absent" ? "host" : receiver;
}

function kindOfBinary(node: BinaryExpression, kindOf: (part: Node) => Kind): Kind {
  const [left, right] = [kindOf(node.getLeft()), kindOf(node.getRight())];
  switch (node.getOperatorToken().getKind()) {
    case SyntaxKind.InstanceOfKeyword:
    case SyntaxKind.InKeyword:
      return "host";
    case SyntaxKind.EqualsToken:
    case SyntaxKind.CommaToken:
      return right;
    case SyntaxKind.QuestionQuestionToken:
      return left === "maybe" ? join("tensor", right) : join(left, right);
    case SyntaxKind.BarBarToken:
    case SyntaxKind.AmpersandAmpersandToken:
      return join(left, right);
    default:
      // Whether something was given at all is known: `mask === undefined`.
      return left === "absent" || right === "absent" ? "host" : kindOfValue(join(left, right));
  }
}

function kindOfCall(call: CallExpression, names: Names): Kind {
  const callee = withoutWrapping(call.getExpression());
  const given = joinAll(call.getArguments().map((argument) => kindOfExpression(argument, names)));
  const called = calledFunction(call, names.model);
  if (called !== undefined) return names.kindOfResult(called);
  if (Node.isIdentifier(callee) && declarationOf(callee) === undefined) {
    return CONVERSIONS.has(callee.getText()) ? kindOfValue(given) : uncertain(given);
  }
  const libraryName = kilnName(callee);
  if (libraryName !== undefined && holdsTensors(given)) return givesList(libraryName) ? "list" : "tensor";
  if (!Node.isPropertyAccessExpression(callee)) return uncertain(given);
  const name = callee.getName();
  if (/^(Math|Number)\b/.test(callee.getText())) return kindOfValue(given);
  if (callee.getText() === "Array.isArray") return "host";
  const receiver = kindOfExpression(callee.getExpression(), names);
  if (holdsTensors(receiver) || receiver === "unknown") return kindOfMethod(receiver, name);
  if (name === "forward" && holdsTensors(given)) return "value";
  const [, initial] = call.getArguments();
  if (/^reduce(Right)?$/.test(name) && initial !== undefined) return kindOfExpression(initial, names);
  return uncertain(given);
}

/** Functions of the language that return a number or a string for their argument. */
const CONVERSIONS: ReadonlySet<string> = new Set([
  "Number",
  "String",
  "Boolean",
  "parseFloat",
  "isNaN",
  "isFinite",
]);

/** The result of an unknown function of tensors is unknown. */
const uncertain = (given: Kind): Kind => (holdsTensors(given) || given === "unknown" ? "unknown" : "host");

/** `x.relu()`, `x.item()`, `xs.map(…)`. */
function kindOfMethod(receiver: Kind, name: string): Kind {
  if (receiver === "unknown") return tellsTensor(name) ? "value" : "unknown";
  if (isHostMember(name)) return "host";
  if (readsNumbers(name)) return "value";
  if (givesList(name)) return "list";
  if (receiver === "list") return name === "slice" ? "list" : "value";
  return receiver === "maybe" || isTraced(receiver) ? "tensor" : receiver;
}

/** A field holds a parameter or buffer, or something that the model was constructed with. */
function kindOfField(model: ModelClass, name: string): Kind {
  const field = model.field(name);
  if (field === undefined) return "host";
  const annotated = kindOfType(field.property?.getTypeNode());
  if (annotated !== undefined) return annotated;
  const isParameter =
    Node.isNewExpression(field.value) && kilnName(field.value.getExpression()) === "nn.Parameter";
  return isParameter ? "tensor" : "host";
}
