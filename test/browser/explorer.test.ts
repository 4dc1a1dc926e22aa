/** The explorer in a browser: used with the mouse, with only the keyboard, and on a malicious model. */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { STAGES } from "../../passes/pipeline.ts";
import { launchChromium, skipReason } from "./chromium.ts";

/** The folder for screenshots, for people to look at. */
const SCREENSHOTS = join(tmpdir(), "kiln-screenshots");

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A model whose file name, module names and source try to inject markup and scripts. */
const HOSTILE_FILE = "<img src=x onerror=alert(1)>.ts";
const HOSTILE_MODEL = `
import { nn } from "kiln-js";
// </script><script>document.title = "owned"</script><!-- <b onclick=alert(1)>
export default new nn.Sequential({
  "<img src=x onerror=alert(2)>": new nn.Linear(4, 3),
  "'];alert(3);//": new nn.ReLU(),
});
export const inputs = [[2, 4]];
`;

describe.skipIf(skipReason)("the explorer", () => {
  let folder: string;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  const requests: string[] = [];

  async function explorerOf(model: string, name: string, ...args: string[]): Promise<string> {
    const out = join(folder, `${name}.html`);
    await promisify(execFile)(
      process.execPath,
      [inject("command"), "explore", model, "--no-open", "--out", out, ...args],
      { cwd: here("../..") },
    );
    return pathToFileURL(out).href;
  }

  async function open(url: string, colorScheme: "light" | "dark" = "light"): Promise<Page> {
    const opened = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme });
    opened.on("pageerror", ({ message }) => errors.push(message));
    opened.on("console", (message) => errors.push(message.text()));
    opened.on("dialog", (dialog) => {
      errors.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    opened.on("request", (request) => requests.push(request.url()));
    await opened.goto(url);
    await opened.waitForSelector("html[data-ready]");
    return opened;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kiln-explorer-"));
    await mkdir(SCREENSHOTS, { recursive: true });
    browser = await launchChromium();
    const url = await explorerOf("examples/lenet.ts", "lenet", "--batch-size", "4", "--seconds", "0.2");
    page = await open(url);
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const texts = (selector: string): Promise<string[]> => page.locator(selector).allInnerTexts();
  // textContent, not innerText: kernels outside the visible area are not laid out.
  const litKernels = (pane: number): Promise<string[]> =>
    page.locator(".code").nth(pane).locator(".kernel.lit .label").allTextContents();
  const stage = (): Promise<string> => page.locator(".stages strong").innerText();
  const status = (): Promise<string> => page.locator('footer [role="status"]').innerText();
  const sourceLine = (line: number) => page.locator(".source .line").nth(line - 1);

  test("shows source, IR, graph, both backends' code, memory and kernels, and loads nothing", async () => {
    const headings = await texts(".pane:not([hidden]) h2");
    expect(headings).toEqual([
      ...["examples/lenet.ts", "IR: layout", "Graph", "Code: wasm", "Code: js"],
      ...["Kernels: wasm", "Memory over time: wasm"],
    ]);
    expect(await page.locator(".picture g.op").count()).toBeGreaterThan(50);
    expect(await texts(".kernels .summary")).toEqual([
      expect.stringMatching(/^One run takes [\d.]+ [mµ]s; the sum over all kernels is .* Measured on /),
    ]);
    expect(requests.filter((url) => !url.startsWith("file:") && url !== "data:,")).toEqual([]);
    await page.screenshot({ path: join(SCREENSHOTS, "explorer-light.png") });
  });

  test("pointing at a line of the model highlights what came from it, until the pointer leaves", async () => {
    await sourceLine(21).hover();
    const nodes = await texts(".ir .line.lit");
    expect(nodes.length).toBeGreaterThan(5);
    for (const node of nodes.filter((text) => text.includes(" at "))) expect(node).toContain("lenet.ts:21");
    expect(await litKernels(1)).toEqual(
      expect.arrayContaining(["linear_relu_2", "matmul_2", "sum_2", "matmul_relu_grad_2"]),
    );
    expect(await page.locator(".picture g.lit").count()).toBeGreaterThan(5);
    expect(await page.locator(".memory .buffer.lit").count()).toBeGreaterThan(2);
    expect(await status()).toBe("examples/lenet.ts:21 x = F.relu(this.fc2.forward(x));");
    await page.locator("h1").hover();
    expect(await page.locator(".lit").count()).toBe(0);
  });

  test("a clicked kernel is scrolled into view and stays highlighted until Escape", async () => {
    const code = page.locator(".code").nth(1);
    await code
      .locator(".kernel", { hasText: "matmul_2: matmul" })
      .first()
      .click({ position: { x: 30, y: 8 } });
    await page.locator("h1").hover();
    expect(await litKernels(1)).toEqual(["matmul_2"]);
    // With several threads it runs as part of a larger kernel.
    const [whole, ...others] = await page.locator(".code").nth(0).locator(".kernel.lit").allTextContents();
    expect(others).toEqual([]);
    expect(whole).toMatch(/\bmatmul_2\b/);
    await expect.poll(() => isInSight(".code .kernel.lit .name")).toBe(true);
    expect(await texts(".kernels .row.lit .kernel-name")).toEqual(await litKernels(0));
    expect(await isInSight(".kernels .row.lit")).toBe(true);
    const groups = await texts(".ir .line.lit");
    expect(groups.map((line) => line.trim())).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^%\d+: .* = matmul\(/),
        expect.stringMatching(/^group matmul:/),
      ]),
    );
    expect(await texts(".source .line.lit")).toEqual([expect.stringContaining("this.fc2.forward(x)")]);
    await page.keyboard.press("Escape");
    expect(await page.locator(".lit").count()).toBe(0);
  });

  /** Whether the first matching element is visible in the list that contains it. */
  const isInSight = (selector: string): Promise<boolean> =>
    page.evaluate(`(() => {
      const item = document.querySelector(${JSON.stringify(selector)});
      const [box, view] = [item.getBoundingClientRect(), item.closest(".list").getBoundingClientRect()];
      return box.bottom > view.top && box.top < view.bottom;
    })()`);

  test("panes, lines and stages can be reached with the keyboard alone", async () => {
    await page.locator("input[type=range]").focus();
    for (let k = 0; k < 2; k++) await page.keyboard.press("ArrowLeft");
    expect(await stage()).toBe("partition");
    await page.keyboard.press("Home");
    expect(await stage()).toBe("trace");
    expect(await page.locator(".ir h2").innerText()).toBe("IR: trace");
    expect(await page.evaluate("location.hash")).toBe("#backend=wasm&stage=trace");

    const reached: string[] = [];
    for (let k = 0; k < 40 && reached.length < 7; k++) {
      await page.keyboard.press("Tab");
      const label: string | null = await page.evaluate(`(() => {
        const at = document.activeElement.shadowRoot?.activeElement ?? document.activeElement;
        return at.getAttribute("role") === "listbox" ? at.getAttribute("aria-label") : null;
      })()`);
      if (label !== null) reached.push(label);
    }
    expect(reached).toEqual([
      ...["examples/lenet.ts", "IR: trace", "Graph", "Code: wasm", "Code: js"],
      ...["Kernels: wasm", "Memory over time: wasm"],
    ]);

    await page.locator(".ir .list").focus();
    for (let k = 0; k < 2; k++) await page.keyboard.press("ArrowDown");
    expect(await status()).toMatch(/^%0: .* = conv2d\(%x/);
    const active = await page.locator(".ir .list").getAttribute("aria-activedescendant");
    expect(await page.locator(`#${active}`).innerText()).toContain("= conv2d(%x");
    expect(await texts(".source .line.lit")).toEqual([expect.stringContaining("this.conv1.forward(x)")]);
    await page.keyboard.press("]");
    expect(await stage()).toBe("canonicalize");
    await page.keyboard.press("Escape");
  });

  test("the slider moves through all stages, and the changes of a pass are marked", async () => {
    const slider = page.locator("input[type=range]");
    const seen: string[] = [];
    await slider.focus();
    await page.keyboard.press("Home");
    for (;;) {
      seen.push(await stage());
      if (seen.length === STAGES.length) break;
      await page.keyboard.press("ArrowRight");
    }
    expect(seen).toEqual(STAGES.map(({ name }) => name));
    await page.getByRole("button", { name: "simplify" }).click();
    expect(await page.locator(".ir .line.removed").first().isVisible()).toBe(true);
    await page.getByRole("button", { name: "changes" }).click();
    expect(await page.locator(".ir .line.removed").first().isVisible()).toBe(false);
    await page.getByRole("button", { name: "changes" }).click();
    await page.locator(".names").getByRole("button", { name: "schedule" }).click();
    expect(await page.locator(".ir .kernel").count()).toBeGreaterThan(20);
  });

  test("another backend has its own kernels, memory and times", async () => {
    const kernels = await texts(".kernels .kernel-name");
    await page.locator("#backend").selectOption("js");
    expect(await texts(".kernels .kernel-name")).not.toEqual(kernels);
    expect(await texts(".kernels h2")).toEqual(["Kernels: js"]);
    expect(await page.locator(".memory .buffer").count()).toBeGreaterThan(20);
  });

  test("kernels can be sorted by time, panes hidden and enlarged", async () => {
    await page.getByRole("button", { name: "Slowest first" }).click();
    const shares = (await texts(".kernels .row:not(.head) span:nth-child(4)")).map(Number.parseFloat);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    await page.getByRole("button", { name: "Graph", exact: true }).click();
    expect(await page.locator(".picture").isVisible()).toBe(false);
    await page.getByRole("button", { name: "Graph", exact: true }).click();
    const memory = page.locator(".memory");
    await memory.getByRole("button", { name: /^Enlarge/ }).click();
    expect((await memory.boundingBox())!.height).toBeGreaterThan(850);
    await memory.locator(".buffer", { hasText: "max_pool2d:" }).first().hover();
    expect(await memory.locator(".lit").count()).toBe(1);
    expect((await litKernels(1)).length).toBeGreaterThan(1);
    await page.screenshot({ path: join(SCREENSHOTS, "explorer-memory.png") });
    await page.keyboard.press("Escape");
    expect((await memory.boundingBox())!.height).toBeLessThan(700);
  });

  test("groups of the graph open and close by button and keyboard, and stay so in other stages", async () => {
    const toggle = (title: string) => page.locator(".picture .toggle").filter({ hasText: new RegExp(title) });
    await page.getByRole("button", { name: "Close all groups" }).click();
    expect(await page.locator(".picture g.op, .picture g.kernel").count()).toBeLessThan(5);
    expect(await page.locator(".picture g.closed").count()).toBeGreaterThan(8);
    await toggle("^Open conv1$").first().click();
    expect(await toggle("^Close conv1$").count()).toBe(1);
    await sourceLine(16).hover();
    expect(await page.locator(".picture g.closed.lit").count()).toBeGreaterThan(0);
    await page.locator("h1").hover();
    await page.keyboard.press("]");
    await page.keyboard.press("[");
    expect(await toggle("^Close conv1$").count()).toBe(1);
    await page.getByRole("button", { name: "Open all groups" }).click();
    expect(await page.locator(".picture g.closed").count()).toBe(0);
    expect(await page.locator(".picture g.kernel").count()).toBeGreaterThan(20);
  });

  test("the search marks matches in all panes and steps through them, and the legend opens", async () => {
    await page.locator(".ir .list").focus();
    await page.keyboard.press("/");
    await page.keyboard.type("max_pool2d");
    expect(await page.locator(".search span").innerText()).toMatch(/^\d+ found$/);
    for (const pane of ["ir", "picture", "code", "kernels", "memory"])
      expect(await page.locator(`.${pane} .found`).count(), pane).toBeGreaterThan(0);
    await page.keyboard.press("Enter");
    expect(await page.locator(".search span").innerText()).toMatch(/^1 of \d+ found$/);
    expect(await page.locator(".subject").count()).toBe(1);
    await page.keyboard.press("Escape");
    expect(await page.locator(".found").count()).toBe(0);
    await page.getByRole("button", { name: "Colours, terms and keys" }).click();
    expect(await page.locator("dialog").innerText()).toContain("fusion");
    await page.screenshot({ path: join(SCREENSHOTS, "explorer-legend.png") });
    await page.keyboard.press("Escape");
    expect(await page.locator("dialog").isVisible()).toBe(false);
    await page.keyboard.press("Escape");
  });

  test.each([1440, 1920, 2560])("no row of panes is left half empty at %d pixels", async (width) => {
    await page.setViewportSize({ width, height: 1080 });
    await expect
      .poll(async () => {
        const boxes = await Promise.all(
          (await page.locator(".pane").all()).map((pane) => pane.boundingBox()),
        );
        const ends = new Map<number, number>();
        for (const box of boxes) if (box) ends.set(box.y, Math.max(ends.get(box.y) ?? 0, box.x + box.width));
        return Math.min(...ends.values());
      })
      .toBeGreaterThan(width - 40);
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test("follows the dark colour scheme, opens the stage in its address, and fits a narrow screen", async () => {
    const dark = await open(`${page.url().replace(/#.*/, "")}#backend=js&stage=fuse`, "dark");
    expect(await dark.locator(".stages strong").innerText()).toBe("fuse");
    expect(await dark.locator("#backend").inputValue()).toBe("js");
    const background: string = await dark.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(
      background
        .match(/\d+/g)!
        .map(Number)
        .every((part) => part < 60),
    ).toBe(true);
    await dark.screenshot({ path: join(SCREENSHOTS, "explorer-dark.png") });
    await dark.evaluate("location.hash = '#backend=wasm&stage=dce'");
    await dark.waitForFunction("document.querySelector('.stages strong').textContent === 'dce'");
    expect(await dark.locator("#backend").inputValue()).toBe("wasm");
    await dark.setViewportSize({ width: 400, height: 850 });
    expect(await dark.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(400);
    await dark.screenshot({ path: join(SCREENSHOTS, "explorer-narrow.png") });
    await dark.close();
  });

  test("shows a malicious model as plain text", async () => {
    const model = join(folder, HOSTILE_FILE);
    await writeFile(model, HOSTILE_MODEL);
    const hostile = await open(await explorerOf(model, "hostile", "--seconds", "0", "--mode", "forward"));
    expect(await hostile.title()).toBe(`${HOSTILE_FILE} – Kiln`);
    expect(await hostile.locator("h1").innerText()).toBe(HOSTILE_FILE);
    expect(await hostile.locator("img").count()).toBe(0);
    expect(await hostile.locator(".source .text").nth(2).innerText()).toContain(
      "</script><script>document.title",
    );
    for (const name of ["trace", "layout", "schedule", "source"]) {
      await hostile.locator(".names").getByRole("button", { name }).click();
      expect(await hostile.locator("img, [onclick], [onerror]").count()).toBe(0);
    }
    await hostile.close();
  });

  test("no page reported an error", () => {
    expect(errors).toEqual([]);
  });
});
