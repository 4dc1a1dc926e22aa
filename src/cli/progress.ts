/** Shows on a terminal what a command is doing, on one line of the error output that is removed at the end. */

import { plainLine } from "../inspect/escape.ts";

const CLEAR = "\r\u001b[K";

export class Progress {
  private readonly stream: NodeJS.WriteStream;
  private isShown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.stream = stream;
  }

  /** Shows `what` from now on. Without a terminal nothing is written. */
  at(what: string): void {
    if (this.stream.isTTY !== true) return;
    const room = Math.max(1, (this.stream.columns ?? 80) - 1);
    this.stream.write(`${CLEAR}${plainLine(`${what} …`).slice(0, room)}`);
    this.isShown = true;
  }

  /** Clears the line. */
  done(): void {
    if (this.isShown) this.stream.write(CLEAR);
    this.isShown = false;
  }
}
