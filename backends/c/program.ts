/** A program in a library of its own, on the model's memory: loaded, fed and run. */

import { type TypedArray, viewOf } from "../../src/core/dtype.ts";
import { invariant, KilnError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { type Move, moveElements } from "../../src/loop/loops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Executable, KernelSource } from "../backend.ts";
import { isWhole, Pace } from "../pace.ts";
import { bufferPlaces, runSteps } from "../run-steps.ts";
import type { ForeignFunction, Koffi, Library } from "./koffi.ts";
import { loadLibrary, runtimeOn } from "./library.ts";
import { Block, type CStates } from "./memory.ts";
import { type Call, OrderWriter } from "./orders.ts";
import type { CodeOptions } from "./print/prelude.ts";
import { STEP_WORDS } from "./runtime-source.ts";
import { type PlacedKernel, type PlacedPart, printOne, printPrograms, tableName } from "./source.ts";
import type { Toolchain } from "./toolchain.ts";

/**
 * Longer runs go to a thread of their own, so that the event loop goes on. A direct call takes 0.2 µs, the way there
 * and back 11 to 24 µs (Node 20 and 24): at most 1 % of such a run.
 */
const LONG_MS = 2;

/** What a program needs to be built and run. */
export interface Surroundings {
  readonly koffi: Koffi;
  readonly toolchain: Toolchain;
  readonly code: CodeOptions;
  /** Whether subnormal results are 0, unlike in any other backend. */
  readonly flushesToZero: boolean;
  /** How many compilers may run at once. */
  readonly processors: number;
  /** Whether each run may take one thread if that is faster. */
  readonly mayRunAlone: boolean;
}

/** Prints and builds `plans` in one library, and loads it for each of them. */
export async function loadPrograms(
  plans: readonly ProgramPlan[],
  states: CStates,
  around: Surroundings,
): Promise<readonly CProgram[]> {
  const { koffi, toolchain, code, processors } = around;
  const { files, functions, programs } = printPrograms(plans, code, processors);
  const loading = loadLibrary(koffi, files, toolchain);
  const made: CProgram[] = [];
  /** A library that no program has yet. */
  let loose: Library | undefined;
  try {
    const [run, first] = await Promise.all([runtimeOn(koffi, toolchain), loading]);
    loose = first;
    const addresses = new Map<string, number>();
    for (const [file, names] of functions.entries()) {
      const addressOf = first.func(tableName(file), "int64_t", ["int64_t"]);
      for (const [number, name] of names.entries()) addresses.set(name, addressOf(number));
    }
    for (const [k, kernels] of programs.entries()) {
      // The system counts references: each program releases its own when it is disposed of.
      const library = loose ?? (await loadLibrary(koffi, files, toolchain));
      loose = library;
      made.push(new CProgram(plans[k], states, around, { run, library, kernels, addresses }));
      loose = undefined;
    }
    return made;
  } catch (error) {
    for (const program of made) program.dispose();
    (loose ?? (made.length === 0 ? await loading.catch(() => undefined) : undefined))?.unload();
    throw error;
  }
}

interface Loaded {
  readonly run: ForeignFunction;
  readonly library: Library;
  readonly kernels: readonly PlacedKernel[];
  /** The addresses of all functions. */
  readonly addresses: ReadonlyMap<string, number>;
}

/** An order in memory. */
interface PlacedOrder {
  readonly block: Block;
  readonly count: number;
  /** At most as many as there is work for. */
  readonly threads: number;
  /** Milliseconds that its last run took. */
  milliseconds: number;
}

export class CProgram implements Executable {
  readonly backend = "c";
  private readonly plan: ProgramPlan;
  private readonly code: CodeOptions;
  private readonly koffi: Koffi;
  private readonly flushesToZero: boolean;
  private loaded: Pick<Loaded, "run" | "library"> | undefined;
  private readonly pace: Pace | undefined;
  private readonly writer: OrderWriter;
  private readonly orders = new Map<number, PlacedOrder>();
  private readonly views = new Map<string, TypedArray>();
  private readonly scalars: Float64Array;
  private readonly scalarsAt: number;
  /** A run on another thread. */
  private running: Promise<void> | undefined;
  /** The memory that C reads and writes, including the states': it must outlive the program. */
  private readonly held: unknown[];

  constructor(
    plan: ProgramPlan,
    states: CStates,
    { koffi, code, flushesToZero, mayRunAlone }: Surroundings,
    loaded: Loaded,
  ) {
    this.plan = plan;
    this.code = code;
    this.koffi = koffi;
    this.flushesToZero = flushesToZero;
    this.pace = mayRunAlone ? new Pace() : undefined;
    this.loaded = loaded;
    const scalarBytes = 8 * Math.max(1, plan.scalars.length);
    const arena = new Block(koffi, plan.arenaBytes);
    const scalars = new Block(koffi, scalarBytes);
    this.scalars = new Float64Array(scalars.buffer, scalars.offset, plan.scalars.length);
    this.scalarsAt = scalars.address;
    const addresses = new Map<string, number>();
    const specs = new Map(plan.buffers.map((b) => [b.name, b]));
    for (const { buffer, byteOffset } of plan.placements) {
      const { dtype, shape } = specs.get(buffer)!;
      addresses.set(buffer, arena.address + byteOffset);
      this.views.set(buffer, viewOf(arena.buffer, dtype, arena.offset + byteOffset, sizeOf(shape)));
    }
    for (const { name, buffer } of plan.states) {
      const { view, address } = states.place(name, koffi);
      addresses.set(buffer, address);
      this.views.set(buffer, view);
    }
    const { kernels } = loaded;
    const lists = new Block(
      koffi,
      8 *
        kernels.reduce((sum, { parts }) => parts.reduce((all, { buffers }) => all + buffers.length, sum), 1),
    );
    const words = new BigInt64Array(lists.buffer, lists.offset);
    let word = 0;
    const callsOf = ({ functions, buffers }: PlacedPart): readonly Call[] => {
      const list = lists.address + 8 * word;
      for (const name of buffers) {
        const address = addresses.get(name);
        invariant(address !== undefined, `no address for ${name}`);
        words[word++] = BigInt(address);
      }
      return functions.map((name) => ({ address: loaded.addresses.get(name)!, buffers: list }));
    };
    const calls = kernels.map(({ parts }) => parts.flatMap(callsOf));
    this.held = [arena, scalars, lists];
    const places = bufferPlaces(plan, addresses);
    const steps = kernels.map(({ phases }, k) => ({
      phases,
      accesses: plan.kernels[k].buffers.map(({ name, access }) => places.accessOf(name, access !== "read")),
    }));
    this.writer = new OrderWriter(runSteps(steps, plan.loops ?? [], places), calls);
  }

  /** Printed again when read: equal kernels share their code, and each has its own names here. */
  get sources(): readonly KernelSource[] {
    const { plan, code } = this;
    return plan.kernels.map((kernel) => ({
      name: kernel.name,
      get text() {
        return printOne(kernel, plan, code);
      },
    }));
  }

  write(buffer: string, data: TypedArray): void {
    this.views.get(buffer)!.set(data);
  }

  run(from: number, to: number, scalars: Float64Array): void | Promise<void> {
    this.scalars.set(scalars);
    const order = this.orderFor(from, to);
    const { pace } = this;
    if (order.threads === 1 || pace === undefined) return this.runOrder(order, order.threads);
    const run = (isTogether: boolean) => this.runOrder(order, isTogether ? order.threads : 1);
    return pace.keep(isWhole(from, to, this.plan.kernels.length, this.plan.preparedTo), run);
  }

  private runOrder(order: PlacedOrder, threads: number): void | Promise<void> {
    const { loaded } = this;
    invariant(loaded !== undefined, "a program runs before it is disposed of");
    const { run } = loaded;
    const begin = performance.now();
    const ended = (result: number): void => {
      order.milliseconds = performance.now() - begin;
      if (result !== 0)
        throw new KilnError(
          `the system cannot start ${threads} threads for the c backend: ask for fewer with \`threads\``,
        );
    };
    const { address } = order.block;
    const flushes = this.flushesToZero ? 1 : 0;
    if (order.milliseconds < LONG_MS)
      return ended(run(address, order.count, this.scalarsAt, threads, flushes));
    const running = new Promise<number>((resolve, reject) => {
      run.async(address, order.count, this.scalarsAt, threads, flushes, (error, result) =>
        error ? reject(error) : resolve(result),
      );
    }).then(ended);
    this.running = running;
    return running;
  }

  private orderFor(from: number, to: number): PlacedOrder {
    const key = from * (this.plan.kernels.length + 1) + to;
    let order = this.orders.get(key);
    if (order === undefined) {
      const { words, threads } = this.writer.write(from, to);
      const block = new Block(this.koffi, words.byteLength);
      new BigInt64Array(block.buffer, block.offset, words.length).set(words);
      order = { block, count: words.length / STEP_WORDS, threads, milliseconds: 0 };
      this.orders.set(key, order);
    }
    return order;
  }

  move(move: Move, place: number): void {
    moveElements(this.views.get(move.from)!, this.views.get(move.to)!, move, place);
  }

  read(buffer: string, into: TypedArray): void {
    into.set(this.views.get(buffer)!);
  }

  dispose(): void {
    const { loaded, running } = this;
    if (loaded === undefined) return;
    this.loaded = undefined;
    const free = (): void => {
      this.orders.clear();
      this.views.clear();
      this.held.length = 0;
      loaded.library.unload();
    };
    // A run keeps its code and its memory until it ends.
    if (running === undefined) free();
    else void running.then(free, free);
  }
}
