#!/usr/bin/env node
/**
 * Starts the `kiln` command: from the TypeScript sources in a checkout, from `dist` in an installed package. Plain
 * JavaScript, so that it runs before anything is compiled; it lets Node import TypeScript, users' models above all.
 */

import { existsSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);
const inCheckout = existsSync(new URL("main.ts", import.meta.url));
const code = new URL(inCheckout ? "src/" : "dist/src/", root);
const extension = inCheckout ? "ts" : "js";

const typeScript = await import("tsx/esm/api").catch(() => undefined);
if (typeScript === undefined) {
  console.error("kiln: the package tsx is missing; run npm install first");
  process.exit(1);
}
typeScript.register(inCheckout ? { tsconfig: fileURLToPath(new URL("tsconfig.json", root)) } : {});
register("./model-hooks.js", import.meta.url, { data: { entry: new URL(`index.${extension}`, code).href } });

const { main } = await import(new URL(`cli/main.${extension}`, code).href);
await main(process.argv.slice(2), root);
