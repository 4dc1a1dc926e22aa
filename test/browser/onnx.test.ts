/** The page for ONNX files as somebody uses it: drop a file, train its last layer, draw for it, save it, and open it again. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nn } from "kiln-js";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPage } from "../../examples/browser/build.ts";
import { exportOnnx, importOnnx } from "../../src/onnx/index.ts";
import { skipReason } from "./chromium.ts";
import { openServedPage, type ServedPage } from "./served-page.ts";

const VIEW = { viewport: { width: 1180, height: 1200 }, colorScheme: "light" } as const;

describe.skipIf(skipReason)("the page for ONNX files", () => {
  let served: ServedPage;
  let page: Page;

  beforeAll(async () => {
    served = await openServedPage(buildPage, "onnx.html", VIEW);
    ({ page } = served);
    await inState("empty");
  });
  afterAll(() => served?.close());

  const inState = (state: string) => served.inState(state);
  const says = (text: string) =>
    page.waitForFunction(`document.getElementById("status").textContent.includes(${JSON.stringify(text)})`);
  const atStep = (step: number) =>
    page.waitForFunction(`Number(document.getElementById("step").textContent.replace(",", "")) >= ${step}`);
  const screenshot = (name: string) => served.screenshot(name, true);

  /** Drops a file onto the page as a person would. */
  async function dropFile(name: string, bytes: Uint8Array): Promise<void> {
    const data = Buffer.from(bytes).toString("base64");
    const transfer = await page.evaluateHandle(
      `(() => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(${JSON.stringify(data)}), (c) => c.charCodeAt(0));
        transfer.items.add(new File([bytes], ${JSON.stringify(name)}));
        return transfer;
      })()`,
    );
    await page.dispatchEvent("#drop", "drop", { dataTransfer: transfer });
  }

  const digits = new nn.Sequential({
    conv: new nn.Conv2d(1, 8, 5, { stride: 2 }),
    relu: new nn.ReLU(),
    flat: new nn.Flatten(),
    fc: new nn.Linear(8 * 14 * 14, 10),
  });

  test("takes a dropped file and says what is in it", async () => {
    await dropFile(
      "digits.onnx",
      await exportOnnx(digits, { inputs: [[16, 1, 32, 32]], inputNames: ["pixels"] }),
    );
    await says("digits.onnx is ready");
    expect(await page.locator("#summary").innerText()).toContain(
      "takes pixels [16, 1, 32, 32] and tells 10 classes apart",
    );
    expect(await page.locator("#list").innerText()).toBe("conv\n208 stay\nfc\n15,690 learn");
  });

  test("trains the last layer, learns what is drawn, and guesses", async () => {
    await page.click("#toggle");
    await atStep(60);
    const box = (await page.locator("#pad").boundingBox())!;
    const stroke = async (...points: readonly (readonly [number, number])[]): Promise<void> => {
      const [first, ...rest] = points.map(
        ([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const,
      );
      await page.mouse.move(...first);
      await page.mouse.down();
      for (const point of rest) await page.mouse.move(...point, { steps: 4 });
      await page.mouse.up();
    };
    await stroke([0.3, 0.25], [0.7, 0.25], [0.45, 0.8]);
    await page.selectOption("#digit", "7");
    await page.click("#teach");
    await page.waitForFunction('document.getElementById("drawings").textContent === "1"');
    await stroke([0.3, 0.25], [0.7, 0.25], [0.45, 0.8]);
    await atStep(300);
    await page.waitForFunction('document.querySelector("#guesses .best b")?.textContent === "7"');
    await screenshot("onnx-page");
    await page.click("#toggle");
    await inState("stopped");
    expect(Number.parseFloat(await page.locator("#accuracy").innerText())).toBeGreaterThan(60);
  });

  test("saves the file: what stayed is as it was, what learned is not, and it opens again", async () => {
    const downloading = page.waitForEvent("download");
    await page.click("#save");
    const download = await downloading;
    expect(download.suggestedFilename()).toBe("digits.trained.onnx");
    const bytes = await readFile((await download.path())!);
    const trained = (await importOnnx(bytes)).stateDict();
    const before = digits.stateDict();
    expect(Object.keys(trained)).toEqual(Object.keys(before));
    expect(await trained["conv.weight"].array()).toEqual(await before["conv.weight"].array());
    expect(await trained["fc.weight"].array()).not.toEqual(await before["fc.weight"].array());
    await writeFile(join(served.folder, "again.onnx"), bytes);
    await page.setInputFiles("#file", join(served.folder, "again.onnx"));
    await says("again.onnx is ready");
  });

  test("a model of numbers learns from clusters; what is no model is one line", async () => {
    await dropFile("rows.onnx", await exportOnnx(new nn.Linear(6, 3), { inputs: [[8, 6]] }));
    await says("rows.onnx is ready");
    expect(await page.locator("#draw").isVisible()).toBe(false);
    await page.click("#toggle");
    await atStep(20);
    await page.click("#toggle");
    await inState("stopped");
    await dropFile("text.onnx", new TextEncoder().encode("no model at all"));
    await says("is not a complete ONNX model");
    await dropFile(
      "pair.onnx",
      await exportOnnx(new nn.Bilinear(2, 2, 2), {
        inputs: [
          [1, 2],
          [1, 2],
        ],
      }),
    );
    await says("pair.onnx has 2 inputs, and this page trains models of one");
  });

  test("the example is a file to begin with, in a dark room too", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    await page.click("#example");
    await says("example.onnx is ready");
    expect(await page.locator("#layers").innerText()).toContain("all layers");
    await screenshot("onnx-page-dark");
    expect(served.errors).toEqual([]);
  });
});
