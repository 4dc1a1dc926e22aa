/**
 * Kiln for bundlers of pages: every source file as one module, so that a page has only those that it uses. What is not part of
 * the sources (packages, stand-ins for Node's modules) becomes modules beside them.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { published } from "./published-source.ts";
import { ONLY_IN_NODE, withoutC, withoutNode, withoutNodeText, withPageWorker } from "./substitutes.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Where packages and stand-ins lie among the modules. */
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
    // Bundlers read them, and people the sources.
    minify: true,
    write: false,
    logLevel: "warning",
  });
  const packages = new Set<string>();
  for (const { path, text } of outputFiles) {
    const toRoot = relative(dirname(path), outdir) || ".";
    const own = text.replace(IMPORT, (whole, before: string, name: string) => {
      if (name.startsWith(".")) return `${before}"${name.replace(/\.ts$/, ".js")}"`;
      if (peers.includes(name)) return whole;
      packages.add(name);
      return `${before}"${toRoot}/${PACKAGES}/${fileName(name)}"`;
    });
    // What only tests needed of an import is gone; entries alone import a module for what it does.
    await write(path, path.includes("/src/entries/") ? own : own.replace(UNUSED, ""));
  }
  for (const name of packages) await writePackage(name, join(outdir, PACKAGES));
  return metafile;
}

/** A specifier behind `from`, `import` or `import(`, as esbuild writes them. */
const IMPORT = /((?:^|;)(?:import|export)[^";]*?\bfrom|(?:^|;)import|\bimport\()"([^"]+)"/gm;

const UNUSED = /(?<=^|;)import"[^"]+";/gm;

const fileName = (name: string): string => `${name.replace(/[^a-z-]+/g, "-")}.js`;

/** What a bundle of the entries would be made of. */
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

/** Writes a package, or what stands for it in a browser, as one module. */
async function writePackage(name: string, folder: string): Promise<void> {
  const outfile = join(folder, fileName(name));
  if (ONLY_IN_NODE.test(name)) return write(outfile, withoutNodeText(name, "../src/core/errors.js"));
  await build({
    stdin: { contents: await reexport(name), resolveDir: ROOT },
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    minify: true,
    logLevel: "warning",
  });
}

/** A module of the older kind has a default export alone. */
async function reexport(name: string): Promise<string> {
  return "default" in (await import(name))
    ? `export { default } from "${name}";`
    : `export * from "${name}";`;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
