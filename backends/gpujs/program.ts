/** A loaded program on a gpu.js device: values stay there between kernels and between steps. */

import type { TypedArray } from "../../src/core/dtype.ts";
import { invariant } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { type Move, type ProgramLoop, runOrder } from "../../src/loop/loops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Executable, KernelSource } from "../backend.ts";
import { type Argument, scalarArgument } from "./arguments.ts";
import type { Device } from "./device.ts";
import { asFloats, intoTyped } from "./floats.ts";
import type { DeviceValue, KernelFunction } from "./library.ts";
import { deathsOf, Moves } from "./moves.ts";
import { type GpuKernelSource, sourceOf } from "./source.ts";
import type { GpuStates } from "./states.ts";

/** One kernel of the plan, ready to be called. */
interface Step {
  readonly source: GpuKernelSource;
  /** Absent if two buffers only come to share a value, or if a buffer has no elements. */
  readonly run: KernelFunction | undefined;
  /** Buffers that no later kernel reads; the one it fills stays readable until it is filled again. */
  readonly dead: readonly string[];
}

export class GpuProgram implements Executable {
  readonly backend: string;
  readonly sources: readonly KernelSource[];
  private readonly device: Device;
  private readonly states: GpuStates;
  /** State names by buffer. */
  private readonly stateOf: ReadonlyMap<string, string>;
  private readonly scalarNames: readonly string[];
  private readonly loops: readonly ProgramLoop[];
  private readonly moves: Moves;
  /** Buffers that nothing reads any more after a loop. */
  private readonly deadAfter: ReadonlyMap<ProgramLoop, readonly string[]>;
  private steps: readonly Step[];
  /** The values on the device, by buffer. */
  private readonly values = new Map<string, DeviceValue>();
  /** Inputs as the user gave them; they are uploaded by the first kernel that reads them. */
  private readonly inputs = new Map<string, Float32Array>();
  /** New values of states: kernels of the same step still read the old ones. */
  private readonly updates = new Map<string, DeviceValue>();

  constructor(plan: ProgramPlan, states: GpuStates, device: Device) {
    const { byKernel, byLoop } = deathsOf(plan);
    this.deadAfter = byLoop;
    this.loops = plan.loops ?? [];
    this.moves = new Moves(plan, device);
    const sources = plan.kernels.map((kernel) => sourceOf(kernel, device.mode));
    this.backend = `gpujs:${device.mode}`;
    this.device = device;
    this.states = states;
    this.stateOf = new Map(plan.states.map(({ buffer, name }) => [buffer, name]));
    this.scalarNames = plan.scalars;
    this.sources = sources.map(({ name, header, text }) => ({ name, text: `${header}\n${text}` }));
    this.steps = sources.map((source, k) => ({
      source,
      run: source.copied === undefined && source.threads > 0 ? device.acquire(source) : undefined,
      dead: (byKernel.get(k) ?? []).filter((buffer) => buffer !== source.output),
    }));
    // A buffer without elements need not be computed, as by loops without iterations.
    for (const { name, shape } of plan.buffers)
      if (sizeOf(shape) === 0) this.inputs.set(name, new Float32Array());
    states.attach(device);
  }

  write(buffer: string, data: TypedArray): void {
    // A copy of its own: without a GPU the array itself may become the value of a state.
    this.inputs.set(buffer, asFloats(data, `the input ${buffer}`));
    this.drop(buffer);
  }

  async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    for (const step of runOrder(this.loops, from, to)) {
      if (step.kind === "kernels") await this.runSteps(step.from, step.to, scalars);
      else if (step.kind === "move") await this.move(step.move, step.place);
      else this.end(step.loop);
    }
    if (to === this.steps.length) this.commit();
  }

  private async runSteps(from: number, to: number, scalars: Float64Array): Promise<void> {
    for (const step of this.steps.slice(from, to)) {
      const result = this.step(step, await this.callArguments(step, scalars));
      this.keep(step.source.output, result instanceof Promise ? await result : result);
      for (const buffer of step.dead) this.drop(buffer);
    }
  }

  async move(move: Move, place: number): Promise<void> {
    if (move.length === 0) return;
    const from = await this.valueOf(move.from);
    this.keep(move.to, await this.moves.moved(move, place, from, this.values.get(move.to)));
  }

  end(loop: ProgramLoop): void {
    for (const buffer of this.deadAfter.get(loop) ?? []) this.drop(buffer);
  }

  async read(buffer: string, into: TypedArray): Promise<void> {
    const state = this.stateOf.get(buffer);
    if (state !== undefined) into.set(await this.states.read(state));
    else {
      const value = this.values.get(buffer);
      const numbers = value === undefined ? this.inputs.get(buffer) : await this.device.download(value);
      invariant(numbers !== undefined, `${buffer} has been computed`);
      intoTyped(numbers, into, `the result ${buffer}`);
    }
  }

  dispose(): void {
    for (const { source, run } of this.steps) if (run !== undefined) this.device.release(source);
    this.moves.release();
    this.steps = [];
    for (const value of [...this.values.values(), ...this.updates.values()]) this.device.free(value);
    this.values.clear();
    this.updates.clear();
    this.inputs.clear();
  }

  private step(
    { source, run }: Step,
    args: readonly (DeviceValue | number)[],
  ): DeviceValue | Promise<DeviceValue> {
    if (run !== undefined) return this.device.call(source.name, run, args);
    return source.threads === 0
      ? this.device.upload(new Float32Array())
      : this.device.share(args[0] as DeviceValue);
  }

  private async callArguments({ source }: Step, scalars: Float64Array): Promise<(DeviceValue | number)[]> {
    const args: (DeviceValue | number)[] = [];
    for (const argument of source.arguments) {
      const value = this.argument(argument, scalars);
      args.push(value instanceof Promise ? await value : value);
    }
    return args;
  }

  private argument(argument: Argument, scalars: Float64Array): DeviceValue | number | Promise<DeviceValue> {
    if (argument.kind === "scalar")
      return scalarArgument(scalars[this.scalarNames.indexOf(argument.name)], argument.part);
    return this.valueOf(argument.name);
  }

  /** The value of a buffer, on the device. */
  private valueOf(name: string): DeviceValue | Promise<DeviceValue> {
    const state = this.stateOf.get(name);
    if (state !== undefined) return this.states.value(state);
    const value = this.values.get(name);
    if (value !== undefined) return value;
    const input = this.inputs.get(name);
    invariant(input !== undefined, `${name} has been computed`);
    const uploaded = this.device.upload(input);
    if (uploaded instanceof Promise) return uploaded.then((there) => this.keep(name, there));
    return this.keep(name, uploaded);
  }

  private keep(buffer: string, value: DeviceValue): DeviceValue {
    const state = this.stateOf.get(buffer);
    const place = state === undefined ? this.values : this.updates;
    const before = place.get(state ?? buffer);
    if (before !== undefined) this.device.free(before);
    place.set(state ?? buffer, value);
    return value;
  }

  private drop(buffer: string): void {
    const value = this.values.get(buffer);
    if (value === undefined) return;
    this.device.free(value);
    this.values.delete(buffer);
  }

  private commit(): void {
    for (const [state, value] of this.updates) this.states.replace(state, value);
    this.updates.clear();
  }
}
