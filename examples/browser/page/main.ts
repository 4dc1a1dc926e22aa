/** The page: controls and views around a worker that trains. */

import { byId } from "./by-id.ts";
import { CompilerView } from "./compiler-view.ts";
import { DigitGrid } from "./digit-grid.ts";
import { DigitPad } from "./digit-pad.ts";
import { Guesses } from "./guesses.ts";
import { LossChart } from "./loss-chart.ts";
import type { Report, Request, Settings } from "./messages.ts";

type State = "loading" | "stopped" | "running";

const form = byId<HTMLFormElement>("controls");
const toggle = byId<HTMLButtonElement>("toggle");
const reset = byId<HTMLButtonElement>("reset");
const backend = byId<HTMLSelectElement>("backend");
const learningRate = byId<HTMLSelectElement>("learning-rate");
const chart = new LossChart(byId("chart"));
const compiler = new CompilerView();
const worker = new Worker("worker.js", { type: "module" });

const guesses = new Guesses(byId("guesses"), 10);
const pad = new DigitPad(byId<HTMLCanvasElement>("pad"), 32, (pixels) => {
  if (pixels === undefined) guesses.clear();
  send({ kind: "draw", backend: backendChosen(), pixels });
});
byId("clear").addEventListener("click", () => pad.clear());

let grid: DigitGrid | undefined;
/** The backends that can run here, by name, in the library's words. */
let abilities: ReadonlyMap<string, string> = new Map();
/** The backend whose first step is pending, or undefined while steps arrive. */
let awaited: string | undefined;
/** How many digits per second wasm trains here, once that is known. */
let wasmSpeed: number | undefined;
let state: State = "loading";
/** The median of recent speeds, since single steps vary. */
let speeds: number[] = [];

const send = (request: Request): void => worker.postMessage(request);

/** The list of backends is empty until the worker has reported what runs here. */
const backendChosen = (): Settings["backend"] => (backend.value || "wasm") as Settings["backend"];

function say(text: string, isFailure = false): void {
  byId("status").textContent = text;
  byId("status").classList.toggle("failed", isFailure);
}

function enter(next: State): void {
  state = next;
  document.body.dataset.state = next;
  toggle.disabled = backend.disabled = next === "loading";
  reset.disabled = next === "loading";
  toggle.textContent = next === "running" ? "Pause" : "Start";
}

function start(): void {
  speeds = [];
  enter("running");
  send({
    kind: "start",
    settings: { backend: backendChosen(), learningRate: Number(learningRate.value) },
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (state === "running") send({ kind: "pause" });
  else start();
});
for (const choice of [backend, learningRate]) {
  choice.addEventListener("change", () => {
    if (state === "running") start();
  });
}
reset.addEventListener("click", () => send({ kind: "reset" }));

function showBackends(list: Extract<Report, { kind: "ready" }>["backends"]): void {
  abilities = new Map(list.map(({ name, reason }) => [name, reason]));
  for (const { name, available, reason } of list) {
    const option = new Option(available ? name : `${name} (cannot run here)`, name);
    option.disabled = !available;
    option.title = reason;
    backend.append(option);
  }
}

function showStep({ step, loss, digitsPerSecond }: Extract<Report, { kind: "step" }>): void {
  speeds = [...speeds, digitsPerSecond].slice(-15);
  const middle = speeds.toSorted((a, b) => a - b)[speeds.length >> 1];
  byId("step").textContent = step.toLocaleString("en");
  byId("loss").textContent = loss.toFixed(3);
  byId("speed").textContent = Math.round(middle).toLocaleString("en");
  chart.add(step, loss);
  if (awaited !== undefined) say(`Training on ${awaited}`);
  awaited = undefined;
  warn(middle);
}

/** Says so if a GPU is slower than the processor: small models do not fill one. */
function warn(digitsPerSecond: number): void {
  const isGpu = backend.value.startsWith("gpujs");
  const isSlower = isGpu && wasmSpeed !== undefined && speeds.length > 3 && digitsPerSecond < wasmSpeed;
  byId("warning").hidden = !isSlower;
  if (!isSlower) return;
  const times = wasmSpeed! / digitsPerSecond;
  byId("warning").textContent =
    `${backend.value} is slower than wasm here, which trains ${Math.round(wasmSpeed!).toLocaleString("en")} digits a second: ` +
    `${times.toFixed(times < 10 ? 1 : 0)} times as many. A model as small as this one does not fill a GPU.`;
}

function clear(): void {
  chart.clear();
  grid?.clear();
  byId("step").textContent = "0";
  for (const id of ["loss", "accuracy", "speed"]) byId(id).textContent = "–";
  byId("score").textContent = "";
}

function show(report: Report): void {
  switch (report.kind) {
    case "ready":
      showBackends(report.backends);
      grid = new DigitGrid(byId("grid"), report.digits);
      enter("stopped");
      say("Ready. Everything runs in this page; nothing is sent anywhere.");
      break;
    case "compiling":
      say(`Compiling the training step for ${report.backend}`);
      break;
    case "compiled":
      void compiler.show(report.compiled);
      awaited = report.compiled.backend;
      byId("ability").textContent = abilities.get(awaited) ?? "";
      say(
        awaited.startsWith("gpujs")
          ? `Compiling the shaders of ${report.compiled.kernels.length} kernels for ${awaited}: the first step takes a while`
          : `Training on ${awaited}`,
      );
      break;
    case "step":
      showStep(report);
      break;
    case "evaluated": {
      const { accuracy, predictions } = report.evaluation;
      byId("accuracy").textContent = `${(100 * accuracy).toFixed(1)} %`;
      grid?.show(predictions);
      byId("score").textContent = grid?.score(predictions) ?? "";
      break;
    }
    case "guessed":
      guesses.show(report.probabilities);
      break;
    case "compared":
      wasmSpeed = report.digitsPerSecond;
      break;
    case "paused":
      enter("stopped");
      say("Paused");
      break;
    case "reset":
      enter("stopped");
      clear();
      say("New random weights");
      break;
    case "failed":
      enter("stopped");
      say(report.message, true);
      break;
    default:
      report satisfies never;
  }
}

worker.addEventListener("message", ({ data }: MessageEvent<Report>) => show(data));
worker.addEventListener("error", ({ message }) => show({ kind: "failed", message }));
