/** The browser of the end-to-end tests: Debian's Chromium without a window, its GPUs being software. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Software GL and WebGPU, and none of what a browser does for its user behind his back. */
const FLAGS = [
  "--no-sandbox",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--enable-unsafe-webgpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  "--no-first-run",
];

function findChromium(): string | undefined {
  const told = process.env.KILN_CHROMIUM;
  if (told !== undefined && told !== "") {
    if (!existsSync(told)) throw new Error(`KILN_CHROMIUM names ${told}, which does not exist`);
    return told;
  }
  const folders = (process.env.PATH ?? "").split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) =>
    existsSync(file),
  );
}

const path = findChromium();
const isRequired = ["CI", "KILN_REQUIRE_BROWSER"].some(
  (name) => !["", "0"].includes(process.env[name] ?? ""),
);

/**
 * Why the browser tests are skipped, or `undefined` when they run. Where a browser is required (continuous
 * integration) they run and fail.
 */
export const skipReason =
  path === undefined && !isRequired
    ? `none of ${NAMES.join(", ")} is installed; KILN_CHROMIUM can name another`
    : undefined;

if (skipReason !== undefined) console.warn(`browser tests are skipped: ${skipReason}`);

export async function launchChromium(): Promise<Browser> {
  if (path === undefined)
    throw new Error(`these tests need a browser, and none of ${NAMES.join(", ")} is installed`);
  return chromium.launch({ executablePath: path, args: FLAGS });
}
