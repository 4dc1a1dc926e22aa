/** Writes files whole or not at all, and says in plain words why one could not be written or read. */

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ENOENT: "it does not exist",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "there is a file of that name, not a folder",
  EISDIR: "it is a folder, not a file",
};

/** The reason behind an error of the file system. */
export function fileErrorReason(error: unknown): string {
  const { code = "", message } = error as { code?: string; message: string };
  return REASONS[code] ?? message;
}

/** The name under which a file is written before it is moved to its place. */
export const temporaryName = (name: string): string => `.${name}.${process.pid}.tmp`;

/** Removes what processes that no longer run have left of unfinished writes in `folder`. */
export async function removeLeftovers(folder: string): Promise<void> {
  const { readdir, unlink } = await import("node:fs/promises");
  const { join } = await import("node:path");
  for (const name of await readdir(folder)) {
    const [, writer] = /^\..+\.(\d+)\.tmp$/.exec(name) ?? [];
    if (writer !== undefined && !isRunning(Number(writer))) await unlink(join(folder, name));
  }
}

function isRunning(writer: number): boolean {
  try {
    process.kill(writer, 0); // signal 0 asks, and does nothing
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** Writes `content` beside `path`, brings it to the disk and moves it there: no reader meets half a file. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const { open, rename, unlink } = await import("node:fs/promises");
  const { basename, dirname, join } = await import("node:path");
  const temporary = join(dirname(path), temporaryName(basename(path)));
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
