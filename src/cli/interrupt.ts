/**
 * Ends a training run early: on Ctrl-C, whose second press kills the process at once, or when something else asks for
 * it.
 */

export class Interrupt {
  #requested = false;
  readonly #listener = (): void => this.request();

  /** Starts to listen. The listener goes with the first signal, which gives the second its usual effect. */
  constructor() {
    process.once("SIGINT", this.#listener);
  }

  /** Whether somebody has asked to end. */
  get requested(): boolean {
    return this.#requested;
  }

  /** Asks to end after the step that runs. */
  request(): void {
    this.#requested = true;
  }

  /** Stops listening. */
  end(): void {
    process.off("SIGINT", this.#listener);
  }
}
