/** The host's support for threads: workers of Node or of a browser, shared memory, and whether this thread may wait. */

import { KilnError } from "../../../src/core/errors.ts";
import { MOST_THREADS } from "../../options.ts";
import type { FromWorker, ToWorker } from "./control.ts";
import { workerFile } from "./worker-file.ts";
import { NODE_WORKER, PAGE_WORKER, THREAD_NAME } from "./worker-source.ts";

/** A worker as a pool sees it. */
export interface Thread {
  post(message: ToWorker): void;
  /** Whether the process waits for this worker; without effect if processes do not end by themselves. */
  holdProcess(hold: boolean): void;
  terminate(): void;
}

export interface ThreadEvents {
  message(message: FromWorker): void;
  /** It has ended, or could not start. */
  ended(reason: string): void;
}

/** Whether there can be several threads here, how many by default, and what is missing if there is only one. */
export interface ThreadSupport {
  readonly possible: boolean;
  readonly usual: number;
  readonly reason: string;
}

/** The parts of a browser's globals that are used. */
interface PageScope {
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly document?: object;
  readonly Worker?: new (url: string, options: { readonly name: string }) => PageWorker;
}

interface PageWorker {
  onmessage: (event: { readonly data: FromWorker }) => void;
  onerror: (event: { readonly message?: string; preventDefault?(): void }) => void;
  postMessage(message: ToWorker): void;
  terminate(): void;
}

const scope = globalThis as unknown as PageScope;

/** Node's modules, if this is Node. */
const node = typeof process === "undefined" ? undefined : process.getBuiltinModule;

/** Whether this is a page's main thread, which may not wait and should not work: a worker does everything. */
export const isPage = (): boolean =>
  node === undefined && scope.document !== undefined && scope.Worker !== undefined;

/** Whether memories can be shared with workers at all. */
export const canShareMemory = (): boolean =>
  typeof SharedArrayBuffer !== "undefined" && (node !== undefined || scope.crossOriginIsolated === true);

/** The same on a page's main thread and in its worker. */
export function threadSupport(): ThreadSupport {
  if (node !== undefined) return counted(node("node:os").availableParallelism());
  if (scope.Worker === undefined) return { possible: false, usual: 1, reason: "one thread: no workers here" };
  if (!canShareMemory()) {
    return {
      possible: false,
      usual: 1,
      reason:
        "one thread: memory is shared with workers only where the page is cross-origin isolated (COOP and COEP)",
    };
  }
  return counted(scope.navigator?.hardwareConcurrency ?? 1);
}

const counted = (processors: number): ThreadSupport => {
  const usual = Math.min(processors, MOST_THREADS);
  return { possible: true, usual, reason: usual === 1 ? "one thread: one processor" : `${usual} threads` };
};

/** Starts a worker, which waits for messages. */
export function startThread(events: ThreadEvents): Thread {
  if (node !== undefined) return startNodeThread(node("node:worker_threads"), events);
  const { Worker } = scope;
  if (Worker === undefined) throw new KilnError(`threads are not available here: ${threadSupport().reason}`);
  const file = workerFile();
  const url = file ?? URL.createObjectURL(new Blob([PAGE_WORKER], { type: "text/javascript" }));
  const worker = new Worker(url, { name: THREAD_NAME });
  worker.onmessage = ({ data }) => {
    if (file === undefined) URL.revokeObjectURL(url);
    events.message(data);
  };
  worker.onerror = (event) => {
    event.preventDefault?.();
    events.ended(
      event.message ??
        (file === undefined
          ? "the page's content security policy forbids workers from blob: addresses"
          : `it could not be started from ${file}`),
    );
  };
  return {
    post: (message) => worker.postMessage(message),
    holdProcess: () => undefined,
    terminate: () => worker.terminate(),
  };
}

function startNodeThread({ Worker }: typeof import("node:worker_threads"), events: ThreadEvents): Thread {
  // None of the process's own flags: loaders and preloads belong to its program, not to generated code.
  const worker = new Worker(NODE_WORKER, { eval: true, name: "kiln", execArgv: [], env: {} });
  worker.on("message", (message: FromWorker) => events.message(message));
  worker.on("error", (error: unknown) => events.ended(String(error)));
  worker.on("exit", () => events.ended("it ended"));
  // After the listeners, each of which holds the process again.
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    holdProcess: (hold) => (hold ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}
