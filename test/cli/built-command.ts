/** Before the tests: builds the command as the package has it, which starts several times as fast as its sources. */

import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { buildForNode } from "../../bundle.config.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The built command's `bin.js`. */
    readonly command: string;
  }
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What the package has beside the bundle. */
const FILES = ["package.json", "src/cli/bin.js", "src/cli/model-hooks.js"];

/** Makes a package of its own below `dist`, where it finds the packages that it needs; returns what removes it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await mkdir(join(root, "dist"), { recursive: true });
  const folder = await mkdtemp(join(root, "dist/tested-"));
  for (const file of FILES) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(join(root, file), join(folder, file));
  }
  await buildForNode(join(folder, "dist/node"));
  project.provide("command", join(folder, "src/cli/bin.js"));
  return () => rm(folder, { recursive: true });
}
