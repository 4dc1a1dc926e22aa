/** How command lines are taken apart, without a process: help texts, and one message for each mistake. */

import { describe, expect, it } from "vitest";
import { STAGES } from "../../passes/pipeline.ts";
import { backendsCommand } from "../../src/cli/backends.ts";
import { build } from "../../src/cli/build/build.ts";
import { check } from "../../src/cli/check.ts";
import { type Command, helpText, parseCommand } from "../../src/cli/command.ts";
import { dump } from "../../src/cli/dump/dump.ts";
import { train } from "../../src/cli/train/train.ts";
import { KilnError } from "../../src/core/errors.ts";

const HERE = new URL("../../", import.meta.url);

/** Takes a command line apart and runs it; for those that fail before any file is opened. */
async function run(command: Command, args: readonly string[]): Promise<void> {
  await command.run(parseCommand(command, args), HERE);
}

const MISTAKES: readonly (readonly [Command, readonly string[], string])[] = [
  [train, [], "kiln train needs a MODEL: a .ts, .js or .mjs file"],
  [dump, ["a.ts", "b.ts"], 'kiln dump does not know what to do with "b.ts"'],
  [train, ["a.ts", "--rewind", "x"], "kiln train has no option --rewind; its options are --data, --epochs"],
  [train, ["a.ts", "-q"], "kiln train has no option -q; its options are"],
  [backendsCommand, ["--json"], "kiln backends has no option --json; its options are --help"],
  [train, ["a.ts", "--lr"], "--lr needs a value: --lr X"],
  [train, ["a.ts", "--lr="], "--lr needs a value: --lr X"],
  [dump, ["a.ts", "--all=yes"], '--all takes no value, but is given "yes"'],
  [train, ["a.ts", "--lr", "1", "--lr", "2"], "--lr is given twice"],
  [train, ["a.ts", "--lr", "-1"], '--lr must be a positive number, not "-1"'],
  [train, ["a.ts", "--lr", "0"], '--lr must be a positive number, not "0"'],
  [train, ["a.ts", "--lr", "Infinity"], '--lr must be a positive number, not "Infinity"'],
  [train, ["a.ts", "--lr", "1e999"], '--lr must be a positive number, not "1e999"'],
  [train, ["a.ts", "--decay", "x"], '--decay must be a positive number, not "x"'],
  [train, ["a.ts", "--momentum", "-0.5"], '--momentum must be a number of at least 0, not "-0.5"'],
  [train, ["a.ts", "--weight-decay", " "], '--weight-decay must be a number of at least 0, not " "'],
  [train, ["a.ts", "--epochs", "0"], '--epochs must be a whole number of at least 1, not "0"'],
  [train, ["a.ts", "--batch-size", "2.5"], '--batch-size must be a whole number of at least 1, not "2.5"'],
  [train, ["a.ts", "--seed", "1e17"], '--seed must be a whole number of at least 0, not "1e17"'],
  [train, ["a.ts", "--threads", "0"], '--threads must be a whole number of at least 1, not "0"'],
  [
    train,
    ["a.ts", "--optimizer", "adan"],
    '--optimizer must be one of sgd, adam, adamw, nadam, radam, adamax, rmsprop, adagrad, adadelta, not "adan" (did you mean adam?)',
  ],
  [
    train,
    ["a.ts", "--optimizer", "adam", "--momentum", "0.9"],
    "--momentum is a setting of sgd and rmsprop; --optimizer adam has none",
  ],
  [
    train,
    ["a.ts", "--checkpoint-every", "5"],
    "--checkpoint-every needs --out, the folder that checkpoints are written to",
  ],
  [train, ["a.ts", "--resume", "none.safetensors"], "cannot read none.safetensors: it does not exist"],
  [dump, ["a.ts", "--mode", "train"], '--mode must be one of forward, training, not "train"'],
  [dump, ["a.ts", "--mode", "trainig"], "(did you mean training?)"],
  [dump, ["a.ts", "--format", "png"], '--format must be one of text, json, dot, svg, not "png"'],
  [
    dump,
    ["a.ts", "--stage", "nothing"],
    `there is no stage nothing; the stages are ${STAGES.map(({ name }) => name).join(", ")}`,
  ],
  [
    dump,
    ["a.ts", "--stage", "autodiff"],
    "the stage autodiff is part of a training step: add --mode training",
  ],
  [dump, ["a.ts", "--stage", "fuse", "--all"], "give either --stage or --all, not both"],
];

describe("a mistake", () => {
  it.each(MISTAKES)("%o %j", async (command, args, message) => {
    const error = await run(command, args).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(KilnError);
    expect((error as KilnError).message).toContain(message);
    expect((error as KilnError).message).not.toContain("\n");
  });
});

describe("parseCommand", () => {
  it("reads values after a space or an equals sign, and operands anywhere", () => {
    const given = parseCommand(train, ["--lr=0.1", "net.ts", "--epochs", "3"]);
    expect(given.operands).toEqual(["net.ts"]);
    expect([given.get("lr"), given.get("epochs"), given.get("seed")]).toEqual(["0.1", "3", undefined]);
  });

  it("collects what may be repeated, and takes words behind -- as they are", () => {
    const given = parseCommand(dump, ["--input", "1,2", "--input", "3", "--", "--net.ts"]);
    expect(given.all("input")).toEqual(["1,2", "3"]);
    expect(given.operands).toEqual(["--net.ts"]);
  });

  it.each(["--help", "-h"])("asks for nothing else when there is %s", (help) => {
    expect(parseCommand(train, [help]).has("help")).toBe(true);
  });
});

describe("the help text", () => {
  it.each([train, dump, build, backendsCommand, check])(
    "of %o names every option, its default and an example",
    (command) => {
      const text = helpText(command);
      expect(text).toContain(`kiln ${command.name}`);
      expect(text).toMatch(/Examples?\n {2}kiln /);
      for (const option of command.options) {
        expect(text).toContain(`--${option.name}`);
        if (option.default !== undefined) expect(text).toContain("(default:");
      }
      for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    },
  );

  it("of dump names every stage", () => {
    const words = helpText(dump).split(/[\s,;]+/);
    for (const { name } of STAGES) expect(words).toContain(name);
  });
});
