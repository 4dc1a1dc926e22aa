/** The module classes of a model's source files: which they are, what they extend, and which members they have. */

import {
  type ClassDeclaration,
  type ClassExpression,
  type Expression,
  type MethodDeclaration,
  Node,
  type PropertyDeclaration,
  type SourceFile,
  SyntaxKind,
} from "ts-morph";
import { declarationOf, kilnName, withoutWrapping } from "./scope.ts";

export type ClassNode = ClassDeclaration | ClassExpression;

export const isClassNode = (node: Node | undefined): node is ClassNode =>
  Node.isClassDeclaration(node) || Node.isClassExpression(node);

/** A field of a module class: the value of a class property or of an assignment in the constructor. */
export interface Field {
  readonly name: string;
  /** The property, or the left side of the assignment. */
  readonly node: Node;
  readonly property: PropertyDeclaration | undefined;
  readonly value: Expression | undefined;
}

/** A class that extends `nn.Module`, directly or through other classes of the user's. */
export class ModelClass {
  readonly node: ClassNode;
  /** Base classes among the user's own, nearest first. */
  readonly bases: readonly ClassNode[];
  /** The library's class at the end of the chain, such as `nn.Module` or `nn.Sequential`. */
  readonly root: string;

  constructor(node: ClassNode, bases: readonly ClassNode[], root: string) {
    this.node = node;
    this.bases = bases;
    this.root = root;
  }

  get name(): string {
    return this.node.getName() ?? variableName(this.node) ?? "the default class";
  }

  /** The class and its bases, itself first. */
  get chain(): readonly ClassNode[] {
    return [this.node, ...this.bases];
  }

  /** The method `this.name`, or `super.name` with `above` the class that contains the expression. */
  method(name: string, above?: ClassNode): MethodDeclaration | PropertyDeclaration | undefined {
    const from = above === undefined ? 0 : this.chain.indexOf(above) + 1;
    for (const node of this.chain.slice(from)) {
      const found = node.getInstanceMethod(name) ?? node.getInstanceProperty(name);
      if (Node.isMethodDeclaration(found) || Node.isPropertyDeclaration(found)) return found;
    }
    return undefined;
  }

  /** The fields that the class itself declares or assigns in its constructor, each once. */
  fields(): readonly Field[] {
    return fieldsOf(this.node);
  }

  /** The field `name`, of this class or one of its bases. */
  field(name: string): Field | undefined {
    for (const node of this.chain) {
      const found = fieldsOf(node).find((field) => field.name === name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

const variableName = (node: Node): string | undefined => {
  const parent = node.getParent();
  return Node.isVariableDeclaration(parent) ? parent.getName() : undefined;
};

function fieldsOf(node: ClassNode): readonly Field[] {
  const fields = new Map<string, Field>();
  for (const property of node.getProperties()) {
    const value = property.getInitializer();
    fields.set(property.getName(), { name: property.getName(), node: property, property, value });
  }
  for (const maker of node.getConstructors()) {
    for (const assignment of maker.getDescendantsOfKind(SyntaxKind.BinaryExpression)) {
      const left = assignment.getLeft();
      if (assignment.getOperatorToken().getKind() !== SyntaxKind.EqualsToken) continue;
      if (!Node.isPropertyAccessExpression(left) || !Node.isThisExpression(left.getExpression())) continue;
      const known = fields.get(left.getName());
      if (known?.value !== undefined) continue;
      const property = known?.property;
      fields.set(left.getName(), {
        name: left.getName(),
        node: left,
        property,
        value: assignment.getRight(),
      });
    }
  }
  return [...fields.values()];
}

/** All module classes of the files. */
export function modelClasses(files: readonly SourceFile[]): readonly ModelClass[] {
  return files.flatMap((file) =>
    file
      .getDescendants()
      .filter(isClassNode)
      .flatMap((node) => modelClass(node) ?? []),
  );
}

/** `node` as a module class; `undefined` if it is not one, or if that is unknown. */
export function modelClass(node: ClassNode): ModelClass | undefined {
  const bases: ClassNode[] = [];
  for (let current = node; ; ) {
    const base = current.getExtends()?.getExpression();
    if (base === undefined) return undefined;
    const name = kilnName(base);
    if (name !== undefined) return isLayerName(name) ? new ModelClass(node, bases, name) : undefined;
    const next = classOf(base);
    if (next === undefined || next === node || bases.includes(next)) return undefined;
    bases.push(next);
    current = next;
  }
}

/** The user's class of an expression such as `Net`. */
function classOf(expression: Node): ClassNode | undefined {
  const inner = withoutWrapping(expression);
  if (Node.isClassExpression(inner)) return inner;
  if (!Node.isIdentifier(inner)) return undefined;
  const declared = declarationOf(inner);
  const value = Node.isVariableDeclaration(declared) ? declared.getInitializer() : declared;
  return isClassNode(value) ? value : undefined;
}

/** Whether `nn.X` is one of the library's module classes; `nn.init.zeros_` is not. */
const isLayerName = (name: string): boolean => /^nn\.[A-Z]\w*$/.test(name) && name !== "nn.Parameter";

/** The name of the module class that `new X(…)` creates: `nn.Linear`, or a user's own; `undefined` for other things. */
export function constructedModule(node: Node): { readonly name: string; readonly own: boolean } | undefined {
  if (!Node.isNewExpression(node)) return undefined;
  const made = node.getExpression();
  const name = kilnName(made);
  if (name !== undefined) return isLayerName(name) ? { name, own: false } : undefined;
  const own = classOf(made);
  return own !== undefined && modelClass(own) !== undefined ? { name: made.getText(), own: true } : undefined;
}
