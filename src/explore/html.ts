/** The explorer's page as one HTML file: style, script and data inside, nothing loaded from anywhere. */

import { escapeXml } from "../inspect/escape.ts";
import type { ExplorerData } from "./data.ts";
import { tabled } from "./packed.ts";

export interface PageParts {
  readonly style: string;
  /** A classic script; the page runs it and no other. */
  readonly script: string;
}

/**
 * The page's text. Its policy lets it load nothing and run nothing but its script, which is known by its SHA-256: whatever
 * a model, a file or a module is called, it is shown and never run. `gzipped` compresses a text and gives it in base64.
 */
export async function explorerHtml(
  data: ExplorerData,
  { style, script }: PageParts,
  gzipped: (text: string) => Promise<string>,
): Promise<string> {
  const text = `\n${script.replace(/<\/(script)/gi, "<\\/$1")}\n`;
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src '${await hashOf(text)}'`;
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="data:,">',
    `<title>${escapeXml(data.model)} – Kiln</title>`,
    `<style>\n${style}</style>`,
    "</head>",
    "<body>",
    '<div id="explorer">Unpacking …</div>',
    "<noscript>The explorer needs JavaScript, which this page brings along.</noscript>",
    `<script type="application/octet-stream" id="data">${await gzipped(tabled(data))}</script>`,
    `<script>${text}</script>`,
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}
