/** A server of the files in one folder, for this machine only. */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

/** Headers under which a page is cross-origin isolated: it may share memory with workers, which is what threads need. */
export const ISOLATION: Headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

type Headers = Readonly<Record<string, string>>;

export interface StaticServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `folder` on `port`, any free one for 0; `headers` are sent with every file. */
export async function serveFolder(
  folder: string,
  port: number,
  headers: Headers = ISOLATION,
): Promise<StaticServer> {
  const server = createServer(async (request, response) => {
    try {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      // `normalize` of an absolute path never leads above its root.
      const path = normalize(decodeURIComponent(pathname === "/" ? "/index.html" : pathname));
      const content = await readFile(join(folder, path));
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, ...headers });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
