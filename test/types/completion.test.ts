/**
 * What an editor offers behind the dot of the objects that users have in hand: what they may use, and nothing of Kiln's own.
 * The language service is asked, and what is marked `@internal` is left out, as it is of the published types.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const PROBE = join(ROOT, "test/types/completion-probe.ts");

/** The objects, and what is offered on them; of tensors what is no method of arithmetic. */
const OBJECTS = {
  program: "Program",
  trainer: "Trainer",
  step: "CompiledStep",
  linear: "nn.Linear",
  sgd: "optim.SGD",
  schedule: "optim.lrScheduler.StepLR",
  tensor: "Tensor",
} as const;

const TEXT = [
  'import type { CompiledStep, nn, optim, Program, Tensor, Trainer } from "kiln-js";',
  ...Object.entries(OBJECTS).map(([name, type]) => `declare const ${name}: ${type};`),
  ...Object.keys(OBJECTS).map((name) => `${name}.;`),
].join("\n");

const read = (path: string): string | undefined => (path === PROBE ? TEXT : ts.sys.readFile(path));

function offered(): Readonly<Record<string, readonly string[]>> {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [PROBE],
    getScriptVersion: () => "1",
    getScriptSnapshot(path) {
      const text = read(path);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => ROOT,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (path) => path === PROBE || ts.sys.fileExists(path),
    readFile: read,
  });
  const checker = service.getProgram()!.getTypeChecker();
  const isInternal = (symbol: ts.Symbol | undefined): boolean =>
    symbol?.getJsDocTags(checker).some(({ name }) => name === "internal") === true;
  return Object.fromEntries(
    Object.keys(OBJECTS).map((name) => {
      const place = TEXT.indexOf(`${name}.;`) + name.length + 1;
      const options = { includeSymbol: true };
      const entries = service.getCompletionsAtPosition(PROBE, place, options)?.entries ?? [];
      return [name, entries.filter(({ symbol }) => !isInternal(symbol)).map((entry) => entry.name)];
    }),
  );
}

test("editors offer what is for users", { timeout: 300_000 }, () => {
  const { tensor, ...others } = offered();
  expect(others).toMatchInlineSnapshot(`
    {
      "linear": [
        "apply",
        "bias",
        "buffers",
        "children",
        "eval",
        "extraRepr",
        "forward",
        "inFeatures",
        "loadStateDict",
        "modules",
        "namedBuffers",
        "namedChildren",
        "namedModules",
        "namedParameters",
        "outFeatures",
        "parameters",
        "registerBuffer",
        "registerForwardHook",
        "registerForwardPreHook",
        "requiresGrad_",
        "stateDict",
        "toString",
        "train",
        "training",
        "weight",
        "zeroGrad",
      ],
      "program": [
        "backend",
        "carried",
        "compilation",
        "compileMilliseconds",
        "dispose",
        "inputs",
        "kernels",
        "memory",
        "profile",
        "resetCarried",
        "run",
        "runByKernel",
        "stages",
        "tuned",
      ],
      "schedule": [
        "baseLrs",
        "getLastLr",
        "isFactor",
        "lastEpoch",
        "loadStateDict",
        "optimizer",
        "rateAt",
        "stateDict",
        "step",
      ],
      "sgd": [
        "addParamGroup",
        "loadStateDict",
        "lr",
        "parameters",
        "paramGroups",
        "stateDict",
        "stateOf",
        "step",
        "stepCount",
        "stepOf",
        "zeroGrad",
      ],
      "step": [
        "backend",
        "compilation",
        "compileMilliseconds",
        "dispose",
        "inputs",
        "kernels",
        "memory",
        "profile",
        "run",
        "runByKernel",
        "stages",
        "tuned",
      ],
      "trainer": [
        "backend",
        "batchNumber",
        "carried",
        "compilation",
        "compileMilliseconds",
        "dispose",
        "flush",
        "gradients",
        "inputs",
        "kernels",
        "loadStateDict",
        "losses",
        "memory",
        "metrics",
        "profile",
        "resetCarried",
        "stages",
        "stateDict",
        "step",
        "stepByKernel",
        "stepCount",
        "tuned",
      ],
    }
  `);
  // Methods of PyTorch's tensors are many; what the classes above them do not have is all that a tensor is beside them.
  const source = readFileSync(join(ROOT, "src/tensor/tensor.ts"), "utf8");
  expect(tensor.length).toBeGreaterThan(200);
  expect(
    tensor.filter((name) => new RegExp(`^  (get |readonly )?${name}\\b[(:]`, "m").test(source)),
  ).toMatchInlineSnapshot(`
    [
      "array",
      "backward",
      "data",
      "detach",
      "dtype",
      "format",
      "grad",
      "gradFn",
      "isLeaf",
      "item",
      "ndim",
      "numel",
      "peek",
      "registerHook",
      "requiresGrad",
      "requiresGrad_",
      "shape",
      "size",
      "toJSON",
    ]
  `);
});

test("what is marked internal is not in the published types", () => {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.build.json"), ts.sys.readFile);
  expect(config.compilerOptions.stripInternal).toBe(true);
});
