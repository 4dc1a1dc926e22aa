/** Runs a model in a worker of its own: a new model ends the worker of the old one, whatever it was doing. */

import type { BackendName } from "kiln-js";
import type { Report, Request } from "../messages.ts";

export class ModelRunner {
  private readonly receive: (report: Report) => void;
  private worker: Worker | undefined;

  constructor(receive: (report: Report) => void) {
    this.receive = receive;
  }

  run(source: string, backend: BackendName): void {
    this.worker?.terminate();
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<Report>) => {
      if (worker === this.worker) this.receive(data);
    });
    worker.addEventListener("error", ({ message }) => {
      if (worker === this.worker) this.receive({ kind: "failed", failure: { message } });
    });
    this.send({ kind: "run", source, backend });
  }

  send(request: Request): void {
    this.worker?.postMessage(request);
  }
}
