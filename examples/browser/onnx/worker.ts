/** Reads, fine-tunes and writes models in a worker, so that the page never waits for a step. */

import { FineTuning } from "./fine-tuning.ts";
import type { Report, Request } from "./messages.ts";

/** The number of steps between evaluations on the test samples. */
const EVALUATION_INTERVAL = 20;

let tuning: FineTuning | undefined;
let running: Promise<void> = Promise.resolve();
let isStopped = true;
let steps = 0;

const report = (message: Report): void => postMessage(message);

/** Lets messages in: awaits a turn of the event loop. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function run(own: FineTuning, layers: number): Promise<void> {
  report({ kind: "compiling" });
  await own.choose(layers);
  while (!isStopped) {
    const loss = await own.step();
    await nextTurn();
    report({ kind: "step", step: ++steps, loss });
    if (steps % EVALUATION_INTERVAL === 0) report({ kind: "evaluated", accuracy: await own.evaluate() });
  }
}

/** Ends the current run; the last step is completed. */
async function stop(): Promise<void> {
  isStopped = true;
  await running;
}

async function open(opened: Promise<FineTuning>): Promise<void> {
  await stop();
  const next = await opened;
  await tuning?.dispose();
  tuning = next;
  steps = 0;
  report({ kind: "opened", model: next.view });
}

async function handle(request: Request): Promise<void> {
  switch (request.kind) {
    case "open":
      await open(FineTuning.open(request.name, request.bytes));
      break;
    case "example":
      await open(FineTuning.example());
      break;
    case "start": {
      await stop();
      isStopped = false;
      running = run(tuning!, request.layers).catch(fail);
      break;
    }
    case "pause":
      await stop();
      report({ kind: "paused" });
      break;
    case "teach":
      report({ kind: "taught", drawings: await tuning!.teach(request.pixels, request.digit) });
      break;
    case "guess":
      report({ kind: "guessed", probabilities: await tuning!.guess(request.pixels) });
      break;
    case "save":
      report({ kind: "saved", name: tuning!.fileName, bytes: await tuning!.save() });
      break;
    default:
      request satisfies never;
  }
}

function fail(error: unknown): void {
  isStopped = true;
  report({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
}

/** Requests are served one after another. */
let served: Promise<void> = Promise.resolve();
addEventListener("message", ({ data }: MessageEvent<Request>) => {
  served = served.then(() => handle(data)).catch(fail);
});
report({ kind: "ready" });
