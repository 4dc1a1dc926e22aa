/** Layers that `forward` uses but the model does not hold: their parameters are not found, and do not learn. */

import { type Identifier, type NewExpression, Node, SyntaxKind } from "ts-morph";
import { isFunctionNode } from "../called-function.ts";
import { type Fault, quoted, type Rule } from "../finding.ts";
import { constructedModule, type Field, type ModelClass } from "../model-class.ts";
import { declarationOf, kilnName, withoutWrapping } from "../scope.ts";
import { isStateless } from "../stateless-layers.ts";
import type { ValueFlow } from "../value-flow.ts";

export const storedLayers: Rule = {
  name: "layer-not-stored",
  doc: "parameters() and state dicts find only layers that are fields, or that are in a container which is a field.",
  find: (model, flow) => [
    ...builtInForward(model, flow),
    ...builtOutside(model, flow),
    ...model.fields().flatMap((field) => hiddenIn(field, model)),
  ],
};

/** `new nn.Linear(…)` in the code that runs on every trace. */
function builtInForward(model: ModelClass, flow: ValueFlow): Fault[] {
  return [...flow.nodes()].flatMap((node): Fault[] => {
    const made = layerOf(node);
    if (made === undefined || isInsideLayer(node)) return [];
    const where = `${model.name}.${flow.nameOf(node)}`;
    const stored = `store it as a field (${suggestedField(made.name)} = ${quoted(node)}) and call its forward here`;
    if (isHarmless(node, made)) {
      const message = `${where} builds ${quoted(node)} again in every trace: ${stored}, or use its function in F`;
      return [{ node, severity: "warning", message }];
    }
    const message = `${where} builds ${quoted(node)}, a new one in every trace, whose parameters and mode are not the model's: ${stored}`;
    return [{ node, severity: "error", message }];
  });
}

/** A layer in a variable outside the class. */
function builtOutside(model: ModelClass, flow: ValueFlow): Fault[] {
  return [...flow.nodes()].flatMap((node): Fault[] => {
    if (!Node.isIdentifier(node) || !isReceiver(node)) return [];
    const declared = declarationOf(node);
    const value = Node.isVariableDeclaration(declared) ? declared.getInitializer() : undefined;
    if (
      value === undefined ||
      [...flow.functions].some((reached) => declared!.getAncestors().includes(reached))
    )
      return [];
    const layer = withoutWrapping(value);
    const made = layerOf(layer);
    if (made === undefined || isHarmless(layer, made) || isHandedOver(declared!, node)) return [];
    const message =
      `${model.name}.${flow.nameOf(node)} uses the layer ${node.getText()}, which is not a field of ${model.name}: ` +
      `its parameters do not learn; store it as a field and call this.${node.getText()}.forward(…)`;
    return [{ node, severity: "error", message }];
  });
}

/** `layer.forward(x)`. */
function isReceiver(node: Identifier): boolean {
  const parent = node.getParent();
  return (
    Node.isPropertyAccessExpression(parent) &&
    parent.getExpression() === node &&
    parent.getName() === "forward"
  );
}

/** Whether the variable is also read where it may be stored: `this.conv = conv`, `new nn.Sequential(conv)`. */
function isHandedOver(declared: Node, used: Identifier): boolean {
  return declared
    .getSourceFile()
    .getDescendantsOfKind(SyntaxKind.Identifier)
    .some((name) => {
      if (name.getText() !== used.getText() || name.getParent() === declared) return false;
      return !Node.isPropertyAccessExpression(name.getParent()) && !Node.isExportSpecifier(name.getParent());
    });
}

/** Fields that hold layers where they are not found: arrays, plain objects, private and static ones. */
function hiddenIn({ name, node, property, value }: Field, model: ModelClass): Fault[] {
  if (value === undefined) return [];
  const fault = (message: string): Fault[] => [{ node, severity: "error", message }];
  const inner = withoutWrapping(value);
  const made = layerOf(inner);
  const field = `${model.name}'s field ${name}`;
  if (made !== undefined && isHarmless(inner, made)) return [];
  if (made !== undefined && name.startsWith("#")) {
    return fault(`${field} is private, where parameters() does not find its layer: name it ${name.slice(1)}`);
  }
  if (made !== undefined && property?.isStatic()) {
    return fault(
      `${field} is static, where parameters() does not find its layer: make it a field of instances`,
    );
  }
  const holder = plainHolder(inner);
  if (holder === undefined || isRegistered(name, model)) return [];
  const container = holder === "array" ? "nn.ModuleList" : "nn.ModuleDict";
  return fault(
    `${field} is a plain ${holder}, where parameters() does not find layers: wrap it in new ${container}(…)`,
  );
}

/** Whether the expression creates an array or object with layers directly in it. */
function plainHolder(value: Node): "array" | "object" | undefined {
  if (Node.isArrayLiteralExpression(value)) {
    return value.getElements().some(isLearningLayer) ? "array" : undefined;
  }
  if (Node.isObjectLiteralExpression(value)) {
    const values = value
      .getProperties()
      .map((p) => (Node.isPropertyAssignment(p) ? p.getInitializer() : undefined));
    return values.some(isLearningLayer) ? "object" : undefined;
  }
  if (!Node.isCallExpression(value) || !/(\.map|^Array\.from)$/.test(value.getExpression().getText()))
    return undefined;
  const makers = value.getArguments().filter(isFunctionNode);
  return makers.some((maker) => isLearningLayer(maker.getBody())) ? "array" : undefined;
}

function isLearningLayer(value: Node | undefined): boolean {
  const node = value && withoutWrapping(value);
  const made = node && layerOf(node);
  return made !== undefined && !isHarmless(node!, made);
}

/** `model = new nn.Sequential(...this.layers)`. */
function isRegistered(name: string, model: ModelClass): boolean {
  return model.node
    .getDescendantsOfKind(SyntaxKind.NewExpression)
    .filter((made) => constructedModule(made) !== undefined)
    .some((made) => made.getArguments().some((argument) => mentions(argument, name)));
}

const mentions = (node: Node, name: string): boolean =>
  [node, ...node.getDescendants()].some(
    (part) =>
      Node.isPropertyAccessExpression(part) &&
      Node.isThisExpression(part.getExpression()) &&
      part.getName() === name,
  );

type Made = { readonly name: string; readonly own: boolean };

/** The layer or parameter that the expression creates. */
function layerOf(node: Node): Made | undefined {
  const isParameter = Node.isNewExpression(node) && kilnName(node.getExpression()) === "nn.Parameter";
  return isParameter ? { name: "nn.Parameter", own: false } : constructedModule(node);
}

const isHarmless = (node: Node, made: Made): boolean =>
  !made.own &&
  isStateless(made.name.replace("nn.", "")) &&
  !(node as NewExpression).getArguments().some(isLearningLayer);

/** Whether a layer around it is what counts: `new nn.Sequential(new nn.Linear(2, 3))`. */
const isInsideLayer = (node: Node): boolean =>
  node.getAncestors().some((ancestor) => constructedModule(ancestor) !== undefined);

/** `nn.Conv2d` as the name of a field: `conv2d`. */
function suggestedField(name: string): string {
  const last = name.slice(name.lastIndexOf(".") + 1);
  return last.charAt(0).toLowerCase() + last.slice(1);
}
