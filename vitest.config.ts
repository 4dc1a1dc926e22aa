import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { isWhole } from "./test/support/extent.ts";

const folders = (...names: readonly string[]): string[] => names.map((name) => `test/${name}/**/*.test.ts`);
const TRAINING = folders("optim", "pytorch", "training");

/** These look at whole processes, start browsers, or build what a user would get. */
const END_TO_END = [
  ...folders("aot", "bench", "browser", "cli", "docs", "examples", "package", "tutorials"),
  "test/backends/wasm/thread-life.test.ts",
  "test/runtime/debug.test.ts",
];

/** What takes longer than what it alone would find is worth at every run of `npm test`. */
const WHOLE_ONLY = [
  "test/aot/{catalogue,interface,loops,stand-alone}.test.ts",
  "test/backends/c/{life,sanitized}.test.ts",
  "test/bench/compare.test.ts",
  "test/browser/{compare,debugging,example,explorer,gpu,live,onnx,samples,stand-alone,wasm,zoo}.test.ts",
  "test/cli/{bench,build,c-backend,check,dump,dump-from,explore,lost-output,resume,train-own}.test.ts",
  "test/docs/walkthrough.test.ts",
  "test/examples/zoo.test.ts",
  "test/loop/parse-programs.test.ts",
  "test/package/packed.test.ts",
  "test/passes/scheduling/winograd{,-accuracy,-outliers}.test.ts",
  "test/runtime/debug.test.ts",
  "test/tutorials/examples.test.ts",
  "test/types/completion.test.ts",
];
const exclude = isWhole ? [] : WHOLE_ONLY;

const SETUP = "test/support/inside-checkout.ts";
/** Files that leave nothing behind share one process, where modules are loaded once: that takes half the time. */
const oneProcess = { isolate: false, setupFiles: [SETUP, "test/support/seed.ts"] };

export default defineConfig({
  resolve: {
    alias: {
      "kiln-js/onnx": fileURLToPath(new URL("./src/entries/onnx.ts", import.meta.url)),
      "kiln-js": fileURLToPath(new URL("./src/index.ts", import.meta.url)),
    },
  },
  test: {
    // Far beyond what any test takes: a machine that is busy with other things makes no test fail.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    setupFiles: [SETUP],
    pool: "forks",
    // By default one core is left idle, which on two cores doubles the time.
    maxWorkers: "100%",
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...TRAINING, ...END_TO_END, ...exclude],
          ...oneProcess,
        },
      },
      { extends: true, test: { name: "training", include: TRAINING, exclude, ...oneProcess } },
      {
        extends: true,
        test: {
          name: "end-to-end",
          include: END_TO_END,
          exclude,
          globalSetup: ["test/cli/built-command.ts"],
        },
      },
    ],
  },
});
