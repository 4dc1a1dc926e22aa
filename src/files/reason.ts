/** Says in plain words why a file operation failed. */

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "no more may be written, the quota is used up",
  EFBIG: "the file would be larger than the system allows",
  ENOENT: "it does not exist",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "there is a file of that name, not a folder",
  EISDIR: "it is a folder, not a file",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  EMFILE: "this process has too many files open",
  ENFILE: "the system has too many files open",
  EIO: "the disk fails (an input/output error)",
  ENODEV: "there is no device behind it",
  ENXIO: "there is no device behind it",
  EPIPE: "its reader has gone",
};

/** The reason for an error of the file system. */
export function fileErrorReason(error: unknown): string {
  const reason = REASONS[String(codeOf(error))];
  return reason ?? (error instanceof Error ? error.message : String(error));
}

/** The reason why a file could not be written: if something is missing, it is the folder. */
export const writeErrorReason = (error: unknown): string =>
  codeOf(error) === "ENOENT" ? "its folder does not exist" : fileErrorReason(error);

/** The code that the system gives an error, such as `ENOENT`. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
