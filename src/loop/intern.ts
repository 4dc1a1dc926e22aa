/** Hash-consing of expressions: equal trees become one object, so that sharing can be seen by identity. */

import type { Expr } from "./types.ts";
import { axesKey, children, mapChildren } from "./walk.ts";

export class Interner {
  private readonly canonical = new Map<string, Expr>();
  private readonly ids = new Map<Expr, number>();
  private readonly done = new Map<Expr, Expr>();

  /** The one object that stands for all trees equal to `e`. */
  intern(e: Expr): Expr {
    const known = this.done.get(e);
    if (known !== undefined) return known;
    const rebuilt = mapChildren(e, (child) => this.intern(child));
    const key = this.keyOf(rebuilt);
    let result = this.canonical.get(key);
    if (result === undefined) {
      result = rebuilt;
      this.canonical.set(key, result);
      this.ids.set(result, this.ids.size);
    }
    this.done.set(e, result);
    return result;
  }

  private keyOf(e: Expr): string {
    const parts = children(e).map((child) => this.ids.get(child));
    switch (e.kind) {
      case "const":
        return `const ${e.dtype} ${Object.is(e.value, -0) ? "-0" : e.value}`;
      case "var":
      case "local":
      case "scalar":
        return `${e.kind} ${e.name}`;
      case "load":
        return `load ${e.buffer} ${parts}`;
      case "unary":
      case "binary":
      case "compare":
        return `${e.kind} ${e.op} ${e.dtype} ${parts}`;
      case "select":
      case "cast":
        return `${e.kind} ${e.dtype} ${parts}`;
      case "reduce":
        return `reduce ${e.op} ${axesKey(e.axes)} ${parts}`;
      default:
        return e satisfies never;
    }
  }
}
