/**
 * The states of a model on a gpu.js device: uploaded when a program first needs them, downloaded when they are read.
 * If the device is lost, the last copies that `mirror` made on the host replace them, all from one moment.
 */

import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { DeviceLostError, invariant } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { StateMemory, StateSpec } from "../backend.ts";
import type { Device } from "./device.ts";
import { asFloats, intoTyped } from "./floats.ts";
import type { DeviceValue } from "./library.ts";

interface Slot {
  readonly spec: StateSpec;
  /** The numbers as they were written or last mirrored; the device may be ahead. */
  mirror: Float32Array;
}

/** What is on the device, apart from its owner: so it can be freed when the owner is no longer referenced. */
interface Held {
  device: Device | undefined;
  readonly values: Map<string, DeviceValue>;
}

const abandoned = new FinalizationRegistry<Held>(({ device, values }) => {
  for (const value of values.values()) device?.free(value);
});

export class GpuStates implements StateMemory {
  private readonly slots = new Map<string, Slot>();
  private readonly held: Held = { device: undefined, values: new Map() };

  constructor() {
    abandoned.register(this, this.held);
  }

  get byteLength(): number {
    return [...this.slots.values()].reduce((sum, { mirror }) => sum + mirror.byteLength, 0);
  }

  allocate(states: readonly StateSpec[]): void {
    for (const spec of states) {
      if (this.slots.has(spec.name)) continue;
      const mirror = new Float32Array(sizeOf(spec.shape));
      this.slots.set(spec.name, { spec, mirror });
    }
  }

  /** All programs of a model's backend run on one device, until it is lost. */
  attach(device: Device): void {
    if (this.held.device?.isLost) this.held.values.clear();
    else
      invariant(this.held.device === undefined || this.held.device === device, "one device for each memory");
    this.held.device = device;
  }

  async mirror(): Promise<void> {
    const numbers = await Promise.all(
      [...this.held.values].map(async ([name, value]) => [name, await this.device.download(value)] as const),
    );
    for (const [name, mirror] of numbers) this.slot(name).mirror = mirror;
  }

  /** The state where kernels read it. */
  value(name: string): DeviceValue | Promise<DeviceValue> {
    const known = this.held.values.get(name);
    if (known !== undefined) return known;
    const uploaded = this.device.upload(this.slot(name).mirror);
    const keep = (value: DeviceValue): DeviceValue => {
      this.held.values.set(name, value);
      return value;
    };
    return uploaded instanceof Promise ? uploaded.then(keep) : keep(uploaded);
  }

  /** Replaces the value of a state by the result of a kernel. */
  replace(name: string, value: DeviceValue): void {
    this.drop(name);
    this.held.values.set(name, value);
  }

  async read(name: string): Promise<TypedArray> {
    const slot = this.slot(name);
    const copy = allocate(slot.spec.dtype, slot.mirror.length);
    intoTyped(await this.numbersOf(name, slot), copy, `the state ${name}`);
    return copy;
  }

  private async numbersOf(name: string, { mirror }: Slot): Promise<Float32Array> {
    const value = this.held.values.get(name);
    if (value === undefined) return mirror;
    try {
      return await this.device.download(value);
    } catch (error) {
      if (error instanceof DeviceLostError) return mirror;
      throw error;
    }
  }

  async write(name: string, data: TypedArray): Promise<void> {
    const slot = this.slot(name);
    slot.mirror = asFloats(data, `the state ${name}`);
    this.drop(name);
  }

  private drop(name: string): void {
    const value = this.held.values.get(name);
    if (value === undefined) return;
    this.device.free(value);
    this.held.values.delete(name);
  }

  private get device(): Device {
    const { device } = this.held;
    invariant(device !== undefined, "a program has brought its device");
    return device;
  }

  private slot(name: string): Slot {
    const slot = this.slots.get(name);
    invariant(slot !== undefined, `no state ${name}`);
    return slot;
  }
}
