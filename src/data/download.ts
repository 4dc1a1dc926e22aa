/**
 * Fetches published files. Received bytes are in a separate file (`.part`) until its checksum is verified, so that an
 * interrupted download resumes where it stopped, and a partial file is never taken for the whole.
 */

import { KilnError } from "../core/errors.ts";
import { fileSize } from "../files/read.ts";
import { codeOf, writeErrorReason } from "../files/reason.ts";
import { makeDataFolder, md5OfFile, messageOf } from "./file.ts";
import { addressOf, type PublishedFile } from "./published.ts";

/** The largest file that is fetched: a server cannot fill the disk. CIFAR-10's archive has 170 MB. */
export const MAX_DOWNLOAD_BYTES = 2 ** 28;

/**
 * Sees to it that `folder` holds `file`, whole and with the right checksum, and says whether it had to be fetched
 * from `mirror`. A file with another checksum is replaced.
 */
export async function ensureFile(file: PublishedFile, folder: string, mirror: string): Promise<boolean> {
  const path = `${folder}/${file.name}`;
  if ((await fileSize(path)) !== undefined) {
    const found = await md5OfFile(path);
    if (found === file.md5) return false;
    console.log(`${path} has the MD5 checksum ${found} instead of ${file.md5} and is fetched again`);
  }
  const url = addressOf(mirror, file.name);
  console.log(`Downloading ${url} to ${path}`);
  await makeDataFolder(folder);
  await fetchPart(url, path);
  await acceptPart(url, path, file.md5);
  return true;
}

const partOf = (path: string): string => `${path}.part`;

/** Completes the `.part` file, from where an earlier attempt left it. */
async function fetchPart(url: string, path: string): Promise<void> {
  const present = (await fileSize(partOf(path))) ?? 0;
  const response = await request(url, path, present);
  const continues = response.status === 206 && rangeStart(response) === present;
  const isComplete = response.status === 416 && present > 0 && totalBytes(response) === present;
  if (isComplete) return discard(response);
  if (response.status === 416 && present > 0) {
    await discard(response);
    await removePart(path);
    throw new KilnError(`${url} is not the file that ${partOf(path)} is a part of; run again to start over`);
  }
  if (response.status !== 200 && !continues) {
    await discard(response);
    throw new KilnError(
      `cannot fetch ${url}: the server answers ${response.status} ${response.statusText}; ${byHand(path)}`,
    );
  }
  await append(response, url, path, continues ? present : 0);
}

async function request(url: string, path: string, present: number): Promise<Response> {
  // Any packing on the way would change the bytes that the checksum and the ranges are about.
  const headers = { "accept-encoding": "identity", ...(present > 0 ? { range: `bytes=${present}-` } : {}) };
  try {
    return await fetch(url, { headers });
  } catch (error) {
    throw new KilnError(`cannot fetch ${url}: ${messageOf(error)}; ${byHand(path)}`);
  }
}

/** Writes what arrives behind the first `present` bytes of the `.part` file. */
async function append(response: Response, url: string, path: string, present: number): Promise<void> {
  const { open } = await import("node:fs/promises");
  const announced = response.headers.get("content-length");
  const total = announced === null ? undefined : present + Number(announced);
  let size = present;
  const file = await open(partOf(path), present > 0 ? "a" : "w").catch((error: unknown) => {
    throw new KilnError(`cannot write ${partOf(path)}: ${writeErrorReason(error)}`);
  });
  try {
    checkAmount(total ?? size, url, path);
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      checkAmount(size, url, path);
      await file.writeFile(chunk);
    }
    await file.sync();
  } catch (error) {
    if (error instanceof KilnError) {
      await removePart(path);
      throw error;
    }
    if (isDiskError(error)) throw new KilnError(`cannot write ${partOf(path)}: ${writeErrorReason(error)}`);
    const amount = total === undefined ? `${size} bytes` : `${size} of ${total} bytes`;
    throw new KilnError(
      `the connection to ${url} broke after ${amount} (${messageOf(error)}); run again to continue from there`,
    );
  } finally {
    await file.close();
    if (!response.bodyUsed) await discard(response);
  }
}

function checkAmount(bytes: number, url: string, path: string): void {
  if (bytes <= MAX_DOWNLOAD_BYTES) return;
  throw new KilnError(`${url} has more than ${MAX_DOWNLOAD_BYTES} bytes, too many to be ${path}`);
}

/** Makes the `.part` file the file itself when its checksum is right, and removes it when not. */
async function acceptPart(url: string, path: string, md5: string): Promise<void> {
  const { rename } = await import("node:fs/promises");
  const found = await md5OfFile(partOf(path));
  if (found !== md5) {
    await removePart(path);
    throw new KilnError(
      `what ${url} sent has the MD5 checksum ${found}, but ${md5} was expected; it has been removed`,
    );
  }
  await rename(partOf(path), path);
}

async function removePart(path: string): Promise<void> {
  const { rm } = await import("node:fs/promises");
  await rm(partOf(path), { force: true });
}

const discard = async (response: Response): Promise<void> => response.body?.cancel();

/** Where the bytes of a partial answer begin: `bytes 100-199/200` gives 100. */
function rangeStart(response: Response): number | undefined {
  const [, start] = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "") ?? [];
  return start === undefined ? undefined : Number(start);
}

/** Length of the whole file in the answer to a refused range: the number behind its slash. */
function totalBytes(response: Response): number | undefined {
  const [, total] = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
  return total === undefined ? undefined : Number(total);
}

const isDiskError = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT", "EIO", "EFBIG"].includes(String(codeOf(error)));

const byHand = (path: string): string => `without a network, put the file at ${path} by hand and run again`;
