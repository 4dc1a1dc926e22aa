/**
 * The package as npm packs it, in an empty folder: the README's own words with Node, tsx, TypeScript and the bundlers of pages,
 * none of which find anything there but Kiln; what of it a page loads; and what its command says without its packages.
 */

import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { type BuildOptions, type BuildResult, build } from "esbuild";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");
/** The README's first program, and the lines that it is to be typed after. */
const PROGRAM = /```ts\n([\s\S]*?from "kiln-js"[\s\S]*?)```/.exec(README)![1];
const COMMANDS = /```sh\n((?:.*\n)*?npm install kiln-js\n)/.exec(README)![1].trim().split("\n").slice(-2);

/** Whether this Node reads TypeScript. */
const STRIPS_TYPES = "typescript" in process.features && process.features.typescript !== false;

const folder = mkdtempSync(join(tmpdir(), "kiln-packed-"));
const project = join(folder, "project");
const installed = join(project, "node_modules/kiln-js");

/** Runs a command in the project; throws with what it wrote where it fails. */
const run = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, { cwd: project, encoding: "utf8", stdio: "pipe" });

const put = (name: string, text: string): void => writeFileSync(join(project, name), text);

beforeAll(() => {
  const npm = (args: readonly string[], cwd: string): string =>
    execFileSync("npm", [...args, "--loglevel=error"], { cwd, encoding: "utf8", stdio: "pipe" });
  npm(["pack", "--pack-destination", folder], ROOT);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  mkdirSync(project);
  for (const line of COMMANDS.flatMap((line) => line.split(" && "))) {
    const [program, ...args] = line.split(" ");
    expect(program).toBe("npm");
    npm(
      args.map((arg) => (arg === "kiln-js" ? join(folder, tarball) : arg)),
      project,
    );
  }
  put("train.ts", PROGRAM);
  put("train.js", ts.transpile(PROGRAM, { target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("what is installed", () => {
  test("is Kiln alone, in at most six megabytes", () => {
    expect(readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."))).toEqual([
      "kiln-js",
    ]);
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    const bytes = files.map((file) => statSync(join(installed, file))).filter((s) => s.isFile());
    expect(bytes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(6.0e6);
  });

  test("has what its README links to", () => {
    const links = [...README.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, path]) => path);
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((path) => !existsSync(join(installed, path)))).toEqual([]);
  });
});

/** The losses that the program prints: they fall. */
function expectLearning(output: string): void {
  const losses = output.trim().split("\n").map(Number);
  expect(losses.length).toBeGreaterThan(20);
  expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
}

describe("the README's program", () => {
  test("runs on Node", () => expectLearning(run(process.execPath, ["train.js"])));

  test.skipIf(!STRIPS_TYPES)("runs on Node as it stands", () =>
    expectLearning(run(process.execPath, ["train.ts"])),
  );

  test("runs on tsx", () =>
    expectLearning(
      run(process.execPath, ["--import", join(ROOT, "node_modules/tsx/dist/esm/index.mjs"), "train.ts"]),
    ));

  test.each([
    ["nodenext", "nodenext"],
    ["bundler", "esnext"],
  ])("has types for strict TypeScript that resolves modules as %s does", (moduleResolution, module) => {
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: "es2022",
      lib: ["es2023", "dom"],
      types: [],
    };
    const options = { ...compilerOptions, module, moduleResolution };
    put("tsconfig.json", JSON.stringify({ compilerOptions: options, files: ["train.ts"] }));
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    const checked = spawnSync(process.execPath, [compiler], { cwd: project, encoding: "utf8" });
    expect(checked.stdout).toBe("");
    expect(checked.status).toBe(0);
  });
});

describe("a page", () => {
  test.each(["esm", "iife"] as const)("is built by esbuild (%s)", async (format) => {
    put("page.js", `import { compile } from "kiln-js"; globalThis.compile = compile;`);
    const { warnings } = await bundled("page.js", { format, splitting: format === "esm" });
    expect(warnings.filter(({ text }) => !/gpu\.js|import\.meta/.test(text))).toEqual([]);
  });

  test("is built by Vite", async () => {
    put("index.html", '<script type="module" src="/train.ts"></script>');
    const vite = await import("vite");
    await vite.build({
      root: project,
      logLevel: "error",
      configFile: false,
      build: { target: "es2022" },
    });
    expect(readdirSync(join(project, "dist/assets")).some((name) => name.endsWith(".js"))).toBe(true);
  });
});

/** What esbuild makes of `entry` with nothing told but that it is for a page. */
const bundled = (entry: string, options: BuildOptions = {}): Promise<BuildResult> =>
  build({
    entryPoints: [join(project, entry)],
    absWorkingDir: project,
    bundle: true,
    minify: true,
    format: "esm",
    splitting: true,
    outdir: join(project, "out"),
    metafile: true,
    write: false,
    logLevel: "silent",
    ...options,
  });

/** Kilobytes, minified and compressed, of the files that `of` names and of what they import at once. */
function kilobytes({ metafile, outputFiles = [] }: BuildResult, ...of: readonly string[]): number {
  const { outputs } = metafile!;
  const wanted = new Set<string>();
  const visit = (path: string): void => {
    if (wanted.has(path)) return;
    wanted.add(path);
    for (const { kind, path: next } of outputs[path].imports)
      if (kind === "import-statement" && next in outputs) visit(next);
  };
  for (const name of of) {
    const found = Object.keys(outputs).filter((path) => outputs[path].entryPoint?.endsWith(name));
    expect(found, name).toHaveLength(1);
    visit(found[0]);
  }
  const files = outputFiles.filter(({ path }) => [...wanted].some((name) => path.endsWith(`/${name}`)));
  expect(files).toHaveLength(wanted.size);
  return files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0) / 1000;
}

const NET =
  "new nn.Sequential(new nn.Conv2d(1, 8, 5), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(1152, 10))";
const INFERENCE = `import { compile } from "kiln-js";
import * as nn from "kiln-js/nn";
const program = await compile(${NET}, { inputs: [[1, 1, 28, 28]] });
console.log(await program.run(new Float32Array(784)));`;
const TRAINING = `import { compileTraining } from "kiln-js";
import * as nn from "kiln-js/nn";
import * as optim from "kiln-js/optim";
const net = ${NET};
const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
const trainer = await compileTraining(net, { inputs: [[8, 1, 28, 28]], loss: new nn.CrossEntropyLoss(), optimizer });
console.log(trainer.step);`;
/** What is loaded when a page first compiles: the compiler, the backend that it compiles for, and what runs the result. */
const COMPILER = ["dist/src/driver/programs.js", "dist/backends/wasm/backend.js"];
const RUNNING = "programs/program.js";
const TRAINER = ["driver/training.js", "programs/trainer.js"];

describe("kilobytes of a page, compressed", () => {
  test("with inference on wasm: 90 at first, 273 when it has compiled", async () => {
    put("infer.js", INFERENCE);
    const page = await bundled("infer.js");
    expect(kilobytes(page, "infer.js")).toBeLessThan(91);
    expect(kilobytes(page, "infer.js", ...COMPILER, RUNNING)).toBeLessThan(276);
  });

  test("with training on wasm: 94 at first, 285 when it has compiled", async () => {
    put("learn.js", TRAINING);
    const page = await bundled("learn.js");
    expect(kilobytes(page, "learn.js")).toBeLessThan(96);
    expect(kilobytes(page, "learn.js", ...COMPILER, ...TRAINER)).toBeLessThan(288);
  });
});

describe("without the packages that it is used with", () => {
  const kiln = (...args: readonly string[]) =>
    spawnSync(process.execPath, [join(installed, "src/cli/bin.js"), ...args], {
      cwd: project,
      encoding: "utf8",
    });

  test("backends say what they need", () => {
    put("backends.js", 'import { backends } from "kiln-js"; console.log(JSON.stringify(await backends()));');
    const found = JSON.parse(run(process.execPath, ["backends.js"])) as { name: string; reason: string }[];
    const reason = (wanted: string): string => found.find(({ name }) => name === wanted)!.reason;
    expect(reason("gpujs:cpu")).toBe(
      "the gpujs backends need the package gpu.js, which is not installed: run `npm install gpu.js`",
    );
    expect(reason("wasm")).toMatch(/128/);
  });

  test("commands say what they need, and a model in JavaScript runs unchecked", () => {
    put(
      "net.js",
      `import { nn } from "kiln-js";\nexport default new nn.Linear(4, 2);\nexport const inputs = [[1, 4]];\n`,
    );
    expect(kiln("--help").stdout).toContain("kiln COMMAND");
    expect(kiln("check", "net.js").stderr).toBe(
      "kiln: kiln check needs ts-morph: npm install --save-dev ts-morph\n",
    );
    const summary = kiln("summary", "net.js");
    expect(summary.stdout).toContain("Linear");
    expect(summary.stderr).toBe(
      "kiln: warning: the model was not checked for mistakes; kiln check needs ts-morph: npm install --save-dev ts-morph\n",
    );
    const drawing = kiln("dump", "net.js", "--stage", "fuse", "--format", "svg");
    expect(drawing.stderr).toContain("a drawing needs @hpcc-js/wasm-graphviz: npm install --save-dev");
  });

  test.skipIf(STRIPS_TYPES)("a model in TypeScript asks for tsx where Node does not strip types", () => {
    put("net.ts", `import { nn } from "kiln-js";\nexport default new nn.Linear(4, 2);\n`);
    expect(kiln("summary", "net.ts").stderr).toMatch(
      /^kiln: net\.ts is TypeScript, .*needs tsx: npm install --save-dev tsx\n$/,
    );
  });
});
