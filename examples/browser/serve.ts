/** `npm run example:browser`: builds the example page and serves it until it is stopped. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPage } from "./build.ts";
import { serveFolder } from "./static-server.ts";

const port = Number(process.env.PORT ?? 8080);
const folder = await mkdtemp(join(tmpdir(), "kiln-page-"));
const removeFolder = () => rm(folder, { recursive: true, force: true });

try {
  await buildPage(folder);
  const server = await serveFolder(folder, port);
  console.log(`LeNet trains in your browser at ${server.url} (stop with Ctrl-C)`);
  console.log(`an ONNX file of your own does at ${new URL("onnx.html", server.url)}`);
  process.once("SIGINT", async () => {
    await server.close();
    await removeFolder();
  });
} catch (error) {
  await removeFolder();
  if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
  console.error(`port ${port} is taken: PORT=8081 npm run example:browser takes another`);
  process.exitCode = 1;
}
