/**
 * The `c` backend's programs under the compilers' sanitizers: each run is a process of its own, whose executable has the
 * program, the runtime and the sanitizers in it.
 */

import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Backend, Executable, StateMemory, StateSpec } from "../../../backends/backend.ts";
import { type CBackendOptions, createCBackend } from "../../../backends/c/backend.ts";
import { OrderWriter } from "../../../backends/c/orders.ts";
import { CALL, MEETING, MOVE, RUNTIME_SOURCE, STEP_WORDS } from "../../../backends/c/runtime-source.ts";
import { type ProgramSource, printPrograms, tableName } from "../../../backends/c/source.ts";
import { requireToolchain } from "../../../backends/c/toolchain.ts";
import { bufferPlaces, runSteps } from "../../../backends/run-steps.ts";
import { allocate, type TypedArray, viewOf } from "../../../src/core/dtype.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import { movedBy, moveElements } from "../../../src/loop/loops.ts";
import { arenaBytesOf, type ProgramPlan } from "../../../src/loop/plan.ts";

export interface Sanitizers {
  /** What the compiler is asked to look for. */
  readonly flags: readonly string[];
  /** What the sanitizers are told when they run. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether buffers lie together in one arena, as the plan has them, or each in a block of its own. */
  readonly arena: "one" | "none";
}

/**
 * Whatever leaves a buffer by one byte, and whatever C leaves undefined: casts of numbers beyond an integer's range among it.
 */
export const MEMORY: Sanitizers = {
  flags: ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"],
  environment: { ASAN_OPTIONS: "detect_leaks=0" },
  arena: "none",
};

/** What one thread writes while another reads or writes it. */
export const RACES: Sanitizers = {
  flags: ["-fsanitize=thread"],
  environment: { TSAN_OPTIONS: "halt_on_error=1" },
  arena: "one",
};

/**
 * A `c` backend each of whose runs is a process that ends where a sanitizer finds something; then `run` throws what it said.
 * Threads that do not meet are there to be found.
 */
export function sanitizedBackend(options: CBackendOptions, sanitizers: Sanitizers, doMeet = true): Backend {
  const c = createCBackend(options);
  return {
    name: "c",
    get capabilities() {
      return c.capabilities;
    },
    configured: (wanted) => sanitizedBackend({ ...options, ...wanted }, sanitizers, doMeet),
    available: () => c.available(),
    createStateMemory: () => new HostStates(),
    async compile(plan, states) {
      const code = {
        lanes: c.capabilities.vectorWidth,
        isFused: requireToolchain().hasFusedMultiplyAdd,
      };
      const source = printPrograms([plan], code, 2);
      const folder = await mkdtemp(join(tmpdir(), "kiln-sanitized-"));
      const path = await build(folder, [...source.files, RUNTIME_SOURCE, mainSource(source)], sanitizers);
      return new SanitizedProgram(plan, states as HostStates, source, {
        ...{ path, folder, sanitizers, doMeet },
      });
    },
  };
}

/** Builds an executable of these sources, all at once. */
async function build(
  folder: string,
  sources: readonly string[],
  { flags: asked }: Sanitizers,
): Promise<string> {
  const { command, flags } = requireToolchain();
  const all = [...flags, ...asked, "-O1", "-g1", "-fno-omit-frame-pointer"];
  const call = promisify(execFile);
  const objects = await Promise.all(
    sources.map(async (source, k) => {
      const [file, object] = [join(folder, `part${k}.c`), join(folder, `part${k}.o`)];
      await writeFile(file, source);
      await call(command, [...all, "-c", file, "-o", object]);
      return object;
    }),
  );
  const path = join(folder, "program");
  await call(command, [...all, ...objects, "-lm", "-o", path]);
  return path;
}

/** What an address is made of where it is handed to the executable: a block's number and a place in it. */
const BLOCK = 2 ** 32;

/** A function's address likewise: its file and its number there. */
const FILE = 2 ** 16;

/**
 * Reads how much there is of everything, the sizes of blocks and the bytes of those that are there, lists of buffers,
 * scalars and steps; runs; writes the blocks.
 */
const mainSource = ({ files }: ProgramSource): string => `#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int32_t kiln_run(int64_t steps, int64_t count, int64_t scalars, int64_t threads, int64_t flushes);
${files.map((_, k) => `int64_t ${tableName(k)}(int64_t number);`).join("\n")}
static int64_t (*const tables[])(int64_t) = {${files.map((_, k) => tableName(k)).join(", ")}};
static char **blocks;

static int64_t at(int64_t address) {
  // Of a block that is not there nothing is read.
  return (int64_t)(intptr_t)blocks[address / ${BLOCK}] + address % ${BLOCK};
}

static void *filled(int64_t bytes) {
  void *block = malloc((size_t)bytes);
  if (fread(block, 1, (size_t)bytes, stdin) != (size_t)bytes) exit(3);
  return block;
}

int main(void) {
  const int64_t *counts = filled(5 * 8);
  const int64_t *sizes = filled(8 * counts[0]);
  blocks = calloc((size_t)counts[0], sizeof(char *));
  for (int64_t k = 0; k < counts[0]; k++)
    if (sizes[k] >= 0) blocks[k] = filled(sizes[k]);
  int64_t *lists = filled(8 * counts[1]);
  for (int64_t k = 0; k < counts[1]; k++) lists[k] = at(lists[k]);
  double *scalars = filled(8 * counts[2]);
  int64_t *steps = filled(${8 * STEP_WORDS} * counts[3]);
  for (int64_t *step = steps; step < steps + ${STEP_WORDS} * counts[3]; step += ${STEP_WORDS}) {
    if (step[0] == ${CALL}) {
      step[1] = tables[step[1] / ${FILE}](step[1] % ${FILE});
      step[2] = (int64_t)(intptr_t)(lists + step[2]);
    } else if (step[0] == ${MOVE}) {
      step[1] = at(step[1]);
      step[2] = at(step[2]);
    }
  }
  if (kiln_run((int64_t)(intptr_t)steps, counts[3], (int64_t)(intptr_t)scalars, counts[4], 1) != 0) return 4;
  for (int64_t k = 0; k < counts[0]; k++)
    if (sizes[k] >= 0) fwrite(blocks[k], 1, (size_t)sizes[k], stdout);
  return 0;
}
`;

/** States as arrays of their own. */
class HostStates implements StateMemory {
  readonly arrays = new Map<string, TypedArray>();
  readonly byteLength = 0;

  allocate(states: readonly StateSpec[]): void {
    for (const { name, dtype, shape } of states)
      if (!this.arrays.has(name)) this.arrays.set(name, allocate(dtype, sizeOf(shape)));
  }

  async read(name: string): Promise<TypedArray> {
    return this.arrays.get(name)!.slice();
  }

  async write(name: string, data: TypedArray): Promise<void> {
    this.arrays.get(name)!.set(data);
  }
}

interface Built {
  readonly path: string;
  readonly folder: string;
  readonly sanitizers: Sanitizers;
  readonly doMeet: boolean;
}

class SanitizedProgram implements Executable {
  readonly backend = "c";
  readonly sources = [];
  private readonly plan: ProgramPlan;
  private readonly built: Built;
  private readonly blocks: Uint8Array[] = [];
  private readonly views = new Map<string, TypedArray>();
  private readonly addresses = new Map<string, number>();
  private readonly lists: number[] = [];
  private readonly writer: OrderWriter;

  constructor(plan: ProgramPlan, states: HostStates, source: ProgramSource, built: Built) {
    this.plan = plan;
    this.built = built;
    this.layOut(states);
    const functions = new Map(
      source.functions.flatMap((names, file) => names.map((name, k) => [name, file * FILE + k] as const)),
    );
    const calls = source.programs[0].map(({ parts }) =>
      parts.flatMap((part) => {
        const list = this.lists.length;
        this.lists.push(...part.buffers.map((name) => this.addresses.get(name)!));
        return part.functions.map((name) => ({ address: functions.get(name)!, buffers: list }));
      }),
    );
    const places = bufferPlaces(plan, this.addresses);
    const steps = source.programs[0].map(({ phases }, k) => ({
      phases,
      accesses: plan.kernels[k].buffers.map(({ name, access }) => places.accessOf(name, access !== "read")),
    }));
    this.writer = new OrderWriter(runSteps(steps, plan.loops ?? [], places), calls);
  }

  /** Gives every buffer its place. What nobody has written is NaN, and no index. */
  private layOut(states: HostStates): void {
    const { plan, built } = this;
    const block = (bytes: number): number => this.blocks.push(new Uint8Array(bytes).fill(0xff)) - 1;
    const arena = built.sanitizers.arena === "one" ? block(plan.arenaBytes) : undefined;
    const specs = new Map(plan.buffers.map((b) => [b.name, b]));
    for (const { buffer, byteOffset } of plan.placements) {
      const spec = specs.get(buffer)!;
      const [at, offset] = arena === undefined ? [block(arenaBytesOf(spec, plan)), 0] : [arena, byteOffset];
      this.addresses.set(buffer, at * BLOCK + offset);
      this.views.set(
        buffer,
        viewOf(this.blocks[at].buffer as ArrayBuffer, spec.dtype, offset, sizeOf(spec.shape)),
      );
    }
    for (const { name, buffer } of plan.states) {
      const array = states.arrays.get(name)!;
      this.blocks.push(bytesOf(array));
      this.addresses.set(buffer, (this.blocks.length - 1) * BLOCK);
      this.views.set(buffer, array);
    }
  }

  write(buffer: string, data: TypedArray): void {
    this.views.get(buffer)!.set(data);
  }

  read(buffer: string, into: TypedArray): void {
    into.set(this.views.get(buffer)!);
  }

  move(move: Parameters<Executable["move"]>[0], place: number): void {
    moveElements(this.views.get(move.from)!, this.views.get(move.to)!, move, place);
  }

  run(from: number, to: number, scalars: Float64Array): void {
    const { plan, built, blocks, lists } = this;
    const { words, threads } = this.writer.write(from, to);
    if (!built.doMeet) for (let k = MEETING; k < words.length; k += STEP_WORDS) words[k] = 0n;
    const loops = (plan.loops ?? []).filter((loop) => loop.from >= from && loop.to <= to);
    const used = new Set([
      ...plan.kernels.slice(from, to).flatMap((kernel) => kernel.buffers.map(({ name }) => name)),
      ...loops.flatMap(movedBy).flatMap((move) => [move.from, move.to]),
    ]);
    const taken = new Set([...used].map((name) => Math.floor(this.addresses.get(name)! / BLOCK)));
    const own = blocks.filter((_, k) => taken.has(k));
    const { status, signal, stdout, stderr } = spawnSync(built.path, {
      env: { ...process.env, ...built.sanitizers.environment },
      input: Buffer.concat([
        longs([blocks.length, lists.length, scalars.length, words.length / STEP_WORDS, threads]),
        longs(blocks.map(({ byteLength }, k) => (taken.has(k) ? byteLength : -1))),
        ...own,
        longs(lists),
        bytesOf(scalars),
        bytesOf(words),
      ]),
      maxBuffer: 2 ** 30,
    });
    if (status !== 0) throw new Error(`ended with ${signal ?? status}: ${stderr}`);
    let at = 0;
    for (const block of own) {
      block.set(stdout.subarray(at, at + block.byteLength));
      at += block.byteLength;
    }
  }

  dispose(): void {
    void rm(this.built.folder, { recursive: true, force: true });
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const longs = (values: readonly number[]): Uint8Array => bytesOf(BigInt64Array.from(values, BigInt));
