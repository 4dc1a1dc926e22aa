/** Collects everything that the explorer's page shows from the compilations of one model. */

import { formatOrigins } from "../core/origin.ts";
import { plainLine } from "../inspect/escape.ts";
import { isGraph, type StageDump } from "../ir/artifact.ts";
import type { Compilation } from "../runtime/inspection/figures.ts";
import type { Profile } from "../runtime/inspection/profile.ts";
import type { BackendView, Document, Drawing, ExplorerData, KernelRow, SourceFile, Stage } from "./data.ts";
import { codeDocument, stageDocument } from "./documents.ts";
import { stageDrawing } from "./drawings.ts";
import { NO_LINK } from "./link.ts";
import { type KernelLinks, kernelLinks, LinkTable } from "./link-table.ts";
import { memoryOf } from "./memory.ts";

/** A model compiled for one backend, with its measured times if it was measured. */
export interface Subject {
  readonly compilation: Compilation;
  readonly profile: Profile | undefined;
  /** Why it was not measured although measuring was requested. */
  readonly unmeasured?: string;
}

export interface ExplorerInput extends Pick<ExplorerData, "model" | "mode" | "machine"> {
  /** The model's files, under the same paths as in origins. */
  readonly sources: readonly { readonly path: string; readonly text: string }[];
  readonly subjects: readonly Subject[];
}

/** The data of the page. */
export function explorerData(input: ExplorerInput): ExplorerData {
  const { model, mode, machine, sources, subjects } = input;
  const table = new LinkTable();
  const documents = new Shared<Document>();
  const drawings = new Shared<Drawing>();
  const backends: BackendView[] = [];
  for (const subject of subjects) backends.push(backendView(subject, table, documents, drawings));
  return {
    model,
    mode,
    machine,
    sources: sources.map((source) => sourceFile(source, table)),
    backends,
    documents: documents.items,
    drawings: drawings.items,
  };
}

/** Items that are stored only once however often they occur; items with the same key are the same. */
class Shared<T> {
  readonly items: T[] = [];
  private readonly positions = new Map<string, number>();

  /** The position of the item with this key; `make` creates it on first use. */
  position(key: string, make: () => T): number {
    const known = this.positions.get(key);
    if (known !== undefined) return known;
    const position = this.items.push(make()) - 1;
    this.positions.set(key, position);
    return position;
  }
}

const sourceFile = (
  { path, text }: { readonly path: string; readonly text: string },
  table: LinkTable,
): SourceFile => ({
  path,
  lines: text
    .trimEnd()
    .split("\n")
    .map((line, k) => ({ text: withTabs(line), link: table.line(path, k + 1) })),
});

/** A line without control characters other than tabs. */
const withTabs = (line: string): string => line.replace(/\r$/, "").split("\t").map(plainLine).join("\t");

function backendView(
  { compilation, profile, unmeasured }: Subject,
  table: LinkTable,
  documents: Shared<Document>,
  drawings: Shared<Drawing>,
): BackendView {
  const links = kernelLinks(compilation, table);
  const code = documents.position(`${compilation.backend} code`, () => codeDocument(compilation, links));
  return {
    name: compilation.backend,
    stages: stagesOf(compilation, links, table, code, documents, drawings),
    code,
    kernels: kernelRows(compilation, links, profile),
    memory: memoryOf(compilation, links),
    ...(profile && { milliseconds: profile.milliseconds }),
    ...(unmeasured !== undefined && { unmeasured }),
  };
}

function stagesOf(
  compilation: Compilation,
  links: KernelLinks,
  table: LinkTable,
  code: number,
  documents: Shared<Document>,
  drawings: Shared<Drawing>,
): readonly Stage[] {
  const { stages } = compilation;
  const views: Stage[] = [];
  for (const [k, stage] of stages.entries()) {
    const { name, doc, milliseconds, unchanged } = stage;
    const before =
      k === 0 ? undefined : { stage: stages[k - 1], document: documents.items[views[k - 1].document] };
    const isSource = k === stages.length - 1;
    // Kernels are specific to a backend. Graphs are often the same for all backends, and their links follow from their
    // text; a document also depends on the previous one, whose removed lines it shows.
    const owner = isGraph(stage.artifact) ? (views.at(-1)?.document ?? "traced") : compilation.backend;
    const document = isSource
      ? code
      : documents.position(`${owner} ${stage.text}`, () => stageDocument(stage, before, links, table));
    views.push({ name, doc, milliseconds, unchanged, document, drawing: drawingOf(stage) });
  }
  return views;

  /** Stages with the same text share a drawing, and so do all from `schedule` on: their differences are not drawn. */
  function drawingOf(stage: StageDump): number {
    const drawn = isDrawnAsScheduled(stage) ? stages.find(({ name }) => name === "schedule")! : stage;
    return drawings.position(drawn.text, () => stageDrawing(drawn, compilation, links, table));
  }
}

const isDrawnAsScheduled = ({ name, artifact }: StageDump): boolean => !isGraph(artifact) && name !== "lower";

const kernelRows = (
  { kernels }: Compilation,
  { scheduled, modules }: KernelLinks,
  profile: Profile | undefined,
): readonly KernelRow[] =>
  kernels.map(({ name, origins, schedule = "", prepares, flops, bytes }, k) => ({
    name,
    module: plainLine(modules.get(name) ?? ""),
    link: scheduled.get(name) ?? NO_LINK,
    place: formatOrigins(origins),
    schedule,
    prepares,
    flops,
    bytes,
    ...(profile && { milliseconds: profile.kernels[k].milliseconds, gflops: profile.kernels[k].gflops }),
  }));
