/** The walkthrough works as typed: every command, in order, and what it shows; the page at its end reads digits. */

import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium, skipReason } from "../browser/chromium.ts";
import { kiln, ROOT, temporaryFolder } from "../cli/kiln.ts";
import { promised, savedIn, type Typed, typedIn } from "./walkthrough.ts";

const WALK = readFileSync(join(ROOT, "docs/walkthrough.md"), "utf8");
const folder = temporaryFolder();

/** A checkout as its reader has it, as far as the walk leads; what is written goes nowhere else. */
beforeAll(() => {
  mkdirSync(join(folder, "examples"));
  copyFileSync(join(ROOT, "examples/lenet.ts"), join(folder, "examples/lenet.ts"));
});

const typed = typedIn(WALK);
const served = typed.find(({ command }) => command.startsWith("npx tsx examples/serve.ts"));

test("the walk has what it should have", () => {
  const commands = typed.map(({ command }) => command.split(" ").slice(1, 3).join(" "));
  expect(commands).toEqual([
    ...["kiln dump", "kiln dump", "kiln dump", "kiln explore", "kiln bench"],
    ...["kiln train", "kiln build", "tsx examples/serve.ts"],
  ]);
  expect(savedIn(WALK).map(({ path }) => path)).toEqual(["lenet/index.html"]);
});

describe("as typed", () => {
  test.each(typed.filter((step) => step !== served))("$command", async ({ command, shown }: Typed) => {
    const words = command.split(" ");
    expect(words.slice(0, 2)).toEqual(["npx", "kiln"]);
    const { code, stdout, stderr } = await kiln(words.slice(2), { cwd: folder });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(promised(shown));
  });
});

describe.skipIf(skipReason)("the page", () => {
  let browser: Browser;
  let page: Page;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    for (const { path, content } of savedIn(WALK)) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    browser = await launchChromium();
    page = await browser.newPage();
    const server = await serve(served!);
    stop = server.stop;
    await page.goto(server.url);
    await page.waitForFunction("document.querySelector('canvas').onpointerup !== null");
  });
  afterAll(async () => {
    await browser?.close();
    await stop?.();
  });

  /** Serves the folder as the walk says, but on a port that is surely free. */
  async function serve({ command, shown }: Typed): Promise<{ url: string; stop: () => Promise<void> }> {
    const words = command.split(" ").slice(1);
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const args = [join(ROOT, "node_modules/tsx/dist/cli.mjs"), join(ROOT, words[1]), ...words.slice(2), "0"];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const output = await new Promise<string>((resolve) =>
      child.stdout.once("data", (text) => resolve(`${text}`)),
    );
    expect(output.replace(/:\d+\//, ":8080/")).toMatch(promised(shown));
    return {
      url: /http:\S+/.exec(output)![0],
      stop: () => {
        child.kill("SIGINT");
        return ended;
      },
    };
  }

  /** Draws strokes, given as places in parts of the canvas, and reads the page's answer. */
  async function answerTo(strokes: readonly (readonly (readonly [number, number])[])[]): Promise<string> {
    const { x, y, width, height } = (await page.locator("canvas").boundingBox())!;
    await page.getByRole("button", { name: "Clear" }).click();
    for (const [[firstX, firstY], ...rest] of strokes) {
      await page.mouse.move(x + firstX * width, y + firstY * height);
      await page.mouse.down();
      for (const [toX, toY] of rest) await page.mouse.move(x + toX * width, y + toY * height, { steps: 6 });
      await page.mouse.up();
    }
    return page.locator("output").innerText();
  }

  test("reads digits that are drawn with the mouse", async () => {
    const ring = Array.from({ length: 17 }, (_, k): [number, number] => [
      0.5 + 0.17 * Math.sin((k * Math.PI) / 8),
      0.5 - 0.28 * Math.cos((k * Math.PI) / 8),
    ]);
    expect(await answerTo([ring])).toBe("0");
    expect(
      await answerTo([
        [
          [0.42, 0.34],
          [0.52, 0.22],
          [0.5, 0.78],
        ],
      ]),
    ).toBe("1");
    expect(
      await answerTo([
        [
          [0.32, 0.22],
          [0.68, 0.22],
          [0.45, 0.78],
        ],
      ]),
    ).toBe("7");
    const four: [number, number][][] = [
      [
        [0.5, 0.2],
        [0.3, 0.58],
        [0.7, 0.58],
      ],
      [
        [0.58, 0.4],
        [0.57, 0.8],
      ],
    ];
    expect(await answerTo(four)).toBe("4");
  });
});
