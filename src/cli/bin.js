#!/usr/bin/env node
/**
 * Starts the `kiln` command: from the TypeScript sources in a checkout, from `dist` in an installed package. Plain
 * JavaScript, so that it runs before anything is compiled; it lets Node import TypeScript, users' models above all.
 */

import { existsSync } from "node:fs";
import module, { register } from "node:module";
import { fileURLToPath } from "node:url";

// Node 22 and later keep the compiled code from run to run, in the folder for temporary files: a seventh of the start.
module.enableCompileCache?.();

const root = new URL("../../", import.meta.url);
const inCheckout = existsSync(new URL("main.ts", import.meta.url));
const [command, library] = inCheckout
  ? ["src/cli/main.ts", "src/index.ts"]
  : ["dist/node/main.js", "dist/node/kiln.js"];

// Node strips types by itself from 22.18 on; tsx, where it is installed, reads all of TypeScript.
const typeScript = await import("tsx/esm/api").catch(() => undefined);
if (typeScript === undefined && inCheckout) {
  console.error("kiln: the package tsx is missing; run npm install first");
  process.exit(1);
}
typeScript?.register(inCheckout ? { tsconfig: fileURLToPath(new URL("tsconfig.json", root)) } : {});
register("./model-hooks.js", import.meta.url, {
  data: {
    entry: new URL(library, root).href,
    built: new URL("dist/node/", root).href,
    hasTsx: typeScript !== undefined,
  },
});

const { main } = await import(new URL(command, root).href);
await main(process.argv.slice(2), root);
