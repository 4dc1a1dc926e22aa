/** `kiln explore`: a model's source, stages, graphs, code, memory and times on one page, linked with each other. */

import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { explorerData } from "../../explore/explorer-data.ts";
import { explorerHtml } from "../../explore/html.ts";
import { plainLine } from "../../inspect/escape.ts";
import { machineName } from "../../tuning/machine.ts";
import type { Command } from "../command.ts";
import { loadModelFile } from "../model-file.ts";
import { MODEL, STEP_OR_PASS } from "../model-options.ts";
import { checkOutputFile, writeOutput } from "../output-file.ts";
import { Progress } from "../progress.ts";
import { gzipped } from "./gzipped.ts";
import { openInBrowser } from "./open.ts";
import { pageParts } from "./page-parts.ts";
import { type ExploreRequest, readExploreRequest } from "./request.ts";
import { servePage } from "./serve.ts";
import { modelSources } from "./sources.ts";
import { compileSubjects } from "./subjects.ts";

/** The page's text; `progress` shows the current step. */
async function pageOf(request: ExploreRequest, root: URL, progress: Progress): Promise<string> {
  progress.at(`loading ${request.model}`);
  const file = await loadModelFile(request.model, 0, root);
  const subjects = await compileSubjects(file, request, progress);
  progress.at("building the page");
  await setImmediate(); // a rejected promise that the model does not await fails here, before anything is written
  const data = explorerData({
    model: basename(request.model),
    mode: request.mode,
    machine: await machineName(),
    sources: await modelSources(file),
    subjects,
  });
  return explorerHtml(data, await pageParts(), gzipped);
}

export const explore: Command = {
  name: "explore",
  summary: "Shows how a model is compiled on one page: source, every stage, graph, code, memory and times.",
  operands: [MODEL],
  options: [
    STEP_OR_PASS,
    {
      name: "backends",
      value: "A,B",
      doc: "the backends to compile for and show",
      default: "wasm,js",
    },
    {
      name: "batch-size",
      value: "N",
      doc: "samples in a step",
      default: "the first number of the model file's inputs",
    },
    {
      name: "seconds",
      value: "X",
      doc: "how many seconds to measure each backend's kernels; 0 skips measuring",
      default: "0.5",
    },
    {
      name: "out",
      value: "FILE",
      doc: "the page to write",
      default: "the model's name with .html, in the current folder",
    },
    { name: "no-open", doc: "write the page without opening a browser" },
    {
      name: "serve",
      value: "PORT",
      doc: "serve the page on this machine instead of opening it; 0 takes any free port",
    },
  ],
  notes: [
    "The page is one self-contained file that can be kept, mailed, or put on any server. When run in a terminal, the " +
      "command opens it in the browser.",
    "A training step is compiled with the file's loss (cross-entropy unless it exports one) and SGD with momentum.",
  ],
  examples: [
    "kiln explore examples/lenet.ts",
    "kiln explore examples/cifar10.ts --mode forward --backends js,wasm --out cifar10.html --no-open",
    "kiln explore examples/lenet.ts --serve 8080",
  ],
  async run(given, root) {
    const request = readExploreRequest(given);
    await checkOutputFile(request.out, [request.model]);
    const progress = new Progress();
    const page = await pageOf(request, root, progress).finally(() => progress.done());
    await writeOutput(request.out, page);
    console.log(plainLine(`wrote ${request.out}: ${Buffer.byteLength(page).toLocaleString("en-US")} bytes`));
    if (request.port !== undefined) await servePage(page, request.port);
    else if (request.open) await openInBrowser(request.out);
  },
};
