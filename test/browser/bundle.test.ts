/** Kiln's browser bundle in a page: it compiles, trains and dumps there, and says what needs Node. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { relativeError } from "../support/run-graph.ts";
import { launchChromium, skipReason } from "./chromium.ts";
import { type Learned, learn } from "./page/training.ts";
import { openTestPage, type TestPage } from "./test-page.ts";

describe.skipIf(skipReason)("the browser bundle", () => {
  let browser: Browser;
  let at: TestPage;
  const errors: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    at = await openTestPage(browser, ["bundle", "training"]);
    at.page.on("pageerror", ({ message }) => errors.push(message));
  });
  afterAll(async () => {
    await at?.close();
    await browser?.close();
  });

  test("is one module that needs gpu.js alone, and only when asked for a backend of it", async () => {
    const text = await (await fetch(`${at.url}kiln.browser.js`)).text();
    expect([...text.matchAll(/^import .*/gm)].map(String)).toEqual([]);
    expect([...text.matchAll(/\bimport\("[^"]*"\)/g)].map(String)).toEqual(['import("gpu.js")']);
    // What Node's workers run is there as a text.
    expect(new Set(text.match(/from "node:\w+|require\("node:\w+/g))).toEqual(
      new Set(['require("node:worker_threads']),
    );
  });

  test("keeps the names of classes, which representations and messages show", async () => {
    expect(await at.call("bundle", "misnamedClasses")).toEqual([]);
  });

  test("LeNet learns", async () => {
    const { losses } = await at.call<Learned>("training", "learn", "js", 150, 32);
    const average = (list: readonly number[]): number =>
      list.reduce((sum, loss) => sum + loss, 0) / list.length;
    // From log 10 = 2.3, which guessing costs.
    expect(average(losses.slice(-10))).toBeLessThan(1.2);
  });

  test("a step computes what it computes in Node", async () => {
    const there = await at.call<Learned>("training", "learn", "js", 5, 4);
    const here = await learn("js", 5, 4);
    // The same code; engines of another age may round exp and log in another way.
    expect(relativeError(there.losses, here.losses)).toBeLessThan(1e-6);
    for (const [name, gradient] of Object.entries(here.gradients))
      expect(relativeError(there.gradients[name], gradient), name).toBeLessThan(1e-5);
  });

  test("wasm, which is what runs by default, learns what js learns", async () => {
    expect(await at.call("bundle", "defaultBackend")).toBe("wasm");
    const wasm = await at.call<Learned>("training", "learn", "wasm", 5, 4);
    const js = await at.call<Learned>("training", "learn", "js", 5, 4);
    expect(wasm.backend).toBe("wasm");
    // Both sum in single precision, in another order.
    expect(relativeError(wasm.losses, js.losses)).toBeLessThan(1e-5);
    for (const [name, gradient] of Object.entries(js.gradients))
      expect(relativeError(wasm.gradients[name], gradient), name).toBeLessThan(1e-4);
  });

  test("every stage of a training step can be read, and names lines of the page's model", async () => {
    const { names, text } = await at.call<{ names: string[]; text: string }>("bundle", "dump", "trace");
    expect(names).toContain("fuse");
    expect(names.at(-1)).toBe("source");
    expect(text).toMatch(/conv2d\(.*at training\.js:\d+ conv1|conv2d\(.*at bundle\.js:\d+ conv1/);
    expect(text).not.toContain("kiln.browser.js");
  });

  test("a compiled model agrees with the model run step by step", async () => {
    const { compiled, interactive } = await at.call<Record<string, number[]>>("bundle", "infer");
    // Both are the same kernels but for fusion, which rounds a few intermediate sums differently.
    expect(relativeError(compiled, interactive)).toBeLessThan(1e-6);
  });

  test("what needs Node says so", async () => {
    const answers = await at.call<Record<string, string>>("bundle", "needsOfNode");
    for (const [name, answer] of Object.entries(answers)) {
      expect(answer, name).toMatch(/^KilnError: .*need(s)? Node/);
    }
  });

  test("a page without gpu.js is told how to provide it, and a script is one way", async () => {
    await at.page.goto(`${at.url}without-gpu-js.html`);
    expect(await at.call("bundle", "whyNot", "gpujs:cpu")).toBe(
      "the gpujs backends need gpu.js, which this page does not provide: name it in the page's import map, " +
        "or load its dist/gpu-browser.js as a script",
    );
    await at.page.reload();
    await at.page.addScriptTag({ url: "gpu-browser.js" });
    expect(await at.call("bundle", "backendNames")).toContain("gpujs:webgl2");
  });

  test("a browser without WebGL 2 and WebGPU is told so, and what needs neither", async () => {
    await at.page.addInitScript(`
      Object.defineProperty(navigator, "gpu", { value: undefined });
      for (const canvas of [HTMLCanvasElement, OffscreenCanvas]) canvas.prototype.getContext = () => null;
    `);
    await at.page.goto(at.url);
    expect(await at.call("bundle", "whyNot", "gpujs:webgl2")).toContain("it needs a browser with WebGL 2");
    expect(await at.call("bundle", "whyNot", "gpujs:webgpu")).toBe("it needs navigator.gpu with an adapter");
    const reason = await at.call<string>("bundle", "whyNot", "gpujs");
    expect(reason).toContain("gpujs:webasm and gpujs:cpu need no GPU");
    await expect(at.call("training", "learn", "gpujs", 1, 2)).rejects.toThrow(
      "the backend gpujs cannot run here: no GPU mode runs here",
    );
  });

  test("nothing failed on the way", () => {
    expect(errors).toEqual([]);
  });
});
