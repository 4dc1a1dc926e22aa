/**
 * Proves that the types of a kernel agree: loads and stores have the type of their buffer, and every
 * operator has the operands it takes. Backends print an expression by its type and access memory by the buffer's.
 */

import { InternalError } from "../core/errors.ts";
import { printExpr } from "./print.ts";
import type { Expr, ExprType, Kernel, Stmt } from "./types.ts";
import { checkStatement, TypeFault, typeOf } from "./typing.ts";
import { forEachChild } from "./walk.ts";

/** Throws an {@link InternalError} that names the kernel and the mismatch. Names are checked by `verifyKernel`. */
export function verifyTypes(kernel: Kernel): void {
  const held = new Map(kernel.buffers.map(({ name, dtype }): [string, ExprType] => [name, dtype]));
  try {
    new TypeVerifier(held).body(kernel.body);
  } catch (error) {
    if (error instanceof TypeFault) throw new InternalError(`kernel ${kernel.name}: ${error.message}`);
    throw error;
  }
}

class TypeVerifier {
  /** The types of buffers. */
  private readonly held: ReadonlyMap<string, ExprType>;
  /** The types of locals, by the last declaration of their names, which is in scope wherever it is used. */
  private readonly locals = new Map<string, ExprType>();

  constructor(held: ReadonlyMap<string, ExprType>) {
    this.held = held;
  }

  /**
   * A body's statements; expressions share their parts, and what
   * was found correct under the same names is not visited again.
   */
  body(statements: readonly Stmt[]): void {
    const { locals } = this;
    const seen = new Set<Expr>();
    const check = (e: Expr): void => this.expression(e, seen);
    for (const s of statements) {
      checkStatement(s, (name) => this.held.get(name));
      switch (s.kind) {
        case "for": {
          const inductions = s.inductions ?? [];
          for (const { init } of inductions) check(init);
          for (const { name } of inductions) locals.set(name, "int32");
          this.body(s.body);
          break;
        }
        case "let":
          check(s.value);
          locals.set(s.name, s.value.dtype);
          break;
        case "accumulator":
          check(s.init);
          locals.set(s.name, s.init.dtype);
          break;
        case "assign":
          check(s.value);
          this.same(`the accumulator ${s.name}`, locals.get(s.name), s.value);
          break;
        case "store":
          check(s.index);
          check(s.value);
          break;
        case "if":
          check(s.condition);
          this.body(s.body);
          break;
        case "append":
          check(s.condition);
          check(s.base);
          for (const { value } of s.values) check(value);
          break;
        case "section":
          this.body(s.body);
          break;
        default:
          s satisfies never;
      }
    }
  }

  private expression(e: Expr, seen: Set<Expr>): void {
    if (e.kind === "const" || e.kind === "var" || e.kind === "scalar") return;
    if (e.kind === "local") {
      this.same(e.name, this.locals.get(e.name), e);
      return;
    }
    if (seen.has(e)) return;
    seen.add(e);
    forEachChild(e, (child) => this.expression(child, seen));
    const type = typeOf(e);
    if (type !== e.dtype) throw new TypeFault(`${printExpr(e)} gives ${type}, not ${e.dtype}`);
    if (e.kind === "load") this.same(e.buffer, this.held.get(e.buffer), e);
  }

  /** An unknown name has no type to differ from. */
  private same(name: string, held: ExprType | undefined, { dtype }: Expr): void {
    if (held !== undefined && held !== dtype) throw new TypeFault(`${name} holds ${held}, not ${dtype}`);
  }
}
