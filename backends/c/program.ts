/** A program in a library of its own, on the model's memory: loaded, fed and run. */

import { type TypedArray, viewOf } from "../../src/core/dtype.ts";
import { invariant, KilnError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { type Move, moveElements } from "../../src/loop/loops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Executable, KernelSource } from "../backend.ts";
import type { ForeignFunction, Koffi, Library } from "./koffi.ts";
import { loadLibrary, runtimeOn } from "./library.ts";
import { Block, type CStates } from "./memory.ts";
import { type Call, type OrderSource, orderOf, placeAt } from "./orders.ts";
import type { CodeOptions } from "./print/prelude.ts";
import { STEP_WORDS } from "./runtime-source.ts";
import { type PlacedKernel, printOne, printProgram, tableName } from "./source.ts";
import type { Toolchain } from "./toolchain.ts";

/** Runs that took longer go to a thread of their own, so that the event loop goes on: that costs some 20 µs. */
const LONG_MS = 4;

/** What a program needs to be built and run. */
export interface Surroundings {
  readonly koffi: Koffi;
  readonly toolchain: Toolchain;
  readonly code: CodeOptions;
  /** Whether results too small for a normal float are 0, which no other backend does. */
  readonly flushesToZero: boolean;
  /** How many compilers may run at once. */
  readonly processors: number;
}

/** Prints, builds and loads `plan`. */
export async function loadProgram(
  plan: ProgramPlan,
  states: CStates,
  around: Surroundings,
): Promise<CProgram> {
  const { koffi, toolchain, code, processors } = around;
  const { files, kernels } = printProgram(plan, code, processors);
  const [run, library] = await Promise.all([
    runtimeOn(koffi, toolchain),
    loadLibrary(koffi, files, toolchain),
  ]);
  const tables = files.map((_, k) => library.func(tableName(k), "int64_t", ["int64_t"]));
  return new CProgram(plan, states, around, { run, library, kernels, tables });
}

interface Loaded {
  readonly run: ForeignFunction;
  readonly library: Library;
  readonly kernels: readonly PlacedKernel[];
  readonly tables: readonly ForeignFunction[];
}

/** A list of steps in memory. */
interface Order {
  readonly block: Block;
  readonly count: number;
  /** As many as there is work for. */
  readonly threads: number;
  /** Milliseconds that the last run of it took. */
  milliseconds: number;
}

export class CProgram implements Executable {
  readonly backend = "c";
  private readonly plan: ProgramPlan;
  private readonly code: CodeOptions;
  private readonly koffi: Koffi;
  private readonly threads: number;
  private readonly flushesToZero: boolean;
  private loaded: Loaded | undefined;
  private readonly orderSource: OrderSource;
  private readonly orders = new Map<number, Order>();
  private readonly views = new Map<string, TypedArray>();
  private readonly scalars: Float64Array;
  private readonly scalarsAt: number;
  /** What C reads and writes, the states' memory among it: it must not go before the program does. */
  private readonly held: unknown[];

  constructor(
    plan: ProgramPlan,
    states: CStates,
    { koffi, code, flushesToZero }: Surroundings,
    loaded: Loaded,
  ) {
    this.plan = plan;
    this.code = code;
    this.koffi = koffi;
    this.threads = plan.threads ?? 1;
    this.flushesToZero = flushesToZero;
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
    const lists = new Block(
      koffi,
      8 *
        Math.max(
          1,
          plan.kernels.reduce((sum, { buffers }) => sum + buffers.length, 0),
        ),
    );
    const words = new BigInt64Array(lists.buffer, lists.offset);
    let word = 0;
    const calls = plan.kernels.map((_, k): readonly Call[] => {
      const list = lists.address + 8 * word;
      for (const name of loaded.kernels[k].buffers) {
        const address = addresses.get(name);
        invariant(address !== undefined, `no address for ${name}`);
        words[word++] = BigInt(address);
      }
      return loaded.kernels[k].phases.map(({ file, number, isDivided }) => ({
        address: loaded.tables[file](number),
        buffers: list,
        isDivided,
      }));
    });
    this.held = [arena, scalars, lists];
    this.orderSource = {
      calls,
      loops: plan.loops ?? [],
      placeOf: (buffer) => placeAt(addresses.get(buffer)!, specs.get(buffer)!.dtype),
    };
  }

  /** Printed again when somebody reads them: kernels that are alike share their code, and each has names of its own here. */
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
    const { loaded } = this;
    invariant(loaded !== undefined, "a program runs before it is disposed of");
    this.scalars.set(scalars);
    const order = this.orderFor(from, to);
    const flushes = this.flushesToZero ? 1 : 0;
    const parameters = [order.block.address, order.count, this.scalarsAt, order.threads, flushes];
    const begin = performance.now();
    const ended = (result: number): void => {
      order.milliseconds = performance.now() - begin;
      if (result !== 0)
        throw new KilnError(
          `the system has no ${this.threads} threads for the c backend: ask for fewer with \`threads\``,
        );
    };
    if (order.milliseconds < LONG_MS) return ended(loaded.run(...parameters));
    return new Promise<number>((resolve, reject) => {
      loaded.run.async(...parameters, (error, result) => (error ? reject(error) : resolve(result)));
    }).then(ended);
  }

  private orderFor(from: number, to: number): Order {
    const key = from * (this.plan.kernels.length + 1) + to;
    let order = this.orders.get(key);
    if (order === undefined) {
      const words = orderOf(this.orderSource, from, to);
      const block = new Block(this.koffi, 8 * Math.max(1, words.length));
      new BigInt64Array(block.buffer, block.offset, words.length).set(words);
      const isDivided = this.orderSource.calls
        .slice(from, to)
        .flat()
        .some((call) => call.isDivided);
      const threads = isDivided ? this.threads : 1;
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
    const { loaded } = this;
    if (loaded === undefined) return;
    this.loaded = undefined;
    this.orders.clear();
    this.views.clear();
    this.held.length = 0;
    loaded.library.unload();
  }
}
