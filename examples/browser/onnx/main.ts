/** The page: takes an ONNX file, has the worker fine-tune it, lets users draw samples for it, and saves the file. */

import { byId } from "../page/by-id.ts";
import { DigitPad } from "../page/digit-pad.ts";
import { Guesses } from "../page/guesses.ts";
import { LossChart } from "../page/loss-chart.ts";
import type { ModelView, Report, Request } from "./messages.ts";

type State = "loading" | "empty" | "stopped" | "running";

const form = byId<HTMLFormElement>("controls");
const toggle = byId<HTMLButtonElement>("toggle");
const save = byId<HTMLButtonElement>("save");
const layers = byId<HTMLSelectElement>("layers");
const file = byId<HTMLInputElement>("file");
const drop = byId("drop");
const digit = byId<HTMLSelectElement>("digit");
const chart = new LossChart(byId("chart"));
const guesses = new Guesses(byId("guesses"), 10);
const worker = new Worker("onnx-worker.js", { type: "module" });

/** What is on the sheet. */
let drawing: Float32Array | undefined;
let state: State = "loading";
let model: ModelView | undefined;

const send = (request: Request, transfer: Transferable[] = []): void => worker.postMessage(request, transfer);

const pad = new DigitPad(byId<HTMLCanvasElement>("pad"), 32, (pixels) => {
  drawing = pixels;
  byId<HTMLButtonElement>("teach").disabled = pixels === undefined;
  if (pixels === undefined) guesses.clear();
  else send({ kind: "guess", pixels });
});

function say(text: string, isFailure = false): void {
  byId("status").textContent = text;
  byId("status").classList.toggle("failed", isFailure);
}

function enter(next: State): void {
  state = next;
  document.body.dataset.state = next;
  toggle.disabled = save.disabled = layers.disabled = next === "loading" || next === "empty";
  toggle.textContent = next === "running" ? "Pause" : "Train";
}

async function open(chosen: File | undefined): Promise<void> {
  if (chosen === undefined) return;
  say(`Reading ${chosen.name}`);
  const bytes = await chosen.arrayBuffer();
  send({ kind: "open", name: chosen.name, bytes }, [bytes]);
}

file.addEventListener("change", () => {
  void open(file.files?.[0]);
  file.value = "";
});
byId("example").addEventListener("click", () => send({ kind: "example" }));
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) addEventListener(kind, () => drop.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  void open(event.dataTransfer?.files[0]);
});

const start = (): void => {
  enter("running");
  send({ kind: "start", layers: Number(layers.value) });
};
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (state === "running") send({ kind: "pause" });
  else start();
});
layers.addEventListener("change", () => {
  if (model !== undefined) showLayers(model);
  if (state === "running") start();
});
save.addEventListener("click", () => send({ kind: "save" }));
byId("clear").addEventListener("click", () => pad.clear());
byId("teach").addEventListener("click", () => {
  if (drawing === undefined) return;
  send({ kind: "teach", pixels: drawing, digit: Number(digit.value) });
  pad.clear();
});

function showModel(opened: ModelView): void {
  model = opened;
  chart.clear();
  pad.clear();
  byId("step").textContent = "0";
  for (const id of ["loss", "accuracy"]) byId(id).textContent = "–";
  byId("drawings").textContent = "0";
  const { length } = opened.layers;
  layers.replaceChildren(
    ...opened.layers.map((_, k) => {
      const name = k + 1 === length ? "all layers" : k === 0 ? "the last layer" : `the last ${k + 1} layers`;
      return new Option(name, String(k + 1));
    }),
  );
  byId("summary").textContent =
    `${opened.name} takes ${opened.input} and tells ${opened.classes} classes apart. ` +
    (opened.size === undefined
      ? "It learns from clusters of random points, one for each class."
      : "It learns from synthetic digits, and from those that you draw.");
  byId("draw").hidden = opened.size === undefined;
  showLayers(opened);
  enter("stopped");
  say(`${opened.name} is ready. It stays in this page; nothing is sent anywhere.`);
}

/** All layers, with those that are trained marked. */
function showLayers(opened: ModelView): void {
  const first = opened.layers.length - Number(layers.value);
  byId("list").replaceChildren(
    ...opened.layers.map(({ name, parameters }, k) => {
      const [item, label, count] = ["li", "span", "span"].map((tag) => document.createElement(tag));
      label.textContent = name;
      count.textContent = `${parameters.toLocaleString("en")} ${k >= first ? "learn" : "stay"}`;
      item.className = k >= first ? "learns" : "";
      item.append(label, count);
      return item;
    }),
  );
}

function download(name: string, bytes: Uint8Array): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
  say(`Saved ${name}, ${Math.ceil(bytes.length / 1000).toLocaleString("en")} kB`);
}

function show(report: Report): void {
  switch (report.kind) {
    case "ready":
      enter("empty");
      say("Drop an ONNX file here, or begin with the example.");
      break;
    case "opened":
      showModel(report.model);
      break;
    case "compiling":
      say("Compiling the training step");
      break;
    case "step":
      byId("step").textContent = report.step.toLocaleString("en");
      byId("loss").textContent = report.loss.toFixed(3);
      chart.add(report.step, report.loss);
      if (byId("status").textContent?.startsWith("Compiling")) say("Training");
      if (drawing !== undefined && report.step % 10 === 0) send({ kind: "guess", pixels: drawing });
      break;
    case "evaluated":
      byId("accuracy").textContent = `${(100 * report.accuracy).toFixed(1)} %`;
      break;
    case "guessed":
      if (drawing !== undefined) guesses.show(report.probabilities);
      break;
    case "taught":
      byId("drawings").textContent = String(report.drawings);
      break;
    case "saved":
      download(report.name, report.bytes);
      break;
    case "paused":
      enter("stopped");
      say("Paused");
      break;
    case "failed":
      enter(model === undefined ? "empty" : "stopped");
      say(report.message, true);
      break;
    default:
      report satisfies never;
  }
}

worker.addEventListener("message", ({ data }: MessageEvent<Report>) => show(data));
worker.addEventListener("error", ({ message }) => show({ kind: "failed", message }));
