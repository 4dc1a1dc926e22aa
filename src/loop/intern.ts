/** Hash-consing of expressions: equal trees become one object, so that sharing can be seen by identity. */

import type { Expr } from "./types.ts";
import { axesKey, mapChildren } from "./walk.ts";

export class Interner {
  private readonly canonical = new Map<string, Expr>();
  private readonly ids = new Map<Expr, number>();
  private readonly done = new Map<Expr, Expr>();

  /** The one object that represents all trees equal to `e`. */
  readonly intern = (e: Expr): Expr => {
    let result = this.done.get(e);
    if (result === undefined) {
      result = this.find(mapChildren(e, this.intern));
      this.done.set(e, result);
    }
    return result;
  };

  /** All different parts of `e` as text, each in terms of earlier ones; equal for equal trees in a new interner. */
  describe(e: Expr): string {
    this.intern(e);
    return [...this.canonical.keys()].join(";");
  }

  /** The one object that represents `e`, whose children are such objects. */
  private find(e: Expr): Expr {
    const key = this.keyOf(e);
    const known = this.canonical.get(key);
    if (known !== undefined) return known;
    this.canonical.set(key, e);
    this.ids.set(e, this.ids.size);
    return e;
  }

  private keyOf(e: Expr): string {
    const { ids } = this;
    switch (e.kind) {
      case "const":
        return `const ${e.dtype} ${Object.is(e.value, -0) ? "-0" : e.value}`;
      case "var":
      case "local":
      case "scalar":
        return `${e.kind} ${e.name}`;
      case "load":
        return `load ${e.buffer} ${ids.get(e.index)}`;
      case "unary":
        return `unary ${e.op} ${e.dtype} ${ids.get(e.a)}`;
      case "binary":
      case "compare":
        return `${e.kind} ${e.op} ${e.dtype} ${ids.get(e.a)} ${ids.get(e.b)}`;
      case "select":
        return `select ${e.dtype} ${ids.get(e.condition)} ${ids.get(e.a)} ${ids.get(e.b)}`;
      case "cast":
        return `cast ${e.dtype} ${ids.get(e.a)}`;
      case "reduce":
        return `reduce ${e.op} ${axesKey(e.axes)} ${ids.get(e.body)}`;
      default:
        return e satisfies never;
    }
  }
}
