/**
 * The scalars of an optimizer's step as source: what `src/optim` computes for a step from the learning rate and the
 * number of steps before it, written out operation by operation, so that the bits are the same.
 */

import { InternalError } from "../core/errors.ts";
import type { OptimizerText } from "./portable.ts";

/** Lines to compute first, and for each scalar the expression of its value, in terms of `lr` and `completed`. */
export interface ScalarText {
  readonly lines: readonly string[];
  readonly values: Readonly<Record<string, string>>;
}

/** What is spelled differently in each language. */
export interface ScalarLanguage {
  /** The keywords that declare a constant, and a variable. */
  readonly constant: string;
  readonly variable: string;
  power(base: number, exponent: string): string;
  root(of: string): string;
}

export const JAVASCRIPT: ScalarLanguage = {
  constant: "const",
  variable: "let",
  power: (base, exponent) => `${base} ** ${exponent}`,
  root: (of) => `Math.sqrt(${of})`,
};

export const C: ScalarLanguage = {
  constant: "const double",
  variable: "double",
  power: (base, exponent) => `pow(${base}, ${exponent})`,
  root: (of) => `sqrt(${of})`,
};

export function optimizerScalars(
  { rule, settings }: OptimizerText,
  { constant, variable, power, root: rootOf }: ScalarLanguage,
): ScalarText {
  const given = settings as Readonly<Record<string, number>> & { readonly betas: readonly number[] };
  const { weightDecay, eps } = given;
  const [beta1, beta2] = given.betas ?? [];
  const step = `${constant} step = completed + 1;`;
  const root = `${constant} root = ${rootOf(`1 - ${power(beta2, "step")}`)};`;
  const keep = `1 - lr * ${weightDecay}`;
  switch (rule) {
    case "rmsprop":
    case "adadelta":
      return { lines: [], values: { lr: "lr" } };
    case "sgd":
      return { lines: [], values: { lr: "lr", gain: `completed < 1 ? 1 : ${1 - given.dampening}` } };
    case "adagrad":
      return {
        lines: [],
        values: {
          lr: `lr / (1 + completed * ${given.lrDecay})`,
          entering: `completed < 1 ? ${given.initialAccumulatorValue} : 0`,
        },
      };
    case "adam":
    case "adamw":
      return {
        lines: [step, root],
        values: { step_size: `(lr * root) / (1 - ${power(beta1, "step")})`, eps: `${eps} * root`, keep },
      };
    case "adamax":
      return { lines: [], values: { step_size: `lr / (1 - ${power(beta1, "(completed + 1)")})` } };
    case "radam":
      return {
        lines: [
          step,
          `${constant} correction = 1 - ${power(beta2, "step")};`,
          `${constant} most = ${2 / (1 - beta2) - 1};`,
          `${constant} length = most - (2 * step * ${power(beta2, "step")}) / correction;`,
          `${constant} rate = lr / (1 - ${power(beta1, "step")});`,
          `${constant} rectified = ((length - 4) * (length - 2) * most) / ((most - 4) * (most - 2) * length);`,
        ],
        values: {
          step_size: `length > 5 ? rate * ${rootOf("rectified")} * ${rootOf("correction")} : rate`,
          adapts: "length > 5 ? 1 : 0",
          floor: `length > 5 ? ${eps} : 1`,
          keep,
        },
      };
    case "nadam": {
      const momentum = (at: string): string =>
        `(${beta1} * (1 - 0.5 * ${power(0.96, `(${at} * ${given.momentumDecay})`)}))`;
      return {
        lines: [
          step,
          root,
          `${constant} scaled = lr * root;`,
          `${variable} product = 1;`,
          `for (${variable} at = 1; at <= step; at++) product *= ${momentum("at")};`,
          `${constant} next = ${momentum("(step + 1)")};`,
        ],
        values: {
          gradient_rate: `(scaled * (1 - ${momentum("step")})) / (1 - product)`,
          average_rate: "(scaled * next) / (1 - product * next)",
          eps: `${eps} * root`,
          keep,
        },
      };
    }
    default:
      throw new InternalError(`no formulas for the scalars of ${rule}`);
  }
}
