/** Splits the texts of stages and of generated code into blocks with links to what they belong to. */

import { invariant } from "../core/errors.ts";
import { diffTexts } from "../inspect/diff.ts";
import { plainLine, plainText } from "../inspect/escape.ts";
import { isGraph, type StageDump } from "../ir/artifact.ts";
import { isConstant } from "../ir/builder.ts";
import { kernelNames } from "../ir/kernel-names.ts";
import { valueNames } from "../ir/print.ts";
import type { Graph, Node, Value } from "../ir/types.ts";
import type { Compilation } from "../runtime/inspection/figures.ts";
import type { Block, Document } from "./data.ts";
import { type Link, NO_LINK } from "./link.ts";
import { joinLinks, type KernelLinks, type LinkTable } from "./link-table.ts";

/** The links of a graph's nodes: to lines of the model, and from `fuse` on also to kernels. */
export function nodeLinks(graph: Graph, kernels: KernelLinks, table: LinkTable): ReadonlyMap<Value, Link> {
  const names = kernelNames(graph.groups ?? []);
  const owners = new Map<Value, number[]>();
  graph.groups?.forEach(({ nodes }, k) => {
    const ids = kernels.lowered.get(names[k])?.kernels ?? [];
    for (const node of nodes) owners.set(node, [...(owners.get(node) ?? []), ...ids]);
  });
  const texts = valueNames(graph);
  const isFinal = (node: Node): boolean => graph.partition !== undefined && !isConstant(node);
  return new Map(
    graph.nodes.map((node) => [
      node,
      {
        ...NO_LINK,
        ...table.placesOf(graph.origins.get(node) ?? []),
        nodes: isFinal(node) ? [table.node(texts.get(node)!)] : [],
        kernels: owners.get(node) ?? [],
      },
    ]),
  );
}

/** A stage as a document: a graph line by line, a program kernel by kernel. `before` is the previous stage, if any. */
export function stageDocument(
  stage: StageDump,
  before: { readonly stage: StageDump; readonly document: Document } | undefined,
  kernels: KernelLinks,
  table: LinkTable,
): Document {
  if (!isGraph(stage.artifact)) {
    const links = stage.name === "lower" ? kernels.lowered : kernels.scheduled;
    return kernelBlocks(stage.text, links, kernels.modules);
  }
  const document = graphLines(stage.artifact, stage.text, kernels, table);
  const isComparable = before !== undefined && isGraph(before.stage.artifact);
  return isComparable ? withChanges(document, stage.text, before.document, before.stage.text) : document;
}

/** The lines of a graph's text in the order in which `printGraph` writes them. */
function graphLines(graph: Graph, text: string, kernels: KernelLinks, table: LinkTable): Document {
  const links = nodeLinks(graph, kernels, table);
  const linkOf = (value: Value): Link => links.get(value) ?? NO_LINK;
  const { groups = [], views = [], layouts = [], partition } = graph;
  const groupLinks = kernelNames(groups).map((name) => kernels.lowered.get(name) ?? NO_LINK);
  const inOrder: readonly Link[] = [
    NO_LINK,
    ...graph.nodes.map(linkOf),
    ...(partition === undefined ? [] : [NO_LINK, NO_LINK]),
    ...groupLinks,
    ...views.map(({ node }) => linkOf(node)),
    ...layouts.map(({ value }) => linkOf(value)),
    joinLinks(graph.outputs.map(({ value }) => linkOf(value))),
    ...graph.updates.map(({ value }) => linkOf(value)),
  ];
  return text.split("\n").map((line, k): Block => ({ text: plainLine(line), link: inOrder[k] ?? NO_LINK }));
}

/** Marks the lines that the stage added, and inserts those that it removed at their former positions. */
function withChanges(document: Document, text: string, before: Document, textBefore: string): Document {
  const earlier = before.filter(({ change }) => change !== "removed");
  let [now, then] = [0, 0];
  return diffTexts(textBefore, text).map(({ kind }): Block => {
    if (kind === "removed") return { ...unmarked(earlier[then++]), change: "removed" };
    if (kind === "same") then++;
    const block = document[now++];
    return kind === "added" ? { ...block, change: "added" } : block;
  });
}

const unmarked = ({ text, link }: Block): Block => ({ text, link });

/** The text of a program, split by kernel; the text before the first kernel is a block too. */
const kernelBlocks = (
  text: string,
  links: ReadonlyMap<string, Link>,
  modules: KernelLinks["modules"],
): Document =>
  text.split(/\n+(?=kernel )/).map((part): Block => {
    const name = /^kernel (\w+)/.exec(part)?.[1];
    return name === undefined
      ? { text: plainText(part), link: NO_LINK }
      : {
          text: plainText(part),
          link: links.get(name) ?? NO_LINK,
          kernel: name,
          module: plainLine(modules.get(name) ?? ""),
        };
  });

/** Generated code, split by kernel; the code around them, such as the function that runs them all, is included. */
export function codeDocument(
  { kernels, stages }: Compilation,
  { scheduled, modules }: KernelLinks,
): Document {
  const { text } = stages[stages.length - 1];
  const blocks: Block[] = [];
  let end = 0;
  const around = (upTo: number): void => {
    const between = plainText(text.slice(end, upTo)).replace(/^\n+|\n+$/g, "");
    if (between !== "") blocks.push({ text: between, link: NO_LINK });
  };
  for (const { name, source } of kernels) {
    const begin = text.indexOf(source, end);
    invariant(begin >= 0, `the code of ${name} is part of its program's code`);
    around(begin);
    blocks.push({
      text: plainText(source),
      link: scheduled.get(name) ?? NO_LINK,
      kernel: name,
      module: plainLine(modules.get(name) ?? ""),
    });
    end = begin + source.length;
  }
  around(text.length);
  return blocks;
}
