/**
 * What pages and docstrings tell their readers to write compiles, and what stands on its own runs; what they type is
 * understood.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as kiln from "kiln-js";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parseCommand } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/main.ts";
import { ROOT } from "../cli/kiln.ts";
import { BLOCKS, type Block, EXAMPLES, isProgram, nameOf } from "./code-blocks.ts";

const code = BLOCKS.filter(({ language }) => ["ts", "js"].includes(language));

describe("types", () => {
  const everything = `import { ${Object.keys(kiln).join(", ")} } from "kiln-js";`;
  /** What fragments name without showing it, on every page. */
  const GIVEN = `import type { nn, optim, Tensor as T, Trainer } from "kiln-js";
    declare global {
      var net: nn.Sequential, criterion: nn.CrossEntropyLoss, loss: nn.CrossEntropyLoss, optimizer: optim.SGD;
      var trainer: Trainer, inputs: number[][], x: T, y: T, input: T, target: T;
      var images: T, labels: number[], scores: T, loader: Iterable<[T, number[]]>;
    }`;
  /** Modules as `kiln build` writes them. */
  const built = (members: string): string =>
    `interface Model { ${members} }
    export declare function create(weights: ArrayBuffer | Uint8Array, code?: ArrayBuffer): Promise<Model>;`;

  const folder = join(ROOT, "docs/blocks");
  const files = new Map<string, string>([
    [join(folder, "given.d.ts"), GIVEN],
    [join(folder, "lenet/model.d.ts"), built("run(input: Float32Array): Float32Array")],
    [
      join(folder, "learning/model.d.ts"),
      built(`step(x: Float32Array, labels: Int32Array): number; save(): Uint8Array;
        lr: number; readonly stepCount: number`),
    ],
  ]);
  const blocks = new Map<string, Block>();
  for (const block of [...code, ...EXAMPLES]) {
    const file = join(folder, `${nameOf(block).replace(/\W/g, "-")}.${block.language}`);
    const imports = /from "kiln-js"/.test(block.text) ? "" : everything;
    // On one line, so that lines are those of the block but for a first one.
    files.set(file, `${imports} ${block.given.replaceAll("\n", " ")}\n${block.text}\nexport {};`);
    blocks.set(file, block);
  }

  test("every block compiles", () => {
    const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    Object.assign(options, {
      lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
      allowJs: true,
      checkJs: true,
      noImplicitAny: false,
      noImplicitOverride: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
      isolatedModules: false,
    });
    const host = ts.createCompilerHost(options);
    const { fileExists, readFile, getSourceFile } = host;
    host.directoryExists = (path) => path.startsWith(folder) || ts.sys.directoryExists(path);
    host.fileExists = (file) => files.has(file) || fileExists(file);
    host.readFile = (file) => files.get(file) ?? readFile(file);
    host.getSourceFile = (file, version, ...rest) => {
      const text = files.get(file);
      if (text === undefined) return getSourceFile(file, version, ...rest);
      return ts.createSourceFile(file, text, version);
    };
    const program = ts.createProgram([...files.keys()], options, host);
    const faults = [...blocks].flatMap(([file, block]) => {
      const source = program.getSourceFile(file);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText, start = 0 }) => {
          const line = source?.getLineAndCharacterOfPosition(start).line ?? 0;
          return `${block.page}:${block.line + line - 1}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
        },
      );
    });
    expect(faults).toEqual([]);
  });
});

describe("programs", () => {
  const folder = mkdtempSync(join(tmpdir(), "kiln-docs-"));
  const before = process.cwd();
  beforeAll(() => process.chdir(folder));
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });

  test("examples of docstrings run", async () => {
    const given = `import { ${Object.keys(kiln).join(", ")} } from "kiln-js";
      const net = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
      const [images, labels] = [rand(64, 1, 28, 28), Array.from({ length: 64 }, (_, k) => k % 10)];
      const loader = [[images, labels]];
      const [x, scores] = [rand(8, 3, 4), rand(8, 10)];`;
    const functions = EXAMPLES.map(({ text }) => `async () => {\n${text}\n}`);
    const file = join(folder, "examples.ts");
    writeFileSync(file, `${given}\nexport const examples = [${functions.join(",\n")}];`);
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    try {
      const written = await import(/* @vite-ignore */ pathToFileURL(file).href);
      for (const [k, example] of (written.examples as (() => Promise<void>)[]).entries())
        await expect(example(), nameOf(EXAMPLES[k])).resolves.toBeUndefined();
    } finally {
      log.mockRestore();
    }
  });

  // The README's program is run as its reader does, in an empty project.
  const programs = code.filter((block) => isProgram(block) && block.page !== "README.md");

  test.each(programs.map((block) => [nameOf(block), block] as const))("%s runs", async (name, { text }) => {
    const file = join(folder, `${name.replace(/\W/g, "-")}.ts`);
    writeFileSync(file, text);
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    try {
      await import(/* @vite-ignore */ pathToFileURL(file).href);
    } finally {
      log.mockRestore();
    }
  });
});

describe("commands", () => {
  const typed = BLOCKS.filter(({ language }) => ["sh", "console"].includes(language)).flatMap((block) =>
    [...block.text.matchAll(/^(?:\$ )?(?:[A-Z_]+=\S+ )?(?:npx )?kiln (?!: )(.*)$/gm)].map(
      ([, words]) => [nameOf(block), words.replace(/ +# .*$/, "")] as const,
    ),
  );

  test.each(typed)("%s: kiln %s", async (_, words) => {
    const [name, ...rest] = words.trim().split(/ +/);
    expect(Object.keys(COMMANDS)).toContain(name);
    parseCommand(await COMMANDS[name](), rest);
  });
});
