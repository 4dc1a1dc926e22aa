/** The live page as somebody uses it, from a subfolder of a plain static server: edit, watch, err, mend. */

import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildLivePage } from "../../site/live-page.ts";
import { skipReason } from "./chromium.ts";
import { openServedPage, type ServedPage } from "./served-page.ts";

/** A model that compiles in an instant. */
const SMALL = `import { data, linspace, nn, type Tensor } from "kiln-js";
const x = linspace(-1, 1, 64).unsqueeze(1);
export default class Small extends nn.Module {
  fc = new nn.Linear(1, 1);
  override forward(x: Tensor): Tensor {
    return this.fc.forward(x);
  }
}
export const inputs = [[16, 1]];
export const loss = new nn.MSELoss();
const line = new data.TensorDataset(x, x.mul(3));
export const dataset = { train: line, test: line };
`;

describe.skipIf(skipReason)("the live page", () => {
  let served: ServedPage;
  let page: Page;

  beforeAll(async () => {
    served = await openServedPage(
      (folder) => buildLivePage(join(folder, "some/where")),
      "some/where/index.html",
      { viewport: { width: 1440, height: 900 } },
      {},
    );
    ({ page } = served);
  });
  afterAll(() => served?.close());

  const inState = (state: string) => served.inState(state);
  const text = (id: string): Promise<string> => page.locator(`#${id}`).innerText();
  const number = async (id: string): Promise<number> => Number((await text(id)).replace(/[^\d.e-]/g, ""));
  const atStep = (step: number) =>
    page.waitForFunction(`Number(document.getElementById("step").textContent.replace(",", "")) >= ${step}`);
  const marked = (className: string): Promise<string[]> =>
    page.locator(`.cm-line.${className}`).allInnerTexts();

  /** Replaces the model as a paste does, which indents nothing. */
  async function write(source: string): Promise<void> {
    await page.locator(".cm-content").click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.insertText(source);
    await inState("compiling");
  }

  test("compiles and trains the first model as it opens", async () => {
    await inState("training");
    expect(await text("summary")).toMatch(/^LeNet: .* in \d+ kernels for wasm/);
    await atStep(60);
    expect(await number("loss")).toBeLessThan(2.3);
    await served.screenshot("live");
  });

  test("shows which lines a kernel comes from, and which kernels come from a line", async () => {
    await page.locator("#names button", { hasText: "linear_relu" }).first().click();
    expect(await marked("is-source")).toEqual(["    x = F.relu(this.fc1.forward(x));"]);
    expect(await text("text")).toContain("model.ts:15 fc1");
    await page.locator(".cm-line", { hasText: "this.conv1.forward" }).click();
    const names = await page.locator("#names button.is-source").allInnerTexts();
    expect(names.length).toBeGreaterThan(0);
    expect(names.join("")).toContain("conv2d_relu_");
  });

  test("shows every stage", async () => {
    await page.locator("#stages-tab").click();
    const names = await page.locator("#names .name").allInnerTexts();
    expect(names.slice(0, 2)).toEqual(["trace", "canonicalize"]);
    expect(names.at(-1)).toBe("source");
    await page.locator("#names button", { hasText: "autodiff" }).click();
    expect(await text("text")).toContain("graph lenet(");
    await page.locator("#kernels-tab").click();
  });

  test("pauses, and goes on", async () => {
    await page.locator("#toggle").click();
    await inState("paused");
    await page.waitForTimeout(150);
    const step = await number("step");
    await page.waitForTimeout(150);
    expect(await number("step")).toBe(step);
    await page.locator("#toggle").click();
    await atStep(step + 1);
  });

  test("runs what is typed, as JavaScript loops too", async () => {
    await write(SMALL);
    await inState("training");
    expect(await text("summary")).toMatch(/^Small: .* for wasm/);
    await page.locator("#backend").selectOption("js");
    await inState("training");
    await atStep(100);
    expect(await number("loss")).toBeLessThan(0.5);
    expect(await text("text")).toContain("for (");
  });

  test.each([
    ["a shape that does not fit", "new nn.Linear(1, 1)", "new nn.Linear(2, 1)", 6, /linear/i],
    ["an option that is wrong", "new nn.Linear(1, 1)", "new nn.Linear(-1, 1)", 4, /Linear/],
    ["a name that is not there", "this.fc.forward", "this.fd.forward", 6, /^TypeError: /],
    ["a text that is no TypeScript", "class Small extends", "class Small extend", 3, /not TypeScript/],
  ])("says in one line what is wrong: %s", async (_, before, after, line, message) => {
    await write(SMALL.replace(before, after));
    await inState("failed");
    expect(await text("failure-text")).toMatch(message);
    expect((await text("failure-text")).split("\n")).toHaveLength(1);
    expect(await text("failure-line")).toBe(`line ${line}`);
    expect(await marked("is-wrong")).toEqual([SMALL.replace(before, after).split("\n")[line - 1]]);
  });

  test("asks for a dataset where its digits do not fit", async () => {
    await write(SMALL.replace("export const dataset", "const dataset"));
    await inState("failed");
    expect(await text("failure-text")).toMatch(/export a dataset/);
  });

  test("outlives a model that never ends", async () => {
    await write(SMALL.replace("    return", "    for (;;) {}\n    return"));
    await page.waitForTimeout(200);
    await write(SMALL);
    await inState("training");
    await atStep(10);
  });

  test.each(["Residual net with batch norm", "Transformer writes on", "A curve by an MLP"])(
    "%s",
    async (title) => {
      await page.locator("#backend").selectOption("wasm");
      await page.locator("#models").selectOption(title);
      await inState("training");
      await atStep(1);
    },
  );

  test("no error went unnoticed, and nothing came from elsewhere", () => {
    expect(served.errors).toEqual([]);
    expect(served.elsewhere).toEqual([]);
  });
});
