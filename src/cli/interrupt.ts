/**
 * Ends a training run early: on Ctrl-C, whose second press kills the process at once, or when something else asks for
 * it.
 */

export class Interrupt {
  #requested = false;
  readonly #listener = (): void => this.request();

  /** Starts listening. The listener is removed by the first signal, so that the second has its usual effect. */
  constructor() {
    process.once("SIGINT", this.#listener);
  }

  /** Whether the run should end. */
  get requested(): boolean {
    return this.#requested;
  }

  /** Asks to end after the current step. */
  request(): void {
    this.#requested = true;
  }

  /** Stops listening. */
  end(): void {
    process.off("SIGINT", this.#listener);
  }
}
