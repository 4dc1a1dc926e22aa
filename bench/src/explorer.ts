/**
 * How quickly the explorer's page is made, opens and responds, in headless Chromium: by default LeNet's training step, and a
 * training step of more than 300 nodes.
 *
 *   node --import tsx src/explorer.ts [--runs 5] [--models ../examples/zoo/resnet.ts,…]
 *
 * Opening is measured from the navigation until the page is ready and painted; a click must then work. Each response is the
 * time from an input to the frame that shows it; a frame takes 16.7 ms at least.
 */

import { execFileSync } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { launchChromium } from "../../test/browser/chromium.ts";
import { median } from "./protocol.ts";
import { table } from "./table.ts";

const { values: options } = parseArgs({
  options: { runs: { type: "string", default: "5" }, models: { type: "string" } },
});

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const MODELS = options.models?.split(",") ?? [here("../../examples/lenet.ts"), here("deep-model.ts")];

/** A user's actions, as script in the page: each returns the elements to act on, one after the other. */
const ACTIONS = [
  { name: "point at a line", count: 40, act: "point('.ir .line', k)" },
  { name: "choose a kernel", count: 20, act: "choose('.code .kernel', k)" },
  { name: "scroll the graph", count: 40, act: "picture().scrollTop += 40" },
  { name: "zoom the graph", count: 10, act: "click('[aria-label=\"Zoom ' + (k % 2 ? 'in' : 'out') + '\"]')" },
  { name: "next stage", count: 13, act: "press(k)" },
] as const;

const folder = await mkdtemp(join(tmpdir(), "kiln-explorer-"));
const browser = await launchChromium();
try {
  const rows: string[][] = [];
  for (const model of MODELS) rows.push(...(await measure(model)));
  console.log(table([["model", "what", "median ms", "longest ms"], ...rows], [2, 3]));
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}

async function measure(model: string): Promise<string[][]> {
  const file = join(folder, "page.html");
  const unmeasured = make(model, file, "--seconds", "0");
  const made = make(model, file);
  const { size } = await stat(file);
  const opened: number[] = [];
  const answers = new Map<string, number[]>(ACTIONS.map(({ name }) => [name, []]));
  let nodes = 0;
  for (let run = 0; run < Number(options.runs); run++) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    opened.push(await open(page, file));
    nodes = await page.locator(".picture [data-box]").count();
    for (const { name, count, act } of ACTIONS) {
      answers.get(name)!.push(...(await answerTimes(page, count, act)));
    }
    await page.close();
  }
  const name = `${model.split("/").at(-1)}, ${nodes} boxes, ${(size / 1e6).toFixed(1)} MB`;
  const row = (what: string, times: readonly number[]): string[] => [
    name,
    what,
    median(times).toFixed(1),
    Math.max(...times).toFixed(1),
  ];
  return [
    row("kiln explore", [made]),
    row("kiln explore, nothing measured", [unmeasured]),
    row("open the page", opened),
    ...[...answers].map(([what, times]) => row(what, times)),
  ];
}

/** Milliseconds that the command takes. */
function make(model: string, file: string, ...args: readonly string[]): number {
  const begin = performance.now();
  execFileSync(process.execPath, [
    ...[here("../../src/cli/bin.js"), "explore", model, "--no-open", "--out", file, ...args],
  ]);
  return performance.now() - begin;
}

/** Milliseconds from the navigation until the page is ready and its first frame is there. */
async function open(page: Page, file: string): Promise<number> {
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector("html[data-ready]");
  const milliseconds: number = await page.evaluate(
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))",
  );
  await page.locator(".ir .line").first().click();
  if ((await page.locator(".ir .line.lit").count()) === 0)
    throw new Error("the page is shown before it can be used");
  await page.keyboard.press("Escape");
  return milliseconds;
}

/** Performs an action `count` times; the milliseconds from each to the end of the frame that shows it. */
function answerTimes(page: Page, count: number, act: string): Promise<number[]> {
  return page.evaluate(`(async () => {
    const nth = (selector, k) => { const all = document.querySelectorAll(selector); return all[k % all.length]; };
    const fire = (target, type, k) => target.dispatchEvent(new PointerEvent(type, { bubbles: true, composed: true, clientX: k + 1 }));
    const point = (selector, k) => fire(nth(selector, k), "pointerover", k);
    const choose = (selector, k) => nth(selector, k).click();
    const click = (selector) => document.querySelector(selector).click();
    const picture = () => document.querySelector(".picture .host").shadowRoot.querySelector(".list");
    const press = (k) => {
      const slider = document.querySelector("input[type=range]");
      slider.value = String(k);
      slider.dispatchEvent(new Event("input"));
    };
    // A message that a frame's callback sends arrives when the frame has been painted.
    const painted = () => new Promise((done) => requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done();
      port2.postMessage(0);
    }));
    const times = [];
    for (let k = 0; k < ${count}; k++) {
      await new Promise(requestAnimationFrame);
      const begin = performance.now();
      ${act};
      await painted();
      times.push(performance.now() - begin);
    }
    return times;
  })()`);
}
