/** What a page's content security policy must allow, if it allows no worker. */

import { mayCompile } from "../engine.ts";

/** Everything that the policy lacks, if no worker could be started from a blob. */
export function forbiddenText(): string {
  const workers =
    "workers from blob: addresses (worker-src blob:, or worker-src 'self' with globalThis.kilnWorker set to the address of " +
    "the package's kiln.worker.js)";
  const missing = [workers, ...(mayCompile() ? [] : ["WebAssembly (script-src 'wasm-unsafe-eval')"])];
  const instead = mayGenerate()
    ? "the js backend needs none of it"
    : "the js backend needs generated code (script-src 'unsafe-eval')";
  return `the page's content security policy does not allow ${missing.join(" and ")}; ${instead}`;
}

function mayGenerate(): boolean {
  try {
    new Function("return 0");
    return true;
  } catch {
    return false;
  }
}
