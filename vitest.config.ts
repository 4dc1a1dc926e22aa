import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { isWhole } from "./test/support/extent.ts";

const folders = (...names: readonly string[]): string[] => names.map((name) => `test/${name}/**/*.test.ts`);
/** Files that leave nothing behind share one process, where modules are loaded once: that takes half the time. */
const UNIT = folders(
  ...[
    "architecture",
    "check",
    "compare",
    "core",
    "data",
    "inspect",
    "ir",
    "loop",
    "nn",
    "onnx",
    "ops",
    "overview",
  ],
  ...["passes", "summary", "tensor", "trace", "tuning"],
);
const TRAINING = folders("optim", "pytorch", "training");

/** These look at whole processes, start browsers, or build what a user would get. */
const END_TO_END = [
  ...folders("aot", "bench", "browser", "cli", "docs", "examples", "package", "tutorials"),
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
  "test/passes/scheduling/winograd-{accuracy,outliers}.test.ts",
  "test/runtime/debug.test.ts",
  "test/tutorials/examples.test.ts",
];
const exclude = isWhole ? [] : WHOLE_ONLY;

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
    setupFiles: ["test/support/inside-checkout.ts"],
    pool: "forks",
    // By default one core is left idle, which on two cores doubles the time.
    maxWorkers: "100%",
    projects: [
      { extends: true, test: { name: "unit", include: UNIT, exclude, isolate: false } },
      { extends: true, test: { name: "training", include: TRAINING, exclude, isolate: false } },
      {
        extends: true,
        test: {
          name: "apart",
          include: ["test/**/*.test.ts"],
          exclude: [...UNIT, ...TRAINING, ...END_TO_END, ...exclude],
        },
      },
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
