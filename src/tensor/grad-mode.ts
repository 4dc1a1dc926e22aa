/** Whether operations are remembered for `backward`: usually, but not inside `noGrad`. */

/** How many `noGrad` calls are running; they may overlap when their functions are asynchronous. */
let suspended = 0;

/** Whether operations are remembered for `backward`: not inside of {@link noGrad}. */
export const isGradEnabled = (): boolean => suspended === 0;

/**
 * Runs `body` without remembering its operations for `backward` (torch.no_grad). While an asynchronous `body` waits,
 * the rest of the program is not recorded either.
 *
 * ```ts
 * noGrad(() => net.parameters().forEach((p) => p.mul_(0.99))); // no step of an optimizer, and no gradient
 * ```
 */
export function noGrad<T>(body: () => T): T {
  suspended++;
  let result: T;
  try {
    result = body();
  } catch (error) {
    suspended--;
    throw error;
  }
  if (!(result instanceof Promise)) {
    suspended--;
    return result;
  }
  return result.finally(() => suspended--) as T;
}

/** Runs a synchronous `body` in the mode in which something was done that is now to be done again. */
export function withGradMode<T>(isEnabled: boolean, body: () => T): T {
  const outer = suspended;
  suspended = isEnabled ? 0 : 1;
  try {
    return body();
  } finally {
    suspended = outer;
  }
}
