/** Opens a file in the system's default browser. */

import { spawn } from "node:child_process";
import { resolve } from "node:path";

/** The program that opens files, by platform. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: "open", win32: "explorer.exe" };

/** Opens `path`. If that fails, it only prints a hint, since the file has already been written. */
export async function openInBrowser(path: string): Promise<void> {
  const program = OPENERS[process.platform] ?? "xdg-open";
  const opened = await new Promise<boolean>((done) => {
    const child = spawn(program, [resolve(path)], { stdio: "ignore", detached: true });
    child.once("error", () => done(false));
    child.once("exit", (code) => done(code === 0 || process.platform === "win32"));
  });
  if (!opened) console.log(`no browser could be opened: open the file yourself, or use --serve PORT`);
}
