/** Opens a file in the user's preferred browser, as far as the system knows it. */

import { spawn } from "node:child_process";
import { resolve } from "node:path";

/** The program that opens files, by platform. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: "open", win32: "explorer.exe" };

/** Opens `path`, and says so if that fails: the file exists all the same. */
export async function openInBrowser(path: string): Promise<void> {
  const program = OPENERS[process.platform] ?? "xdg-open";
  const opened = await new Promise<boolean>((done) => {
    const child = spawn(program, [resolve(path)], { stdio: "ignore", detached: true });
    child.once("error", () => done(false));
    child.once("exit", (code) => done(code === 0 || process.platform === "win32"));
  });
  if (!opened) console.log(`open it in a browser, or have it served: --serve PORT`);
}
