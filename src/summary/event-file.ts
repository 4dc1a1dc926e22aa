/** One event file: events are kept in memory and appended as whole records when the file is flushed. */

import type { FileHandle } from "node:fs/promises";
import { KilnError } from "../core/errors.ts";
import { writeErrorReason } from "../files/reason.ts";
import { makeFolder } from "../files/write.ts";
import { type EventContent, encodeEvent } from "./messages.ts";
import { frame } from "./record.ts";

/** The version that TensorBoard expects in the first event of a file. */
const VERSION = "brain.Event:2";

/** Records in memory are written without being asked to when they have so many bytes. */
const MOST_PENDING_BYTES = 2 ** 20;

let filesOfThisThread = 0;
/** Numbers of other threads of this process lie apart by so much. */
const NUMBERS_OF_A_THREAD = 2 ** 20;

export class EventFile {
  /** Path of the file, which is there after the first flush. */
  readonly path: string;
  readonly #folder: string;
  readonly #flushMilliseconds: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Length of the file: all records that are wholly written. */
  #writtenBytes = 0;
  /** By the monotonic clock. */
  #lastFlush = performance.now();
  #writing: Promise<void> = Promise.resolve();

  /** A file in `folder`, named as TensorBoard's own writers name theirs; flushed by itself after `flushSeconds`. */
  constructor(folder: string, host: string, suffix: string, flushSeconds: number) {
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, "0");
    const { threadId } = process.getBuiltinModule("node:worker_threads");
    const number = threadId * NUMBERS_OF_A_THREAD + filesOfThisThread++;
    this.#folder = folder;
    this.path = `${folder}/events.out.tfevents.${seconds}.${host}.${process.pid}.${number}${suffix}`;
    this.#flushMilliseconds = flushSeconds * 1000;
    this.append(Date.now() / 1000, undefined, { kind: "version", text: VERSION });
  }

  /** Adds an event; nothing waits for the disk. */
  append(wallTime: number, step: number | undefined, content: EventContent): void {
    const record = frame(encodeEvent(wallTime, step, content));
    this.#pending.push(record);
    this.#pendingBytes += record.length;
    const isDue = performance.now() - this.#lastFlush >= this.#flushMilliseconds;
    // When this fails the records stay, and the next flush says what is wrong.
    if (isDue || this.#pendingBytes > MOST_PENDING_BYTES) this.flush().catch(() => {});
  }

  /** Writes all events so far. When it fails, they are kept for the next time. */
  flush(): Promise<void> {
    this.#lastFlush = performance.now();
    const written = this.#writing.then(() => this.#write());
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write(): Promise<void> {
    const { open } = await import("node:fs/promises");
    const records = this.#pending;
    if (records.length === 0) return;
    const bytes = Buffer.concat(records);
    try {
      await makeFolder(this.#folder);
      const file = await open(this.path, this.#writtenBytes === 0 ? "w" : "r+");
      await writeAt(file, bytes, this.#writtenBytes).finally(() => file.close());
    } catch (error) {
      throw new KilnError(`cannot write the event file ${this.path}: ${writeErrorReason(error)}`);
    }
    this.#pending = this.#pending.slice(records.length);
    this.#pendingBytes -= bytes.length;
    this.#writtenBytes += bytes.length;
  }
}

/** Writes at a position of our own, so that what a failed attempt left behind is written over. */
async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
