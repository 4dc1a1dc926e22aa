import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/**
 * Files that leave nothing behind share one process, where modules are loaded once: that takes half the time. The others
 * look at whole processes, start threads or browsers, or replace parts of the program.
 */
const SHARING = [
  ...["architecture", "check", "compare", "core", "data", "inspect", "ir", "loop", "nn", "ops", "optim"],
  ...["overview", "passes", "pytorch", "summary", "tensor", "trace", "training", "tuning"],
].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  resolve: { alias: { "kiln-js": fileURLToPath(new URL("./src/index.ts", import.meta.url)) } },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    // By default one core is left idle, which on two cores doubles the time.
    maxWorkers: "100%",
    projects: [
      { extends: true, test: { name: "shared", include: SHARING, isolate: false } },
      {
        extends: true,
        test: {
          name: "apart",
          include: ["test/**/*.test.ts"],
          exclude: SHARING,
          globalSetup: ["test/cli/built-command.ts"],
        },
      },
    ],
  },
});
