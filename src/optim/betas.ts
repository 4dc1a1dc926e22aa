/** The two decay rates of Adam and its relatives, checked in one place. */

import { KilnError } from "../core/errors.ts";

/** The decay rates of the moving averages of the gradient and of its square. */
export type Betas = readonly [number, number];

const DEFAULT: Betas = [0.9, 0.999];

/** PyTorch's default if none are given; each rate must be in [0, 1). */
export function checkedBetas(optimizer: string, betas: Betas = DEFAULT): Betas {
  const isRate = (beta: unknown) => typeof beta === "number" && beta >= 0 && beta < 1;
  if (!Array.isArray(betas) || betas.length !== 2 || !betas.every(isRate)) {
    throw new KilnError(
      `${optimizer}'s betas must be two numbers of at least 0 and below 1, not ${JSON.stringify(betas)}`,
    );
  }
  return [betas[0], betas[1]];
}
