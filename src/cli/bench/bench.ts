/**
 * `kiln bench`: a model on several backends: how long its step takes here, where the time goes, and how accurate it is.
 */

import { setImmediate } from "node:timers/promises";
import { backendName } from "../../../backends/registry.ts";
import { compareBackends } from "../../compare/compare.ts";
import { comparisonText } from "../../compare/report-text.ts";
import { traceables, traced, withBatchSize } from "../../compare/trace-model.ts";
import type { CompareOptions, Comparison } from "../../compare/types.ts";
import { verdictText } from "../../compare/verdict.ts";
import { KilnError } from "../../core/errors.ts";
import { plainLine } from "../../inspect/escape.ts";
import { DEFAULT_MILLISECONDS } from "../../tuning/tuner.ts";
import { paletteFor } from "../colours.ts";
import type { Arguments, Command } from "../command.ts";
import { loadModelFile, type ModelFile } from "../model-file.ts";
import { MODEL, STEP_OR_PASS } from "../model-options.ts";
import { checkOutputFile, writeOutput } from "../output-file.ts";
import { Progress } from "../progress.ts";
import { fitted } from "../terminal.ts";
import { choice, distinct, positiveNumber, wholeNumber } from "../values.ts";
import { chartText, checkChartFile } from "./bench-chart.ts";

export const bench: Command = {
  name: "bench",
  summary: "Compares backends on a model's training step or forward pass, kernel by kernel, on this machine.",
  operands: [MODEL],
  options: [
    STEP_OR_PASS,
    {
      name: "backends",
      value: "A,B",
      doc: "what to measure, in turns; the others are also given relative to the first",
      default: "wasm, js and, where they can run, c and gpujs on a GPU",
    },
    {
      name: "batch-size",
      value: "N,M",
      doc: "samples in a step; several numbers give one comparison each",
      default: "the first number of the model file's inputs",
    },
    { name: "seconds", value: "X", doc: "how long to measure each backend", default: "3" },
    {
      name: "threads",
      value: "N",
      doc: "how many threads a program may use",
      default: "as many as there are processors",
    },
    {
      name: "tune",
      doc: "first try the ways to run each kernel and keep the fastest, for this and later runs with tuning",
    },
    {
      name: "tune-time",
      value: "X",
      doc: "seconds that trying may take for each backend",
      default: `${DEFAULT_MILLISECONDS / 1000}`,
    },
    {
      name: "no-verify",
      doc: "do not compare what kernels store with the oracle, which takes a few seconds",
    },
    { name: "json", doc: "print everything as JSON: an object, or a list of them for several batch sizes" },
    {
      name: "chart",
      value: "FILE",
      doc: "also write a chart (.svg), or a page with chart and tables (.html)",
    },
  ],
  notes: [
    "Inputs are random numbers, integer targets random classes; a training step has the file's loss (cross-entropy unless " +
      "it exports one) and SGD with momentum. Times are medians; kernels are timed separately, one after the other.",
    "GFLOP/s counts what a kernel executes, a multiply-add as two; dense counts the same work without skipping zeros. " +
      "Expected is the cost model's estimate of the kernel's time in multiply-adds, as a share of all.",
    "The difference is from the interpreter, which computes in double precision: for each value that a kernel stores, the largest " +
      "difference over the largest number. If the interpreter would take too long it gets fewer samples, which is reported.",
    "What --tune finds is kept in the folder KILN_CACHE, by default kiln in the user's cache folder, separately for each backend, " +
      "engine and processor. Ways to run a kernel differ in the order of sums, and so in rounding.",
  ],
  examples: [
    "kiln bench examples/lenet.ts",
    "kiln bench examples/lenet.ts --batch-size 1,8,64 --chart lenet.html",
    "kiln bench examples/cifar10.ts --batch-size 8 --backends wasm --tune --tune-time 10",
  ],
  async run(given, root) {
    const request = readRequest(given);
    if (request.chart !== undefined) await checkOutputFile(request.chart, given.operands);
    const file = await loadModelFile(given.operands[0], 0, root);
    const options = optionsFor(request, file);
    const batchSizes = request.batchSizes ?? [file.inputs[0].shape[0]];
    await checkBatches(file, options, batchSizes);
    await setImmediate(); // a promise that the model does not await fails here, before anything is printed
    const comparisons: Comparison[] = [];
    const progress = new Progress();
    const onProgress = (what: string): void => progress.at(what);
    try {
      for (const batchSize of batchSizes)
        comparisons.push(await compareBackends(file.model, { ...options, batchSize, onProgress }));
    } finally {
      progress.done();
    }
    console.log(request.json ? asJson(file.path, comparisons) : asText(file.path, comparisons));
    if (request.chart === undefined) return;
    await writeOutput(request.chart, chartText(request.chart, comparisons, file.path));
    if (!request.json) console.log(`\n${plainLine(`wrote ${request.chart}`)}`);
  },
};

interface Request extends Pick<CompareOptions, "backends" | "threads" | "tune" | "verify"> {
  readonly mode: "training" | "forward";
  readonly batchSizes: readonly number[] | undefined;
  readonly milliseconds: number;
  readonly json: boolean;
  readonly chart: string | undefined;
}

function readRequest(given: Arguments): Request {
  if (given.has("tune-time") && !given.has("tune")) throw new KilnError("--tune-time needs --tune");
  const chart = given.get("chart");
  if (chart !== undefined) checkChartFile(chart);
  const backends = given.get("backends")?.split(",");
  const tuning = positiveNumber(given, "tune-time", DEFAULT_MILLISECONDS / 1000);
  return {
    mode: choice(given, "mode", ["training", "forward"]),
    ...(backends && {
      backends: distinct(
        "backends",
        "a backend",
        backends.map((name) => backendName(name.trim())),
      ),
    }),
    batchSizes: batchSizesIn(given),
    milliseconds: 1000 * positiveNumber(given, "seconds", 3),
    ...(given.has("threads") && { threads: wholeNumber(given, "threads", 1, 1) }),
    ...(given.has("tune") && { tune: { milliseconds: 1000 * tuning } }),
    verify: !given.has("no-verify"),
    json: given.has("json"),
    chart,
  };
}

function batchSizesIn(given: Arguments): readonly number[] | undefined {
  const text = given.get("batch-size");
  if (text === undefined) return undefined;
  const sizes = text.split(",").map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : 0));
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 1)) {
    throw new KilnError(
      `--batch-size must be a whole number of at least 1, or several such as 1,8,64, not "${text}"`,
    );
  }
  return distinct("batch-size", "a size", sizes);
}

function optionsFor(request: Request, { inputs, loss, targets }: ModelFile): CompareOptions {
  const { mode, backends, threads, tune, verify, milliseconds } = request;
  const training = mode === "training" && { loss, ...(targets && { targets }) };
  const given = { ...(backends && { backends }), ...(threads && { threads }), ...(tune && { tune }) };
  return { inputs, mode, milliseconds, verify: verify ?? true, ...given, ...training };
}

/** Batch sizes that the model does not accept are an error before the first of them is measured. */
async function checkBatches(
  file: ModelFile,
  options: CompareOptions,
  sizes: readonly number[],
): Promise<void> {
  const asked = traceables(file.model, options);
  for (const size of sizes) await traced(withBatchSize(asked, size));
}

/** Each comparison, followed by a summary of all. */
function asText(path: string, comparisons: readonly Comparison[]): string {
  const tables = comparisons.map((comparison) => comparisonText(comparison, path)).join("\n\n\n");
  const verdicts = comparisons.map((comparison) => verdictText(comparison, comparisons.length > 1));
  const said = verdicts.filter((text) => text !== "").join("\n");
  const { heading } = paletteFor(process.stdout, process.env);
  return [fitted(tables, process.stdout), ...(said === "" ? [] : [heading(said)])].join("\n\n");
}

function asJson(path: string, comparisons: readonly Comparison[]): string {
  const named = comparisons.map((comparison) => ({ ...comparison, model: path }));
  return JSON.stringify(named.length === 1 ? named[0] : named, undefined, 2);
}
