/** Opens a file in the browser that its user prefers, as far as the system can say which that is. */

import { spawn } from "node:child_process";
import { resolve } from "node:path";

/** The program that opens what it is given, by platform. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: "open", win32: "explorer.exe" };

/** Opens `path`, and says so where that fails: the file is there all the same. */
export async function openInBrowser(path: string): Promise<void> {
  const program = OPENERS[process.platform] ?? "xdg-open";
  const opened = await new Promise<boolean>((done) => {
    const child = spawn(program, [resolve(path)], { stdio: "ignore", detached: true });
    child.once("error", () => done(false));
    child.once("exit", (code) => done(code === 0 || process.platform === "win32"));
  });
  if (!opened) console.log(`open it in a browser, or have it served: --serve PORT`);
}
