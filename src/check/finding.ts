/** Defines findings and rules: the types that rules, the command line and tests share. */

import type { Node } from "ts-morph";
import type { ModelClass } from "./model-class.ts";
import type { ValueFlow } from "./value-flow.ts";

/** An error stops every command; a warning is shown, and the command goes on. */
export type Severity = "error" | "warning";

/** Something in the user's model that does not do what it seems to. */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  /** Absolute path of the source file. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** Name of the module class. */
  readonly model: string;
  /** What is wrong and what to write instead, on one line, without the place. */
  readonly message: string;
}

/** A finding as its rule makes it: the position follows from the node. */
export interface Fault {
  readonly node: Node;
  readonly severity: Severity;
  readonly message: string;
}

/** One kind of mistake that every module class is checked for. */
export interface Rule {
  readonly name: string;
  /** One sentence: what is checked and why it matters. */
  readonly doc: string;
  find(model: ModelClass, flow: ValueFlow): readonly Fault[];
}

/** A node's source, on one line and shortened, as messages quote it. */
export function quoted(node: Node): string {
  const text = node.getText().replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ");
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
