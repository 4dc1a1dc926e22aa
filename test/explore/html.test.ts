/** The page as a file: no name that a model's author chose can break out of its data. */

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { gzipped } from "../../src/cli/explore/gzipped.ts";
import type { ExplorerData } from "../../src/explore/data.ts";
import { explorerHtml } from "../../src/explore/html.ts";
import { NO_LINK } from "../../src/explore/link.ts";
import { unpacked } from "../../src/explore/packed.ts";
import { HOSTILE } from "../inspect/hostile.ts";

const dataNamed = (name: string): ExplorerData => ({
  model: name,
  mode: "forward",
  machine: name,
  sources: [{ path: name, lines: [{ text: name, link: NO_LINK }] }],
  backends: [],
  documents: [
    [{ text: name, link: NO_LINK, kernel: name }],
    [{ text: `${name}\n`.repeat(60), link: NO_LINK }],
  ],
  drawings: [
    {
      groups: [{ kind: "module", title: name, parent: -1, link: NO_LINK }],
      boxes: [
        {
          ...{ kind: "op", name, title: name, lines: [name], place: name, detail: name },
          parent: 0,
          link: NO_LINK,
        },
      ],
      arrows: [],
    },
  ],
});

const PARTS = { style: "body { color: red }", script: 'console.log("</script>")' };

const DATA = /<script type="application\/octet-stream" id="data">([^<]*)<\/script>/;

describe.each(HOSTILE)("%j", (name) => {
  test("is unchanged when read back from a page with two scripts", async () => {
    const html = await explorerHtml(dataNamed(name), PARTS, gzipped);
    expect(await unpacked(DATA.exec(html)![1])).toEqual(dataNamed(name));
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script/g)).toHaveLength(2);
    expect(html.match(/<(title|style|body|html)\b/g)).toHaveLength(4);
    expect(html).not.toMatch(/<[a-z]+[^<>]*\son\w+=/);
  });
});

test("the policy allows only the page's own script and no external resources", async () => {
  const html = await explorerHtml(dataNamed("x"), PARTS, gzipped);
  const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)!;
  const [, script] = /<script>([\s\S]*?)<\/script>/.exec(html)!;
  const hash = createHash("sha256").update(script).digest("base64");
  expect(policy).toContain(`script-src 'sha256-${hash}'`);
  expect(policy).toContain("default-src 'none'");
  expect(script).toContain('console.log("<\\/script>")');
});
