/** The explorer's page as one self-contained HTML file with style, script and data. */

import { escapeXml } from "../inspect/escape.ts";
import type { ExplorerData } from "./data.ts";
import { tabled } from "./packed.ts";

export interface PageParts {
  readonly style: string;
  /** A classic script, the only one that the page runs. */
  readonly script: string;
}

/**
 * The page's text. Its content security policy forbids loading anything and allows only its own script, identified by
 * its SHA-256: the names of models, files and modules are shown but can never run as code. `gzipped` compresses a text
 * and returns it in base64.
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
    "<noscript>The explorer needs JavaScript; its script is contained in this page.</noscript>",
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
