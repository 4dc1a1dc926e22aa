/**
 * What is known about an expression in `forward` without running it: whether it depends on a traced tensor, and how.
 */

import { Node, SyntaxKind, type TypeNode } from "ts-morph";

/**
 * `host`: known while the model is traced, such as a shape. `absent`: `null` or `undefined`. `unknown`: may be anything.
 * `maybe`: a tensor, or absent. `list`: an array of tensors. `value`: depends on a tensor's numbers, and may be a tensor or
 * what was read from one. `tensor`: certainly a tensor.
 */
export type Kind = "host" | "absent" | "unknown" | "maybe" | "list" | "value" | "tensor";

/** Whether the truth of such an expression depends on numbers that a trace does not have. */
export const isTraced = (kind: Kind): boolean => kind === "tensor" || kind === "value";

/** Whether tensors are in it at all. */
export const holdsTensors = (kind: Kind): boolean => isTraced(kind) || kind === "list" || kind === "maybe";

/** Each kind yields to those after it if a variable may hold either. */
const ORDER: readonly Kind[] = ["absent", "host", "unknown", "tensor", "maybe", "list", "value"];

/** The kind of what is one or the other. */
export function join(a: Kind, b: Kind): Kind {
  const [low, high] = ORDER.indexOf(a) <= ORDER.indexOf(b) ? [a, b] : [b, a];
  if (low === "absent" && high === "tensor") return "maybe";
  if (low === "tensor" && high === "list") return "value";
  return high;
}

export const joinAll = (kinds: readonly Kind[]): Kind => kinds.reduce(join, "absent");

/** The kind of an element or part of something. */
export const elementOf = (kind: Kind): Kind => (kind === "list" || kind === "maybe" ? "tensor" : kind);

/** The kind of a type annotation, or `undefined` if it leaves that open. */
export function kindOfType(type: TypeNode | undefined): Kind | undefined {
  if (type === undefined) return undefined;
  const text = type.getText();
  if (!/\b(Tensor|Parameter)\b/.test(text)) return isPlain(type) ? "host" : undefined;
  if (Node.isTypeLiteral(type) || Node.isFunctionTypeNode(type)) return "unknown";
  if (/\[\]|^\s*(readonly\s*)?\[|\b(Array|ReadonlyArray|Iterable)</.test(text)) return "list";
  if (/\b(Map|Record|Set)</.test(text)) return "unknown";
  if (/\b(undefined|null)\b/.test(text)) return "maybe";
  return /\b(number|boolean|string)\b/.test(text) ? "value" : "tensor";
}

const PLAIN: readonly SyntaxKind[] = [
  SyntaxKind.NumberKeyword,
  SyntaxKind.BooleanKeyword,
  SyntaxKind.StringKeyword,
  SyntaxKind.LiteralType,
  SyntaxKind.TypePredicate,
];

/** Numbers, strings and lists of them. */
function isPlain(type: TypeNode): boolean {
  if (Node.isArrayTypeNode(type)) return isPlain(type.getElementTypeNode());
  if (Node.isTypeOperatorTypeNode(type)) return isPlain(type.getTypeNode());
  if (Node.isUnionTypeNode(type)) return type.getTypeNodes().every(isPlain);
  if (Node.isTupleTypeNode(type)) return type.getElements().every(isPlain);
  return PLAIN.includes(type.getKind()) || type.getText() === "undefined" || type.getText() === "Shape";
}
