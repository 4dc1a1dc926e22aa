/** The page on which a model is edited, compiled and trained: what is typed runs a moment later. */

import type { BackendName } from "kiln-js";
import { LossChart } from "../../../examples/browser/page/loss-chart.ts";
import type { CompiledView, Failure, Report } from "../messages.ts";
import { MODELS } from "../models/index.ts";
import { CompilerView } from "./compiler-view.ts";
import { byId } from "./dom.ts";
import { Editor } from "./editor.ts";
import { ModelRunner } from "./model-runner.ts";

/** How long the page waits for more typing. */
const TYPING_MILLISECONDS = 600;

/** For tests and styles: what the page is doing. */
type State = "compiling" | "training" | "paused" | "ended" | "failed";

const models = byId<HTMLSelectElement>("models");
const backendList = byId<HTMLSelectElement>("backend");
const toggle = byId<HTMLButtonElement>("toggle");

const chart = new LossChart(byId("chart"));
const compiler = new CompilerView({ chose: (lines) => pointAt(lines) });
const editor = new Editor(byId("editor"), {
  changed: () => runSoon(),
  moved: (line) => compiler.pointAt(line),
});
const runner = new ModelRunner(receive);

let state: State = "compiling";
let typing: ReturnType<typeof setTimeout> | undefined;

function enter(next: State, text: string): void {
  state = next;
  document.body.dataset.state = next;
  byId("status").textContent = text;
  toggle.disabled = next === "compiling" || next === "failed";
  toggle.textContent = next === "paused" ? "Go on" : next === "ended" ? "Train again" : "Pause";
}

function run(): void {
  clearTimeout(typing);
  typing = undefined;
  enter("compiling", "compiling …");
  editor.mark([], "is-source");
  byId("failure").hidden = true;
  runner.run(editor.text, backendList.value as BackendName);
}

function runSoon(): void {
  clearTimeout(typing);
  typing = setTimeout(run, TYPING_MILLISECONDS);
}

function receive(report: Report): void {
  switch (report.kind) {
    case "ready":
      offer(report.backends);
      break;
    case "compiled":
      begin(report.compiled);
      break;
    case "stages":
      compiler.showStages(report.stages);
      break;
    case "measured":
      compiler.showTimes(report.milliseconds);
      break;
    case "steps":
      addSteps(report);
      break;
    case "evaluated":
      byId("accuracy").textContent = `${(100 * report.accuracy).toFixed(1)} %`;
      break;
    case "ended":
      enter("ended", `trained for ${report.step.toLocaleString("en")} steps`);
      break;
    case "failed":
      fail(report.failure);
      break;
    default:
      report satisfies never;
  }
}

/** The backends that can run here; the selected one stays selected. */
function offer(backends: readonly string[]): void {
  for (const option of backendList.options) option.disabled = !backends.includes(option.value);
}

function begin(compiled: CompiledView): void {
  const { model, backend, milliseconds, parameters, arenaBytes, kernels } = compiled;
  chart.clear();
  for (const id of ["step", "loss", "accuracy", "speed"]) byId(id).textContent = "–";
  byId("summary").textContent =
    `${model}: forward, loss, backward and update in ${kernels.length} kernels for ${backend}, ` +
    `compiled in ${Math.round(milliseconds)} ms · ${parameters.toLocaleString("en")} parameters · ` +
    `${(arenaBytes / 1e6).toFixed(2)} MB of activations and gradients`;
  compiler.showCompiled(compiled);
  enter("training", "training");
}

function addSteps({ step, losses, samplesPerSecond }: Extract<Report, { kind: "steps" }>): void {
  losses.forEach((loss, k) => {
    chart.add(step - losses.length + 1 + k, loss);
  });
  byId("step").textContent = step.toLocaleString("en");
  byId("loss").textContent = losses.at(-1)!.toPrecision(3);
  byId("speed").textContent = Math.round(samplesPerSecond).toLocaleString("en");
}

function fail({ message, line }: Failure): void {
  enter("failed", "this model does not run");
  byId("failure").hidden = false;
  byId("failure-text").textContent = message;
  byId("failure-line").hidden = line === undefined;
  if (line === undefined) return;
  byId("failure-line").textContent = `line ${line}`;
  editor.mark([line], "is-wrong");
  editor.reveal(line);
}

function pointAt(lines: readonly number[]): void {
  if (state === "failed") return;
  editor.mark(lines, "is-source");
  if (lines.length > 0) editor.reveal(lines[0]);
}

for (const { title } of MODELS) models.append(new Option(title));
models.addEventListener("change", () => {
  editor.text = MODELS[models.selectedIndex].source;
  run();
});
backendList.addEventListener("change", run);
toggle.addEventListener("click", () => {
  if (state === "ended") run();
  else if (state === "paused") {
    runner.send({ kind: "resume" });
    enter("training", "training");
  } else {
    runner.send({ kind: "pause" });
    enter("paused", "paused");
  }
});
// A hidden page need not train.
document.addEventListener("visibilitychange", () => {
  if (state === "training") runner.send({ kind: document.hidden ? "pause" : "resume" });
});

editor.text = MODELS[0].source;
run();
