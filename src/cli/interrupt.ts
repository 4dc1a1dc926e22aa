/** Ctrl-C: the first one asks training to end after the step that runs, a second one kills the process at once. */

export class Interrupt {
  #requested = false;
  readonly #listener = (): void => {
    this.#requested = true;
  };

  /** Starts to listen. The listener goes with the first signal, which gives the second its usual effect. */
  constructor() {
    process.once("SIGINT", this.#listener);
  }

  /** Whether somebody has asked to end. */
  get requested(): boolean {
    return this.#requested;
  }

  /** Stops listening. */
  end(): void {
    process.off("SIGINT", this.#listener);
  }
}
