/**
 * `npm run docs`: pages, the API reference and the live page as one folder of files, which needs no server except for
 * the live page, no network, and can be served from any folder.
 */

import { mkdir, readFile, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Application,
  Converter,
  type DeclarationReflection,
  DocumentReflection,
  KindRouter,
  type ProjectReflection,
  type Reflection,
  ReflectionKind,
} from "typedoc";
import packageJson from "../package.json" with { type: "json" };
import { buildLivePage } from "./live-page.ts";
import { CHAPTERS } from "./pages.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const SITE = join(ROOT, "out/docs");

/** The title and the chapter of a page, and the name of its file. */
interface Placed {
  readonly title: string;
  readonly chapter: string;
  readonly address: string;
}

/** The titles and chapters of all pages, by path from the root. */
async function placedPages(): Promise<ReadonlyMap<string, Placed>> {
  const entries = CHAPTERS.flatMap(({ title: chapter, pages }) =>
    pages.map(async (path): Promise<[string, Placed]> => {
      const [, title] = /^# (.*)$/m.exec(await readFile(join(ROOT, path), "utf8")) ?? [];
      if (title === undefined) throw new Error(`${path} has no heading`);
      const address = path
        .replace(/^docs\/|\/README\.md$|\.md$/g, "")
        .replaceAll("/", "-")
        .toLowerCase();
      return [path, { title: title.replaceAll("`", ""), chapter, address }];
    }),
  );
  return new Map(await Promise.all(entries));
}

const addresses = new WeakMap<Reflection, string>();

/** Pages are placed by their file names, and the API by kind. */
class PageRouter extends KindRouter {
  override getIdealBaseName(reflection: Reflection): string {
    const address = addresses.get(reflection);
    return address === undefined ? super.getIdealBaseName(reflection) : `pages/${address}`;
  }
}

/** The home page has its title already, and its module is named like the package. */
function nameModules({ readme, children = [] }: ProjectReflection, name: string): void {
  const [first] = readme ?? [];
  if (first !== undefined) first.text = first.text.replace(/^# .*\n/, "");
  for (const module of children.filter(({ kind }) => kind === ReflectionKind.Module)) module.name = name;
}

/** Gives each page its title and its chapter. */
function place(project: ProjectReflection, pages: ReadonlyMap<string, Placed>): void {
  for (const page of project.getReflectionsByKind(ReflectionKind.Document)) {
    if (!(page instanceof DocumentReflection)) continue;
    const file = project.files.getReflectionPath(page);
    const placed = file === undefined ? undefined : pages.get(relative(ROOT, file));
    if (placed === undefined) throw new Error(`${page.name} is in no chapter`);
    page.name = placed.title;
    page.frontmatter.group = placed.chapter;
    addresses.set(page, placed.address);
  }
}

/**
 * A layer's page shows only its own members: those that all modules have are on the page of `nn.Module`. Members under symbols
 * are for Kiln itself.
 */
function dropInherited(project: ProjectReflection): void {
  const members = project.getReflectionsByKind(ReflectionKind.ClassMember) as DeclarationReflection[];
  for (const member of members) {
    const isInherited = member.inheritedFrom !== undefined && member.kind !== ReflectionKind.Constructor;
    if (isInherited || /^\[(?!iterator)/.test(member.name)) project.removeReflection(member);
  }
}

/** Writes pages and reference to `folder`; throws for broken links in a page. */
export async function buildPages(folder: string): Promise<void> {
  const pages = await placedPages();
  const app = await Application.bootstrap({
    name: "Kiln",
    entryPoints: [join(ROOT, "src/index.ts")],
    tsconfig: join(ROOT, "tsconfig.build.json"),
    readme: join(ROOT, "README.md"),
    projectDocuments: [...pages.keys()].map((path) => join(ROOT, path)),
    basePath: ROOT,
    out: folder,
    router: "pages",
    disableGit: true,
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeProtected: true,
    includeVersion: true,
    hideGenerator: true,
    githubPages: false,
    searchInDocuments: true,
    searchInComments: true,
    sort: ["kind", "static-first", "alphabetical-ignoring-documents"],
    groupOrder: [...CHAPTERS.map(({ title }) => title), "Namespaces", "Functions", "Classes", "*"],
    navigation: { includeGroups: true, includeCategories: true, excludeReferences: true },
    navigationLinks: { "Live page": "live/index.html" },
    customJs: join(ROOT, "site/open-chapters.js"),
    customCss: join(ROOT, "site/style.css"),
    highlightLanguages: ["ts", "js", "sh", "console", "json", "html", "c", "diff", "text", "http", "python"],
    // Comments may mention internal names of Kiln, which have no page in the reference.
    validation: { notExported: false, invalidLink: false, notDocumented: false },
    treatValidationWarningsAsErrors: true,
    logLevel: "Warn",
  });
  app.renderer.defineRouter("pages", PageRouter);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    place(project, pages);
    nameModules(project, packageJson.name);
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => dropInherited(project));
  const project = await app.convert();
  if (project === undefined) throw new Error("the API does not compile");
  app.validate(project);
  await app.generateDocs(project, folder);
  if (app.logger.hasErrors() || app.logger.hasWarnings())
    throw new Error("the documentation has faults, see above");
}

/** Writes the whole site to `folder`. */
export async function buildSite(folder = SITE): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await buildPages(folder);
  await buildLivePage(join(folder, "live"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildSite();
  console.log(
    `the documentation is in ${relative(process.cwd(), SITE)}: open ${relative(process.cwd(), join(SITE, "index.html"))}`,
  );
  console.log("the live page needs a server: npx tsx examples/serve.ts out/docs, then live/index.html");
}
