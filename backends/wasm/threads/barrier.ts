/**
 * Where threads wait for each other, inside WebAssembly: a word counts arrivals, and a waiting thread polls it for a
 * while, because the others are mostly a microsecond behind, and then sleeps.
 */

import {
  atomic,
  block,
  branch,
  call,
  get,
  getGlobal,
  type Instruction,
  i32,
  i64,
  type Local,
  loop,
  operation,
  set,
  setGlobal,
  when,
} from "../encode/instructions.ts";
import type { WasmFunction, WasmGlobal } from "../encode/module.ts";

/** Bytes of a barrier: a cache line for the count of arrivals and one for the count of sleepers. */
export const BARRIER_BYTES = 128;
const SLEEPERS = 64;

/** How often a thread polls before it sleeps: some tenths of a millisecond, since waking up costs a tenth of that. */
const LOOKS = 200_000;

/** Nanoseconds after which a sleeping thread returns to its host, which checks that all threads are alive. */
const PATIENCE = 100_000_000;

/** The number of arrivals at which the barrier that a thread waits at opens; every thread counts for itself. */
export const TARGET: WasmGlobal = { name: "target", type: "i32", mutable: true, initial: 0 };

const number = (name: string): Local => ({ name, type: "i32" });

/** Counts this thread in; the last of `threads` wakes the sleeping ones. */
function arrive(at: number): WasmFunction {
  const threads = number("threads");
  const woken = number("woken");
  const target = getGlobal(TARGET.name, "i32");
  const arrivals = operation("i32.add", atomic("i32.atomic.rmw.add", i32(0), at, i32(1)), i32(1));
  return {
    name: "arrive",
    parameters: [threads],
    results: [],
    locals: [woken],
    exported: false,
    body: [
      setGlobal(TARGET.name, operation("i32.add", target, get(threads))),
      when(operation("i32.eq", arrivals, target), [
        when(atomic("i32.atomic.load", i32(0), at + SLEEPERS), [
          set(woken, atomic("memory.atomic.notify", i32(0), at, i32(-1))),
        ]),
      ]),
    ],
  };
}

/** Waits until all have arrived: then 1, or 0 if that takes so long that the other threads should be checked. */
function wait(at: number): WasmFunction {
  const [looks, arrivals, opened, result] = ["looks", "arrivals", "opened", "result"].map(number);
  const isOpen = operation(
    "i32.ge_s",
    operation("i32.sub", get(arrivals), getGlobal(TARGET.name, "i32")),
    i32(0),
  );
  const look = [
    set(arrivals, atomic("i32.atomic.load", i32(0), at)),
    set(opened, isOpen),
    branch("open", get(opened)),
  ];
  const count = (by: number): Instruction =>
    set(result, atomic("i32.atomic.rmw.add", i32(0), at + SLEEPERS, i32(by)));
  const sleep = atomic("memory.atomic.wait32", i32(0), at, get(arrivals), i64(PATIENCE));
  const TIME_IS_UP = 2;
  return {
    name: "wait",
    parameters: [],
    results: ["i32"],
    locals: [looks, arrivals, opened, result],
    exported: false,
    body: [
      block("open", [
        loop("awake", [
          ...look,
          set(looks, operation("i32.add", get(looks), i32(1))),
          branch("awake", operation("i32.lt_u", get(looks), i32(LOOKS))),
        ]),
        count(1),
        block("awoken", [
          loop("asleep", [
            set(arrivals, atomic("i32.atomic.load", i32(0), at)),
            set(opened, isOpen),
            branch("awoken", get(opened)),
            branch("asleep", operation("i32.ne", sleep, i32(TIME_IS_UP))),
          ]),
        ]),
        count(-1),
      ]),
      get(opened),
    ],
  };
}

/** The functions of a barrier whose words are at `at`; `TARGET` is the global they keep. */
export const barrierFunctions = (at: number): readonly WasmFunction[] => [arrive(at), wait(at)];

export const arriveAt = (threads: Local): Instruction => call("arrive", "none", get(threads));

/** 1 when the barrier has opened. */
export const waitThere = (): Instruction => call("wait", "i32");
