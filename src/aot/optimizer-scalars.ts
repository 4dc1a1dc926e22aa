/**
 * The scalars of an optimizer's step as source: what `src/optim` computes for a step from the learning rate and the
 * number of steps before it, written out operation by operation, so that the bits are the same.
 */

import { InternalError } from "../core/errors.ts";
import type { OptimizerText } from "./portable.ts";

/** Lines that compute, and for each scalar the expression of its value, in terms of `lr` and `completed`. */
export interface ScalarText {
  readonly lines: readonly string[];
  readonly values: Readonly<Record<string, string>>;
}

const STEP = "const step = completed + 1;";

export function optimizerScalars({ rule, settings }: OptimizerText): ScalarText {
  const given = settings as Readonly<Record<string, number>> & { readonly betas: readonly number[] };
  const { weightDecay, eps } = given;
  const [beta1, beta2] = given.betas ?? [];
  const root = `const root = Math.sqrt(1 - ${beta2} ** step);`;
  const keep = `1 - lr * ${weightDecay}`;
  switch (rule) {
    case "rmsprop":
    case "adadelta":
      return { lines: [], values: { lr: "lr" } };
    case "sgd":
      return { lines: [], values: { lr: "lr", gain: `completed === 0 ? 1 : ${1 - given.dampening}` } };
    case "adagrad":
      return {
        lines: [],
        values: {
          lr: `lr / (1 + completed * ${given.lrDecay})`,
          entering: `completed === 0 ? ${given.initialAccumulatorValue} : 0`,
        },
      };
    case "adam":
    case "adamw":
      return {
        lines: [STEP, root],
        values: { step_size: `(lr * root) / (1 - ${beta1} ** step)`, eps: `${eps} * root`, keep },
      };
    case "adamax":
      return { lines: [], values: { step_size: `lr / (1 - ${beta1} ** (completed + 1))` } };
    case "radam":
      return {
        lines: [
          STEP,
          `const correction = 1 - ${beta2} ** step;`,
          `const most = ${2 / (1 - beta2) - 1};`,
          `const length = most - (2 * step * ${beta2} ** step) / correction;`,
          `const rate = lr / (1 - ${beta1} ** step);`,
          "const rectified = ((length - 4) * (length - 2) * most) / ((most - 4) * (most - 2) * length);",
        ],
        values: {
          step_size: "length > 5 ? rate * Math.sqrt(rectified) * Math.sqrt(correction) : rate",
          adapts: "length > 5 ? 1 : 0",
          floor: `length > 5 ? ${eps} : 1`,
          keep,
        },
      };
    case "nadam":
      return {
        lines: [
          STEP,
          root,
          "const scaled = lr * root;",
          `const momentum = (at: number): number => ${nadamMomentum(beta1, given.momentumDecay)};`,
          "let product = 1;",
          "for (let at = 1; at <= step; at++) product *= momentum(at);",
          "const next = momentum(step + 1);",
        ],
        values: {
          gradient_rate: "(scaled * (1 - momentum(step))) / (1 - product)",
          average_rate: "(scaled * next) / (1 - product * next)",
          eps: `${eps} * root`,
          keep,
        },
      };
    default:
      throw new InternalError(`no formulas for the scalars of ${rule}`);
  }
}

const nadamMomentum = (beta: number, decay: number): string =>
  `${beta} * (1 - 0.5 * 0.96 ** (at * ${decay}))`;
