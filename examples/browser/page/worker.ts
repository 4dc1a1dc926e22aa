/** Trains in a worker, so that the page never waits for a step, and reports what happens. */

import { backends } from "kiln-js";
import type { Report, Request, Settings } from "./messages.ts";
import { Training, wasmSpeed } from "./training.ts";

/** The number of steps between evaluations on the test digits. */
const EVALUATION_INTERVAL = 20;

let training = new Training();
/** The current run; another one begins when it has ended. */
let running: Promise<void> = Promise.resolve();
let isStopped = true;
/** The drawing on the sheet, and whether it is still to be evaluated. */
let drawing: { readonly pixels: Float32Array; readonly backend: Settings["backend"] } | undefined;
let isNew = false;
let isCompared = false;

const report = (message: Report): void => postMessage(message);

/** Lets messages in: awaits a turn of the event loop. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function run(settings: Settings): Promise<void> {
  report({ kind: "compiling", backend: settings.backend });
  report({ kind: "compiled", compiled: await training.configure(settings) });
  while (!isStopped) {
    const begin = performance.now();
    const loss = await training.step();
    await nextTurn();
    const digitsPerSecond = (1000 * training.batchSize) / (performance.now() - begin);
    report({ kind: "step", step: training.steps, loss, digitsPerSecond });
    if (isNew) await guess();
    // Only now, since the first step compiles the shaders, which is reported meanwhile.
    if (settings.backend.startsWith("gpujs") && !isCompared) await compare();
    if (training.steps % EVALUATION_INTERVAL === 0) await evaluate();
  }
  if (training.steps > 0) await evaluate();
}

async function evaluate(): Promise<void> {
  report({ kind: "evaluated", evaluation: await training.evaluate() });
  await guess();
}

/** Evaluates the drawing with the current model. */
async function guess(): Promise<void> {
  isNew = false;
  if (drawing === undefined) return;
  const { pixels, backend } = drawing;
  report({ kind: "guessed", probabilities: await training.guess(pixels, backend) });
}

/** Reports the speed of wasm, if it runs. */
async function compare(): Promise<void> {
  isCompared = true;
  const wasm = (await backends()).find(({ name }) => name === "wasm");
  if (wasm?.available) report({ kind: "compared", digitsPerSecond: await wasmSpeed() });
}

/** Ends the current run; the last step is completed. */
async function stop(): Promise<void> {
  isStopped = true;
  await running;
}

async function handle(request: Request): Promise<void> {
  switch (request.kind) {
    case "start":
      await stop();
      isStopped = false;
      running = run(request.settings).catch(fail);
      break;
    case "pause":
      await stop();
      report({ kind: "paused" });
      break;
    case "reset":
      await stop();
      await training.dispose();
      training = new Training();
      report({ kind: "reset" });
      await guess();
      break;
    case "draw":
      drawing = request.pixels && { pixels: request.pixels, backend: request.backend };
      isNew = drawing !== undefined;
      // A run does so itself, between two steps.
      if (isStopped) await guess();
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
let served: Promise<void> = (async () => {
  // The interpreter is for tests: it takes seconds per step.
  const list = (await backends()).filter(({ name }) => name !== "interpret");
  report({ kind: "ready", backends: list, digits: await training.shownDigits() });
})().catch(fail);

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  served = served.then(() => handle(data)).catch(fail);
});
