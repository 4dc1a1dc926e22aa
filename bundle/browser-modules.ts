/**
 * Kiln for bundlers of pages: every source file as one module, so that a page contains only those that it uses.
 * Packages and substitutes for Node's modules become additional modules.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile, type Plugin } from "esbuild";
import { published } from "./published-source.ts";
import { ONLY_IN_NODE, withoutC, withoutNode, withoutNodeText, withPageWorker } from "./substitutes.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The folder of packages and substitutes among the modules. */
const PACKAGES = "packages";

/** Writes all modules that `entries`, paths of sources, lead to; `peers` are packages that stay imports. */
export async function buildBrowserModules(
  outdir: string,
  entries: readonly string[],
  peers: readonly string[],
): Promise<Metafile> {
  const metafile = await reachable(entries, peers);
  const sources = Object.keys(metafile.inputs).filter((path) => /^(src|passes|backends)\//.test(path));
  const { outputFiles } = await build({
    entryPoints: sources.map((path) => join(ROOT, path)),
    outbase: ROOT,
    outdir,
    format: "esm",
    target: "es2022",
    plugins: [withoutC, withPageWorker, published({ namesFunctions: false })],
    // For bundlers only: people read the sources.
    minify: true,
    write: false,
    logLevel: "warning",
  });
  const packages = new Map<string, Set<string>>();
  for (const { path, text } of outputFiles) {
    const toRoot = relative(dirname(path), outdir) || ".";
    const own = text.replace(IMPORT, (whole, before: string, name: string) => {
      if (name.startsWith(".")) return `${before}"${name.replace(/\.ts$/, ".js")}"`;
      if (peers.includes(name)) return whole;
      packages.set(name, new Set([...(packages.get(name) ?? []), ...importedBy(before)]));
      return `${before}"${toRoot}/${PACKAGES}/${moduleName(name)}.js"`;
    });
    // Imports for tests only are gone; only entries import a module for its side effects.
    await write(path, path.includes("/src/entries/") ? own : own.replace(UNUSED, ""));
  }
  await writePackages(packages, join(outdir, PACKAGES));
  return metafile;
}

/** A specifier behind `from`, `import` or `import(`, as esbuild writes them. */
const IMPORT = /((?:^|;)(?:import|export)[^";]*?\bfrom|(?:^|;)import|\bimport\()"([^"]+)"/gm;

const UNUSED = /(?<=^|;)import"[^"]+";/gm;

/** The names that a statement imports, which ends before its specifier. */
function importedBy(statement: string): string[] {
  const inBraces = /\{(.*)\}/s.exec(statement)?.[1].split(",") ?? [];
  const names = inBraces.map((name) => name.trim().split(" as ")[0]);
  return /\bimport [\w$]/.test(statement) ? ["default", ...names] : names;
}

/** The name of a package's module. */
const moduleName = (name: string): string => name.replace(/[^a-z0-9]+/g, "-").replace(/^-/, "");

/** The inputs of a bundle of the entries. */
async function reachable(entries: readonly string[], peers: readonly string[]): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [...entries],
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    external: [...peers],
    plugins: [withoutNode, withoutC],
    metafile: true,
    write: false,
    outdir: join(ROOT, "dist"),
    logLevel: "warning",
  });
  return metafile;
}

/**
 * Writes packages as modules that export the imported names, with shared parts as separate modules; substitutes for
 * Node's modules are written as they are.
 */
async function writePackages(
  packages: ReadonlyMap<string, ReadonlySet<string>>,
  folder: string,
): Promise<void> {
  const [absent, present] = [true, false].map((isAbsent) =>
    [...packages.keys()].filter((name) => ONLY_IN_NODE.test(name) === isAbsent),
  );
  for (const name of absent)
    await write(join(folder, `${moduleName(name)}.js`), withoutNodeText(name, "../src/core/errors.js"));
  const imported: Plugin = {
    name: "imported-names",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^/ }, ({ path, kind }) =>
        kind === "entry-point" ? { path, namespace: "imported" } : undefined,
      );
      onLoad({ filter: /^/, namespace: "imported" }, ({ path }) => ({
        contents: `export { ${[...packages.get(path)!].join(", ")} } from "${path}";`,
        resolveDir: ROOT,
      }));
    },
  };
  await build({
    entryPoints: present.map((name) => ({ in: name, out: moduleName(name) })),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    plugins: [imported, published({ namesFunctions: false })],
    minify: true,
    logLevel: "warning",
  });
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
