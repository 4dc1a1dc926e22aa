/** Names of others: as text in SVG and DOT they are text, and no control character of theirs reaches a terminal. */

import { Graphviz } from "@hpcc-js/wasm-graphviz";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileArtifact } from "../../src/driver/compile-artifact.ts";
import { dotText } from "../../src/inspect/dot.ts";
import { escapeXml, plainText } from "../../src/inspect/escape.ts";
import { graphPicture } from "../../src/inspect/graph-picture.ts";
import { dumpJson, jsonText } from "../../src/inspect/json.ts";
import { programPicture } from "../../src/inspect/program-picture.ts";
import { svgText } from "../../src/inspect/svg.ts";
import { parseGraph } from "../../src/ir/parse.ts";
import { printGraph } from "../../src/ir/print.ts";
import { opTable } from "../../src/ops/registry.ts";
import { graphNamed, HOSTILE } from "./hostile.ts";

const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;
const withoutBreaks = (text: string): string => text.replaceAll("\n", "");

/** Every tag of an XML text with its attributes' names, in order. */
const tagsOf = (xml: string): string[] =>
  [...xml.matchAll(/<(\/?[\w-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*\/?>/g)].map(([, tag, attributes]) =>
    [tag, ...[...attributes.matchAll(/([\w:-]+)="/g)].map(([, name]) => name)].join(" "),
  );

const CHARACTER: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

/** XML text with its entities replaced by what they stand for. */
const decoded = (text: string): string =>
  text.replace(/&(?:#(\d+)|(\w+));/g, (_, code: string | undefined, name: string) =>
    code === undefined ? CHARACTER[name] : String.fromCodePoint(Number(code)),
  );

const anyName = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength: 20 }));

describe("a picture as SVG", () => {
  test("has the same elements whatever things are called", async () => {
    const harmless = tagsOf(await svgText(graphPicture(graphNamed("name"))));
    expect(harmless.length).toBeGreaterThan(20);
    await fc.assert(
      fc.asyncProperty(anyName, async (name) => {
        const svg = await svgText(graphPicture(graphNamed(name)));
        expect(tagsOf(svg)).toEqual(harmless);
        // What is no tag holds no angle bracket, so nothing but those tags is there.
        expect(svg.replace(/<\/?[\w-]+(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/g, "")).not.toMatch(/[<>]/);
        expect(withoutBreaks(svg)).not.toMatch(CONTROL);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test("of kernels, too", async () => {
    const { plan } = await compileArtifact(graphNamed("name"), {
      backend: "js",
      start: { name: "trace", doc: "" },
    });
    const harmless = tagsOf(await svgText(programPicture(plan)));
    for (const name of HOSTILE) {
      const { plan: other } = await compileArtifact(graphNamed(name), {
        backend: "js",
        start: { name: "trace", doc: "" },
      });
      expect(tagsOf(await svgText(programPicture(other))), name).toEqual(harmless);
    }
  });

  test("shows what stands there: entities turn back into the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const back = decoded(escapeXml(text));
        expect(back).toBe(plainText(text));
      }),
    );
  });
});

/** The texts that Graphviz draws, entities decoded. */
const drawnTexts = (svg: string): string[] =>
  [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => decoded(text));

test("a picture as DOT is drawn by Graphviz with the very texts of its boxes", async () => {
  const graphviz = await Graphviz.load();
  for (const name of HOSTILE) {
    const picture = graphPicture(graphNamed(name));
    const dot = dotText(picture);
    expect(withoutBreaks(dot), name).not.toMatch(CONTROL);
    const texts = picture.boxes.flatMap(({ title, lines, place }) => [
      title,
      ...lines,
      ...(place && [place]),
    ]);
    const drawn = drawnTexts(graphviz.layout(dot, "svg", "dot"));
    expect(drawn.sort(), name).toEqual([picture.title, ...texts].sort());
  }
});

test("texts and JSON hold no control characters, and say what the names are", async () => {
  for (const name of HOSTILE) {
    const graph = graphNamed(name);
    const text = printGraph(graph);
    expect(withoutBreaks(text), name).not.toMatch(CONTROL);
    const back = parseGraph(text, opTable);
    expect(back.inputs.map((input) => input.name)).toEqual([name, `w${name}`]);
    expect(back.origins.get(back.nodes[0])).toEqual([{ file: `${name}.ts`, line: 3, module: name }]);
    const compilation = await compileArtifact(graph, { backend: "js", start: { name: "trace", doc: "" } });
    const json = jsonText(dumpJson({ file: name, mode: "forward" }, compilation, compilation.stages));
    expect(withoutBreaks(json), name).not.toMatch(CONTROL);
    expect(JSON.parse(json).stages[0].graph.inputs[0].name).toBe(name);
  }
});

test.each(HOSTILE)("%j stays out of generated code but for comments of one line", async (name) => {
  for (const backend of ["js", "wasm"]) {
    const { kernels } = await compileArtifact(graphNamed(name), {
      backend,
      start: { name: "trace", doc: "" },
    });
    const code = kernels.map(({ source }) => source).join("\n");
    const statements = code
      .split("\n")
      .filter((line) => !/^\s*(\/\/|;;)/.test(line))
      .map((line) => line.replace(/\s*(\/\/|;;).*$/, ""))
      .join("\n");
    expect(statements).not.toMatch(/evil|alert|process|owned|onload/);
  }
});
