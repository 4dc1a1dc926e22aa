/** Compiles and trains one model, away from the page: whatever the model's code does, the page can end this worker. */

import { type BackendName, backends } from "kiln-js";
import type { Report, Request } from "../messages.ts";
import { failureOf } from "./failure.ts";
import { Training } from "./training.ts";

/** The interval of reports, however fast the steps are. */
const REPORT_MILLISECONDS = 50;
/** The number of steps between evaluations on the test set. */
const EVALUATION_INTERVAL = 100;
/** A forgotten page stops training. */
const MOST_STEPS = 5000;

/** The library, as the bundler placed it next to this file. */
const KILN = new URL("./kiln.js", import.meta.url).href;

const report = (message: Report): void => postMessage(message);

let isPaused = false;
let wake: () => void = () => {};

/** Lets messages in. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function run(source: string, backend: BackendName): Promise<void> {
  const usable = (await backends()).filter(
    ({ available, name }) => available && ["wasm", "js"].includes(name),
  );
  report({ kind: "ready", backends: usable.map(({ name }) => name) });
  const training = await Training.of(source, backend, KILN);
  report({ kind: "compiled", compiled: training.view() });
  report({ kind: "stages", stages: training.stages() });
  report({ kind: "measured", milliseconds: await training.measure() });
  await train(training);
}

async function train(training: Training): Promise<void> {
  let losses: number[] = [];
  let reported = performance.now();
  for (let step = 1; step <= MOST_STEPS; step++) {
    losses.push(await training.step());
    const elapsed = performance.now() - reported;
    if (elapsed >= REPORT_MILLISECONDS || step === MOST_STEPS) {
      const samplesPerSecond = (1000 * training.batchSize * losses.length) / elapsed;
      report({ kind: "steps", step, losses, samplesPerSecond });
      losses = [];
      await nextTurn();
      reported = performance.now();
    }
    if (step % EVALUATION_INTERVAL === 0) {
      await evaluate(training);
      reported = performance.now();
    }
    if (isPaused) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      reported = performance.now();
    }
  }
  report({ kind: "ended", step: MOST_STEPS });
}

async function evaluate(training: Training): Promise<void> {
  const accuracy = await training.accuracy();
  if (accuracy !== undefined) report({ kind: "evaluated", accuracy });
}

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  switch (data.kind) {
    case "run":
      run(data.source, data.backend).catch((error: unknown) =>
        report({ kind: "failed", failure: failureOf(error) }),
      );
      break;
    case "pause":
      isPaused = true;
      break;
    case "resume":
      isPaused = false;
      wake();
      break;
    default:
      data satisfies never;
  }
});
