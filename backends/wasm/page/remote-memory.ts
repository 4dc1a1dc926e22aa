/**
 * The states of a model whose memory is in the page's worker. The page keeps them as they were written or last
 * mirrored: they are used before the first program brings them there, and when the worker is lost.
 */

import { allocate, byteSize, type TypedArray } from "../../../src/core/dtype.ts";
import { DeviceLostError, invariant } from "../../../src/core/errors.ts";
import { sizeOf } from "../../../src/core/shape.ts";
import type { StateMemory, StateSpec } from "../../backend.ts";
import { regionBytes } from "../memory.ts";
import { WorkerLink } from "./worker-link.ts";

interface Slot {
  readonly spec: StateSpec;
  mirror: TypedArray;
}

/** A memory in a worker, and its states. */
interface Home {
  readonly link: WorkerLink;
  readonly memory: number;
  readonly states: Set<string>;
}

/** Where a memory is, apart from its owner: so it can be freed when the owner is no longer referenced. */
interface Held {
  home: Home | undefined;
}

const abandoned = new FinalizationRegistry<Held>(({ home }) => home?.link.tell("forgetMemory", home.memory));

export class RemoteMemory implements StateMemory {
  private readonly slots = new Map<string, Slot>();
  private readonly held: Held = { home: undefined };

  constructor() {
    abandoned.register(this, this.held);
  }

  get byteLength(): number {
    const slots = [...this.slots.values()];
    return slots.reduce(
      (sum, { spec, mirror }) => sum + regionBytes(mirror.length * byteSize(spec.dtype)),
      0,
    );
  }

  /** They are sent to the worker with the next program. */
  allocate(states: readonly StateSpec[]): void {
    for (const spec of states) {
      if (this.slots.has(spec.name)) continue;
      this.slots.set(spec.name, { spec, mirror: allocate(spec.dtype, sizeOf(spec.shape)) });
    }
  }

  /**
   * Sends the worker the states that it does not have, all of them if it is a new one; `arrived` rejects if it has no
   * room. Later calls find them, since calls are served in order.
   */
  bringTo(link: WorkerLink): { readonly memory: number; readonly arrived: Promise<void> } {
    const { memory, states } = this.homeOn(link);
    const missing = [...this.slots].filter(([name]) => !states.has(name));
    for (const [name] of missing) states.add(name);
    const filled = missing.map(([, { spec, mirror }]) => ({ spec, data: mirror }));
    const arrived = link.call("allocate", memory, filled).catch((error: unknown) => {
      for (const [name] of missing) states.delete(name);
      throw error;
    });
    return { memory, arrived };
  }

  async mirror(): Promise<void> {
    const { home } = this.held;
    if (home === undefined) return;
    const names = [...home.states];
    const numbers = await home.link.call("readStates", home.memory, names);
    for (const [k, name] of names.entries()) this.slot(name).mirror = numbers[k];
  }

  async read(name: string): Promise<TypedArray> {
    const { mirror } = this.slot(name);
    const home = this.homeOf(name);
    if (home === undefined) return mirror.slice();
    try {
      const [numbers] = await home.link.call("readStates", home.memory, [name]);
      return numbers;
    } catch (error) {
      if (error instanceof DeviceLostError) return mirror.slice();
      throw error;
    }
  }

  async write(name: string, data: TypedArray): Promise<void> {
    const slot = this.slot(name);
    slot.mirror = allocate(slot.spec.dtype, slot.mirror.length);
    slot.mirror.set(data);
    const home = this.homeOf(name);
    await home?.link.call("writeState", home.memory, name, slot.mirror.slice());
  }

  private homeOn(link: WorkerLink): Home {
    const { home } = this.held;
    if (home?.link === link) return home;
    const next = { link, memory: WorkerLink.number(), states: new Set<string>() };
    this.held.home = next;
    return next;
  }

  /** Where a state is, if that worker is alive. */
  private homeOf(name: string): Home | undefined {
    const { home } = this.held;
    return home?.link.failure === undefined && home?.states.has(name) ? home : undefined;
  }

  private slot(name: string): Slot {
    const slot = this.slots.get(name);
    invariant(slot !== undefined, `no state ${name}`);
    return slot;
  }
}
