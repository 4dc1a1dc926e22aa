/**
 * Follows tensors through `forward` and what it calls: which variables hold them, which expressions depend on their
 * numbers. Syntactic, flow-insensitive, and silent about what is uncertain, since an error stops the user's command.
 */

import {
  type BinaryExpression,
  type CallExpression,
  type ForOfStatement,
  Node,
  type ParameterDeclaration,
  type ReturnStatement,
  type VariableDeclaration,
} from "ts-morph";
import { calledFunction, type FunctionNode, isFunctionNode } from "./called-function.ts";
import { kindOfExpression, kindOfMember } from "./expression-kind.ts";
import { elementOf, holdsTensors, join, type Kind, kindOfType } from "./kind.ts";
import type { ModelClass } from "./model-class.ts";
import { declarationOf, withoutWrapping } from "./scope.ts";

/** What is known about one model's values when `forward` runs. */
export class ValueFlow {
  readonly model: ModelClass;
  /** `forward` of the class itself and all functions that it passes tensors to, in the order they are met. */
  readonly functions = new Set<FunctionNode>();
  private readonly declared = new Map<Node, Kind>();
  private readonly returned = new Map<FunctionNode, Kind>();
  private isSettled = false;

  constructor(model: ModelClass) {
    this.model = model;
    const forward = model.node.getInstanceMethod("forward") ?? model.node.getInstanceProperty("forward");
    const body = Node.isPropertyDeclaration(forward) ? forward.getInitializer() : forward;
    if (!isFunctionNode(body)) return;
    this.functions.add(body);
    for (const parameter of body.getParameters()) this.bind(parameter.getNameNode(), inputKind(parameter));
    // Kinds only ever rise, and there are few of them: this ends.
    while (!this.isSettled) {
      this.isSettled = true;
      for (const reached of this.functions) this.follow(reached);
    }
  }

  kindOf(expression: Node): Kind {
    return kindOfExpression(expression, this);
  }

  /** The kind of what a variable or parameter may hold; `host` if it does not occur in forward. */
  kindOfDeclaration(node: Node | undefined): Kind {
    return (node && this.declared.get(node)) ?? "host";
  }

  /** The kind of the result of a user's function. */
  kindOfResult(called: FunctionNode): Kind {
    return kindOfType(called.getReturnTypeNode()) ?? this.returned.get(called) ?? "host";
  }

  /** `forward` or `helper`, for messages. */
  nameOf(node: Node): string {
    const inside = node.getAncestors().find((ancestor) => this.functions.has(ancestor as FunctionNode));
    const named =
      Node.isArrowFunction(inside) || Node.isFunctionExpression(inside) ? inside.getParent() : inside;
    const isNamed =
      Node.isMethodDeclaration(named) ||
      Node.isFunctionDeclaration(named) ||
      Node.isPropertyDeclaration(named) ||
      Node.isVariableDeclaration(named);
    return (isNamed ? named.getName() : undefined) ?? "forward";
  }

  /** All nodes of all functions that forward reaches. */
  *nodes(): Generator<Node> {
    for (const reached of this.functions) yield* reached.getDescendants();
  }

  private follow(reached: FunctionNode): void {
    const body = reached.getBody();
    if (body !== undefined && !Node.isBlock(body)) this.returns(reached, this.kindOf(body));
    for (const node of reached.getDescendants()) {
      if (Node.isVariableDeclaration(node)) this.followVariable(node);
      else if (Node.isBinaryExpression(node)) this.followAssignment(node);
      else if (Node.isForOfStatement(node)) this.followLoop(node);
      else if (Node.isCallExpression(node)) this.followCall(node);
      else if (Node.isReturnStatement(node)) this.followReturn(node);
      else if (isFunctionNode(node)) this.followInner(node);
    }
  }

  private followVariable(node: VariableDeclaration): void {
    if (Node.isForOfStatement(node.getParent()?.getParent())) return;
    const value = node.getInitializer();
    const annotated = kindOfType(node.getTypeNode());
    if (value === undefined) {
      this.bind(
        node.getNameNode(),
        annotated === "maybe" || node.getTypeNode() === undefined ? "absent" : "host",
      );
      return;
    }
    const kind = this.kindOf(value);
    this.bind(node.getNameNode(), annotated === "host" || annotated === "maybe" ? annotated : kind);
  }

  private followAssignment(node: BinaryExpression): void {
    if (!/^(=|\?\?=|\|\|=|&&=|[-+*/]=)$/.test(node.getOperatorToken().getText())) return;
    this.assign(node.getLeft(), this.kindOf(node.getRight()));
  }

  /** `target = …`, where the target may be a pattern. */
  private assign(target: Node, kind: Kind): void {
    const left = withoutWrapping(target);
    if (Node.isIdentifier(left)) this.raise(declarationOf(left), kind);
    else if (Node.isArrayLiteralExpression(left)) {
      for (const element of left.getElements()) this.assign(element, elementOf(kind));
    } else if (Node.isElementAccessExpression(left) && holdsTensors(kind))
      this.assign(left.getExpression(), "list");
  }

  private followLoop(node: ForOfStatement): void {
    const variables = node.getInitializer();
    const kind = elementOf(this.kindOf(node.getExpression()));
    if (!Node.isVariableDeclarationList(variables)) return;
    for (const variable of variables.getDeclarations()) this.bind(variable.getNameNode(), kind);
  }

  private followCall(call: CallExpression): void {
    const callee = call.getExpression();
    const kinds = call.getArguments().map((argument) => this.kindOf(argument));
    if (Node.isPropertyAccessExpression(callee)) {
      const isAppending = ["push", "unshift"].includes(callee.getName());
      if (isAppending && kinds.some(holdsTensors)) this.assign(callee.getExpression(), "list");
      this.followCallbacks(call, callee.getName(), this.kindOf(callee.getExpression()));
    }
    const called = calledFunction(call, this.model);
    if (called === undefined) return;
    const isOwn = Node.isPropertyAccessExpression(callee);
    if (!isOwn && !kinds.some((kind) => holdsTensors(kind))) return;
    this.functions.add(called);
    called.getParameters().forEach((parameter, k) => {
      const rest = parameter.isRestParameter()
        ? kinds.slice(k).some(holdsTensors)
          ? "list"
          : "host"
        : undefined;
      const given = rest ?? kinds[k] ?? "absent";
      const kind = kindOfType(parameter.getTypeNode()) ?? given;
      this.bind(parameter.getNameNode(), kind === "tensor" && parameter.isOptional() ? "maybe" : kind);
    });
  }

  /** The parameters of functions given to an array's methods: `layers.reduce((h, layer) => layer.forward(h), x)`. */
  private followCallbacks(call: CallExpression, method: string, receiver: Kind): void {
    const [callback, initial] = call.getArguments();
    if (!isFunctionNode(callback)) return;
    const element = elementOf(receiver);
    const isFold = method === "reduce" || method === "reduceRight";
    const first = isFold && initial !== undefined ? this.kindOf(initial) : element;
    const kinds: readonly Kind[] = isFold ? [first, element] : [first];
    callback.getParameters().forEach((parameter, k) => {
      const annotated = kindOfType(parameter.getTypeNode());
      this.bind(parameter.getNameNode(), annotated ?? kinds[k] ?? "host");
    });
  }

  private followReturn(node: ReturnStatement): void {
    const value = node.getExpression();
    const inside = node.getAncestors().find(isFunctionNode);
    if (inside !== undefined) this.returns(inside, value === undefined ? "absent" : this.kindOf(value));
  }

  /** A function written inside forward: annotated parameters have the kind of their type. */
  private followInner(inner: FunctionNode): void {
    for (const parameter of inner.getParameters()) {
      const annotated = kindOfType(parameter.getTypeNode());
      if (annotated !== undefined) this.bind(parameter.getNameNode(), annotated);
    }
    const body = inner.getBody();
    if (body !== undefined && !Node.isBlock(body)) this.returns(inner, this.kindOf(body));
  }

  private returns(from: FunctionNode, kind: Kind): void {
    const before = this.returned.get(from);
    const after = before === undefined ? kind : join(before, kind);
    if (before !== after) this.isSettled = false;
    this.returned.set(from, after);
  }

  /** Every name in a variable, parameter or pattern. */
  private bind(name: Node, kind: Kind): void {
    if (Node.isIdentifier(name)) this.raise(name.getParent(), kind);
    else if (Node.isArrayBindingPattern(name)) {
      for (const element of name.getElements()) {
        if (Node.isBindingElement(element)) this.bind(element.getNameNode(), elementOf(kind));
      }
    } else if (Node.isObjectBindingPattern(name)) {
      for (const element of name.getElements()) {
        const part = element.getPropertyNameNode()?.getText() ?? element.getName();
        this.bind(element.getNameNode(), kindOfMember(kind, part));
      }
    }
  }

  private raise(declaration: Node | undefined, kind: Kind): void {
    if (declaration === undefined) return;
    const before = this.declared.get(declaration);
    const after = before === undefined ? kind : join(before, kind);
    if (before === after) return;
    this.declared.set(declaration, after);
    this.isSettled = false;
  }
}

/** The kind of an argument of `forward`: a tensor, unless the parameter's type says otherwise. */
function inputKind(parameter: ParameterDeclaration): Kind {
  const annotated = kindOfType(parameter.getTypeNode());
  if (annotated === "tensor" && parameter.isOptional()) return "maybe";
  if (annotated !== undefined) return annotated;
  if (parameter.getTypeNode() !== undefined) return "unknown";
  if (parameter.isRestParameter()) return "list";
  const initial = parameter.getInitializer();
  if (initial === undefined) return "value";
  return Node.isNullLiteral(initial) || initial.getText() === "undefined" ? "maybe" : "host";
}
