/** The example page as somebody uses it: start, watch the loss fall, pause, read what was compiled, change backends. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPage } from "../../examples/browser/build.ts";
import { skipReason } from "./chromium.ts";
import { openServedPage, type ServedPage } from "./served-page.ts";

const VIEW = { viewport: { width: 1180, height: 1200 }, colorScheme: "light" } as const;

describe.skipIf(skipReason)("the example page", () => {
  let served: ServedPage;
  let page: Page;

  beforeAll(async () => {
    served = await openServedPage(buildPage, "", VIEW);
    ({ page } = served);
    await inState("stopped");
  });
  afterAll(() => served?.close());

  const inState = (state: string) => served.inState(state);
  const number = async (id: string): Promise<number> =>
    Number((await page.locator(`#${id}`).innerText()).replace(/[^\d.]/g, ""));
  const atStep = (step: number) =>
    page.waitForFunction(`Number(document.getElementById("step").textContent) >= ${step}`);
  const screenshot = (name: string) => served.screenshot(name, true);

  test("takes the default backend, with threads where there are processors for them", async () => {
    expect(await page.evaluate("crossOriginIsolated")).toBe(true);
    expect(await page.locator("#backend").inputValue()).toBe("wasm");
  });

  test("trains without freezing, and the loss falls", async () => {
    await page.click("#toggle");
    await atStep(1);
    const first = await number("loss");
    // Each answer needs the page's own thread: a page that waits for its steps gives few.
    const seen = new Set<number>();
    do {
      seen.add(await number("step"));
      await page.waitForTimeout(5);
    } while (Math.max(...seen) < 600);
    expect(seen.size).toBeGreaterThan(30);
    expect(await number("loss")).toBeLessThan(first);
    expect(await number("accuracy")).toBeGreaterThan(40);
  });

  test("pauses where it is", async () => {
    await page.click("#toggle");
    await inState("stopped");
    const step = await number("step");
    await page.waitForTimeout(300);
    expect(await number("step")).toBe(step);
    expect(await page.locator("figure.right").count()).toBeGreaterThan(15);
    expect(await page.locator("#chart polyline.smooth").getAttribute("points")).toMatch(
      /^([\d.]+,[\d.]+ ?){50,}$/,
    );
  });

  test("tells what a digit is that somebody draws, and on how many threads it runs", async () => {
    const box = (await page.locator("#pad").boundingBox())!;
    // A one, to the left and above of the middle, much smaller than the sheet: it is centred and scaled.
    const [x, y] = [box.x + box.width * 0.3, box.y + box.height * 0.15];
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let k = 1; k <= 10; k++) await page.mouse.move(x - k / 2, y + (k * box.height) / 25);
    await page.mouse.up();
    await expect.poll(() => page.locator("#guesses .best b").innerText()).toBe("1");
    const shares = (await page.locator("#guesses span").allInnerTexts()).map(Number.parseFloat);
    expect(shares).toHaveLength(10);
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(100, 0);
    expect(await page.locator("#ability").innerText()).toMatch(/threads?\b/);
    await page.click("#clear");
    expect(await page.locator("#guesses .best").count()).toBe(0);
  });

  test("shows kernels, stages and the model's lines", async () => {
    const kernels = await page.locator("#names button").allInnerTexts();
    // Independent kernels are joined into one, named after the first.
    expect(kernels.some((name) => name.startsWith("conv2d_relu_max_pool2d"))).toBe(true);
    expect(await page.locator("#source").innerText()).toContain("(func $");
    expect(await page.locator("#caption").innerText()).toMatch(/lenet\.js:\d+ conv1/);
    await page.click("#stages-tab");
    await page.getByRole("button", { name: "fuse", exact: true }).click();
    expect(await page.locator("#source").innerText()).toContain("conv2d");
    await page.click("#model-tab");
    expect(await page.locator("#source").innerText()).toContain("class extends nn.Module");
  });

  test("is there in light and dark", async () => {
    await page.click("#kernels-tab");
    await page.hover("#chart");
    const background = (): Promise<string> =>
      page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await background();
    await screenshot("example-light");
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await background()).not.toBe(light);
    await screenshot("example-dark");
    await page.setViewportSize({ width: 420, height: 900 });
    await screenshot("example-narrow");
    const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate(overflow)).toBe(0);
    await page.setViewportSize({ width: 1180, height: 1200 });
  });

  test("another backend goes on from what the first has learned", async () => {
    const [step, loss] = [await number("step"), await number("loss")];
    await page.selectOption("#backend", "gpujs:webgl2");
    await page.click("#toggle");
    await atStep(step + 2);
    expect(await page.locator("#status").innerText()).toBe("Training on gpujs:webgl2");
    // Not the loss of random weights, 2.3.
    expect(await number("loss")).toBeLessThan(Math.max(1.8, 2 * loss));
    // A GPU of software is slower than wasm by far.
    await page.waitForSelector("#warning:not([hidden])");
    expect(await page.locator("#warning").innerText()).toMatch(/^gpujs:webgl2 is slower than wasm here/);
    await screenshot("example-warning");
    await page.click("#toggle");
    await inState("stopped");
  });

  test("starts again with new weights", async () => {
    await page.click("#reset");
    await page.waitForFunction(`document.getElementById("step").textContent === "0"`);
    expect(await page.locator("figure.right, figure.wrong").count()).toBe(0);
  });

  test("needs no other server and raises no error", () => {
    expect(served.elsewhere).toEqual([]);
    expect(served.errors).toEqual([]);
  });
});
