/** Serves a folder on this machine until it is stopped: `npx tsx examples/serve.ts FOLDER [PORT]`. */

import { serveFolder } from "./browser/static-server.ts";

const [folder, port = "8080"] = process.argv.slice(2);

if (folder === undefined) {
  console.error("which folder? npx tsx examples/serve.ts FOLDER [PORT]");
  process.exitCode = 1;
} else {
  try {
    const server = await serveFolder(folder, Number(port));
    console.log(`${folder} is served at ${server.url} (stop with Ctrl-C)`);
    process.once("SIGINT", () => server.close());
  } catch (error) {
    if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    console.error(`port ${port} is taken: npx tsx examples/serve.ts ${folder} 8081 takes another`);
    process.exitCode = 1;
  }
}
