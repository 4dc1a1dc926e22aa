/** Serves the explorer's page to this machine only, until the user stops it. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { KilnError } from "../../core/errors.ts";
import { fileErrorReason } from "../../files/reason.ts";

/** Serves `page` on `port`; 0 takes any free port. Resolves when the user presses Ctrl-C. */
export async function servePage(page: string, port: number): Promise<void> {
  const server = createServer(({ method, url, headers }, response) => {
    // Another site's name that resolves to this machine must not read a model's source (DNS rebinding).
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? "")) response.writeHead(403).end();
    else if (method !== "GET" || url !== "/") response.writeHead(404).end();
    else response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "EADDRINUSE" ? "another program uses it" : fileErrorReason(error);
      failed(new KilnError(`cannot serve on port ${port}: ${reason}`));
    });
    server.listen(port, "127.0.0.1", listening);
  });
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ (Ctrl-C to stop)`);
  await new Promise<void>((ended) => process.once("SIGINT", ended));
  server.close();
  server.closeAllConnections();
}
