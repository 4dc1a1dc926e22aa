/**
 * The page's connection to its worker: one for all models, started on first use, alive as long as the page. When the
 * worker is lost, all pending calls fail, and the next one starts a new worker.
 */

import { invariant, KilnError } from "../../../src/core/errors.ts";
import type { Availability } from "../../backend.ts";
import { workerFile } from "../threads/worker-file.ts";
import {
  type Answer,
  type Call,
  errorOf,
  type Method,
  movable,
  type PageWorkerCalls,
  type Result,
  workerLost,
} from "./messages.ts";
import { forbiddenText } from "./policy.ts";
import { WORKER_SCRIPT } from "./worker-script.ts";

/** The parts of a page's globals that are used. */
interface Page {
  readonly Worker: new (url: string, options: { readonly name: string }) => PageWorker;
  readonly navigator: {
    readonly locks?: { request(name: string, use: () => void): Promise<unknown> };
  };
}

interface PageWorker {
  onmessage: (event: { readonly data: Answer }) => void;
  onmessageerror: () => void;
  onerror: (event: { readonly message?: string; preventDefault(): void }) => void;
  postMessage(message: Call, moved: readonly ArrayBuffer[]): void;
  terminate(): void;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

const page = globalThis as unknown as Page;

export class WorkerLink {
  private static current: Promise<WorkerLink> | undefined;
  private static numbers = 0;

  private readonly worker: PageWorker;
  private readonly waiting = new Map<number, Waiting>();
  private calls = 0;
  private greeting: Availability | undefined;
  /** Why the worker is gone, once it is. */
  failure: string | undefined;

  private constructor(worker: PageWorker) {
    this.worker = worker;
    worker.onmessage = ({ data }) => this.receive(data);
    worker.onmessageerror = () => this.lost("a message could not be read");
    worker.onerror = (event) => {
      event.preventDefault();
      this.lost(event.message ?? (this.greeting === undefined ? notStarted() : "it failed"));
    };
  }

  /** The link to the worker that is alive, or to a new one; throws a {@link KilnError} if there can be none. */
  static get(): Promise<WorkerLink> {
    if (WorkerLink.current === undefined) {
      const starting = WorkerLink.start();
      WorkerLink.current = starting;
      starting.catch(() => WorkerLink.forget(starting));
    }
    return WorkerLink.current;
  }

  /** A number that no other memory or program of the page has. */
  static number(): number {
    return ++WorkerLink.numbers;
  }

  private static forget(link: Promise<WorkerLink>): void {
    if (WorkerLink.current === link) WorkerLink.current = undefined;
  }

  private static async start(): Promise<WorkerLink> {
    const { url, release } = workerAddress();
    try {
      const link = new WorkerLink(startWorker(url));
      const lock = `kiln ${Date.now()} ${Math.random()}`;
      const greeted = link.call("greet", lock);
      link.greeting = await greeted.catch(() => {
        throw new KilnError(link.failure ?? "its worker does not start");
      });
      page.navigator.locks?.request(lock, () => link.lost("it ended")).catch(() => undefined);
      return link;
    } finally {
      release();
    }
  }

  /** Whether the backend can run in the worker. */
  get availability(): Availability {
    return this.greeting!;
  }

  /** Calls a method of the worker; arrays among the parameters move there, and belong to the worker from then on. */
  call<M extends Method>(method: M, ...parameters: Parameters<PageWorkerCalls[M]>): Promise<Result<M>> {
    if (this.failure !== undefined) return Promise.reject(workerLost(this.failure));
    return new Promise((resolve, reject) => {
      const id = ++this.calls;
      this.worker.postMessage({ id, method, parameters }, movable(parameters));
      this.waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
    });
  }

  /** Calls a method that frees something: if the worker is gone, that is gone, too. */
  tell<M extends "forgetMemory" | "dispose">(method: M, ...parameters: Parameters<PageWorkerCalls[M]>): void {
    this.call(method, ...parameters).catch(() => undefined);
  }

  private receive(answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    switch (answer.kind) {
      case "result":
        waiting?.resolve(answer.result);
        return;
      case "failure":
        waiting?.reject(errorOf(answer.failure));
        return;
      default:
        answer satisfies never;
    }
  }

  private lost(reason: string): void {
    if (this.failure !== undefined) return;
    this.failure = reason;
    // After an error it would go on, in an unknown state.
    this.worker.terminate();
    if (this.greeting !== undefined) WorkerLink.current = undefined;
    for (const { reject } of this.waiting.values()) reject(workerLost(reason));
    this.waiting.clear();
  }
}

function startWorker(url: string): PageWorker {
  try {
    return new page.Worker(url, { name: "kiln" });
  } catch (error) {
    throw new KilnError(`${notStarted()} (${error instanceof Error ? error.message : error})`);
  }
}

/** The address that the worker is started from: the file that the page has named, else the bundle's own text. */
function workerAddress(): { readonly url: string; release(): void } {
  const file = workerFile();
  if (file !== undefined) return { url: file, release: () => undefined };
  invariant(WORKER_SCRIPT !== undefined, "a page has the bundle, which holds the text of its worker");
  const url = URL.createObjectURL(new Blob([WORKER_SCRIPT], { type: "text/javascript" }));
  return { url, release: () => URL.revokeObjectURL(url) };
}

/** Why a worker does not start that gives no reason itself. */
function notStarted(): string {
  const file = workerFile();
  return file === undefined
    ? forbiddenText()
    : `no worker could be started from ${file}, which globalThis.kilnWorker names: it must be the package's kiln.worker.js, on ` +
        "the page's own origin, and the content security policy must allow it (worker-src 'self')";
}

/** Whether the backend can run in the page's worker, which is started to find out. */
export async function pageAvailability(): Promise<Availability> {
  try {
    return (await WorkerLink.get()).availability;
  } catch (error) {
    if (error instanceof KilnError) return { available: false, reason: error.message };
    throw error;
  }
}
