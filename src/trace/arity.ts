/** How many tensors a module's `forward` is declared to take: JavaScript silently ignores those in excess. */

import { counted } from "./mistakes.ts";
import type { Traceable } from "./trace.ts";

/**
 * How many are declared without a default, and how many can be given at all. Fewer may do: TypeScript's `mask?: Tensor` is
 * gone when the program runs.
 */
export interface Arity {
  readonly declared: number;
  readonly most: number;
}

/** From the class, as the module's own `forward` wraps it; parameters with defaults and rest parameters are free. */
export function arityOf(module: Traceable): Arity {
  const declared: unknown = Object.getPrototypeOf(module).forward;
  if (typeof declared !== "function") return { declared: 0, most: Number.POSITIVE_INFINITY };
  const source = Function.prototype.toString.call(declared);
  const parameters = source.slice(0, source.indexOf("{"));
  const isOpen = /\.\.\.|=/.test(parameters) || /\barguments\b/.test(source);
  return { declared: declared.length, most: isOpen ? Number.POSITIVE_INFINITY : declared.length };
}

/** Of a model that is given another number of tensors than it takes: `listed` says how many, `error` what came of it. */
export function miscounted(model: Traceable, listed: string, error?: unknown): string {
  const why =
    error === undefined
      ? ""
      : `; without the others it fails: ${error instanceof Error ? error.message : error}`;
  const takes = counted(arityOf(model).declared, "input");
  return `forward of ${model.constructor.name} takes ${takes}, and ${listed}${why}`;
}
