/**
 * The code of a worker, as text: it is started from a string, so that it works from
 * one file in Node, in a bundle and in a page. A worker handles its messages until
 * it is told to serve; then it runs its part of programs until it is called back.
 */

import { MEMORY_IMPORT } from "../memory.ts";
import { CONTROL, LOOKS } from "./control.ts";
import { DONE, RUN } from "./run-function.ts";

const { ticket, sleeping, asked, runs, calls, program, threads, from, to, base } = CONTROL;

/** The name of a thread in a page, by which the package's worker file knows what to do. */
export const THREAD_NAME = "kiln thread";

/** The script; `post` and `listen` reach the thread that started it. */
const script = (host: string): string => `"use strict";
${host}
const programs = new Map();
let control, thread, served = 0, ran = 0;

const word = (position) => Atomics.load(control, position);
const isWanted = () => word(${asked}) !== ran || word(${calls}) !== served;

function waitUntilWanted() {
  for (let looks = 0; looks < ${LOOKS}; looks++) if (isWanted()) return;
  Atomics.store(control, ${sleeping}, 1);
  for (;;) {
    const seen = word(${ticket});
    if (isWanted()) break;
    Atomics.wait(control, ${ticket}, seen);
  }
  Atomics.store(control, ${sleeping}, 0);
}

function serve() {
  served++;
  for (;;) {
    waitUntilWanted();
    if (word(${calls}) !== served) return;
    ran = word(${asked});
    const run = programs.get(word(${program}));
    const count = word(${threads}), end = word(${to}), start = word(${base});
    const first = word(${from});
    let at = ${DONE};
    do at = run(thread, count, first, end, start, at);
    while (at !== ${DONE});
    Atomics.add(control, ${runs}, 1);
  }
}

listen((message) => {
  try {
    switch (message.kind) {
      case "start":
        control = new Int32Array(message.control);
        thread = message.thread;
        return;
      case "load": {
        const imports = { ${MEMORY_IMPORT.module}: { ${MEMORY_IMPORT.field}: message.memory } };
        programs.set(message.id, new WebAssembly.Instance(message.module, imports).exports.${RUN});
        post({ kind: "loaded", id: message.id });
        return;
      }
      case "unload":
        programs.delete(message.id);
        return;
      case "serve":
        serve();
    }
  } catch (error) {
    post({ kind: "failed", reason: String(error) });
  }
});
`;

export const NODE_WORKER = script(`const { parentPort } = require("node:worker_threads");
const post = (message) => parentPort.postMessage(message);
const listen = (receive) => parentPort.on("message", receive);`);

export const PAGE_WORKER = script(`const post = (message) => self.postMessage(message);
const listen = (receive) => self.addEventListener("message", ({ data }) => receive(data));`);
