/** A program that runs in the page's worker, as the page sees it. */

import type { DType, TypedArray } from "../../../src/core/dtype.ts";
import { invariant } from "../../../src/core/errors.ts";
import type { Move } from "../../../src/loop/loops.ts";
import type { ProgramPlan } from "../../../src/loop/plan.ts";
import type { Executable, KernelSource } from "../../backend.ts";
import { requireAvailable } from "../availability.ts";
import type { CodeOptions } from "../program.ts";
import { type ProgramPlaces, printPlan, sourcesOf } from "../program-code.ts";
import type { RemoteMemory } from "./remote-memory.ts";
import { WorkerLink } from "./worker-link.ts";

/** Has the page's worker compile `plan` and load it on the worker's side of `states`. */
export async function loadInWorker(
  plan: ProgramPlan,
  states: RemoteMemory,
  options: CodeOptions,
): Promise<Executable> {
  const link = await WorkerLink.get();
  requireAvailable(link.availability);
  const program = WorkerLink.number();
  const { memory, arrived } = states.bringTo(link);
  const [places] = await Promise.all([link.call("compile", program, memory, plan, options), arrived]);
  return new RemoteProgram(plan, link, program, places);
}

/** What to dispose of when the program is no longer referenced. */
const abandoned = new FinalizationRegistry<{ readonly link: WorkerLink; readonly program: number }>(
  ({ link, program }) => link.tell("dispose", program),
);

class RemoteProgram implements Executable {
  readonly backend = "wasm";
  private readonly plan: ProgramPlan;
  private readonly link: WorkerLink;
  private readonly program: number;
  private readonly places: ProgramPlaces;
  private readonly dtypes: ReadonlyMap<string, DType>;
  /** Inputs that are on their way: a run waits for them only to report their errors. */
  private written: Promise<void>[] = [];
  private printed: readonly KernelSource[] | undefined;
  private disposed = false;

  constructor(plan: ProgramPlan, link: WorkerLink, program: number, places: ProgramPlaces) {
    this.plan = plan;
    this.link = link;
    this.program = program;
    this.places = places;
    this.dtypes = new Map(plan.buffers.map(({ name, dtype }) => [name, dtype]));
    abandoned.register(this, { link, program }, this);
  }

  /** Printed on this side, the same as in the worker, when read. */
  get sources(): readonly KernelSource[] {
    const { plan, places } = this;
    this.printed ??= sourcesOf(printPlan(plan, places.environment, places.barrierAt));
    return this.printed;
  }

  write(buffer: string, data: TypedArray): void {
    const sent = this.link.call("write", this.program, buffer, data.slice());
    sent.catch(() => undefined);
    this.written.push(sent);
  }

  async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    const before = this.written;
    this.written = [];
    await Promise.all([...before, this.link.call("run", this.program, from, to, scalars.slice())]);
  }

  async move(move: Move, place: number): Promise<void> {
    await this.link.call("move", this.program, move, place);
  }

  async read(buffer: string, into: TypedArray): Promise<void> {
    const dtype = this.dtypes.get(buffer);
    invariant(dtype !== undefined, `no buffer ${buffer}`);
    into.set(await this.link.call("read", this.program, buffer, dtype, into.length));
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    abandoned.unregister(this);
    this.link.tell("dispose", this.program);
  }
}
