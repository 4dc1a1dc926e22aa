/** The `kiln` command: finds the command that is meant, runs it, and reports errors in one line. */

import { setImmediate } from "node:timers/promises";
import { KilnError } from "../core/errors.ts";
import { suggestion } from "../core/suggestion.ts";
import { currentDebug, DEBUG_LEVELS } from "../runtime/inspection/debug.ts";
import { type Command, helpText, parseCommand, table } from "./command.ts";
import { reportText } from "./report.ts";
import { checkOutput, watchOutput } from "./standard-output.ts";
import { packageVersion } from "./version.ts";

/** The commands, loaded only when they are asked for. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import("./train/train.ts")).train,
  summary: async () => (await import("./summary.ts")).summaryCommand,
  dump: async () => (await import("./dump/dump.ts")).dump,
  explore: async () => (await import("./explore/explore.ts")).explore,
  bench: async () => (await import("./bench/bench.ts")).bench,
  build: async () => (await import("./build/build.ts")).build,
  backends: async () => (await import("./backends.ts")).backendsCommand,
  check: async () => (await import("./check.ts")).check,
};

/** Runs `kiln` with the arguments `argv`; `root` is the package's folder. Sets the process's exit code. */
export async function main(argv: readonly string[], root: URL): Promise<void> {
  Error.stackTraceLimit = 50; // deep enough for the user's line below Kiln's own
  watchOutput();
  currentDebug(); // reports at once if the variable is invalid
  // A promise that a model does not await (`x.item()` in forward) fails where nothing catches it.
  process.on("unhandledRejection", (error) => fail(error, root));
  try {
    await dispatch(argv, root);
    await checkOutput();
  } catch (error) {
    await setImmediate();
    fail(error, root);
  }
}

function fail(error: unknown, root: URL): never {
  console.error(reportText(error, root));
  process.exit(1);
}

async function dispatch([name, ...rest]: readonly string[], root: URL): Promise<void> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(await overview());
    return;
  }
  if (name === "--version" || name === "-v") {
    console.log(await packageVersion(root));
    return;
  }
  const names = Object.keys(COMMANDS);
  if (!names.includes(name)) {
    const what = name.startsWith("-") ? "option" : "command";
    const hint = suggestion(name, [...names, "--help", "--version"]);
    throw new KilnError(
      `there is no ${what} ${name}${hint}; the commands are ${names.join(", ")}, and kiln --help tells more`,
    );
  }
  const command = await COMMANDS[name]();
  const given = parseCommand(command, rest);
  if (given.has("help")) console.log(helpText(command));
  else await command.run(given, root);
}

async function overview(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return [
    "kiln COMMAND [options]",
    "Compiles neural networks written in TypeScript, trains them, and shows every step of the compilation.",
    `Commands\n${table(commands.map(({ name, summary }) => [name, summary]))}`,
    `Options\n${table([
      ["--help", "show this text; kiln COMMAND --help shows a command's options"],
      ["--version", "show the version"],
    ])}`,
    `KILN_DEBUG in the environment makes it say more; each level includes those before it\n${table(Object.entries(DEBUG_LEVELS))}`,
    "Example\n  kiln train examples/lenet.ts",
  ].join("\n\n");
}
