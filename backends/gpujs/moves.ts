/** Moves of loops on a gpu.js device: elements cut out of a buffer, or a buffer with elements put in. */

import { sizeOf } from "../../src/core/shape.ts";
import { type Move, movedBy, type ProgramLoop } from "../../src/loop/loops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Device, KernelSignature } from "./device.ts";
import type { DeviceValue, KernelFunction } from "./library.ts";

/** What a move does on the device; whole buffers need no kernel, as two names may share a value. */
type Kind = "share" | "cut" | "put";

const CUT = `function (data, at) {
  return data[at + this.thread.x];
}`;

const put = (length: number): string => `function (data, piece, at) {
  const place = this.thread.x - at;
  if (place >= 0 && place < ${length}) {
    return piece[place];
  }
  return data[this.thread.x];
}`;

interface Prepared {
  readonly kind: Kind;
  readonly signature: KernelSignature | undefined;
  readonly run: KernelFunction | undefined;
  /** Elements of the destination buffer. */
  readonly size: number;
}

/** The moves of a program, each with the kernel that does it. */
export class Moves {
  private readonly device: Device;
  private readonly prepared = new Map<Move, Prepared>();

  constructor(plan: ProgramPlan, device: Device) {
    this.device = device;
    const sizes = new Map(plan.buffers.map(({ name, shape }) => [name, sizeOf(shape)]));
    for (const move of (plan.loops ?? []).flatMap(movedBy)) {
      const [from, to] = [sizes.get(move.from)!, sizes.get(move.to)!];
      const kind = kindOf(move, from, to);
      const signature = signatureOf(kind, move, from, to);
      const run = signature && device.acquire(signature);
      this.prepared.set(move, { kind, signature, run, size: to });
    }
  }

  /** The new value of the destination buffer, given the old values of both. */
  moved(
    move: Move,
    place: number,
    from: DeviceValue,
    to: DeviceValue | undefined,
  ): DeviceValue | Promise<DeviceValue> {
    const { kind, run, size } = this.prepared.get(move)!;
    switch (kind) {
      case "share":
        return this.device.share(from);
      case "cut":
        return this.device.call("cut", run!, [from, place * move.fromStride]);
      case "put":
        return this.put(run!, from, to, place * move.toStride, size);
      default:
        return kind satisfies never;
    }
  }

  private async put(
    run: KernelFunction,
    piece: DeviceValue,
    whole: DeviceValue | undefined,
    at: number,
    size: number,
  ): Promise<DeviceValue> {
    // Every place is filled before the loop ends: the initial value never shows.
    const base = whole ?? (await this.device.upload(new Float32Array(size)));
    const result = await this.device.call("put", run, [base, piece, at]);
    if (whole === undefined) this.device.free(base);
    return result;
  }

  release(): void {
    for (const { signature } of this.prepared.values())
      if (signature !== undefined) this.device.release(signature);
    this.prepared.clear();
  }
}

function kindOf({ length }: Move, from: number, to: number): Kind {
  if (from === length && to === length) return "share";
  return from === length ? "put" : "cut";
}

function signatureOf(kind: Kind, { length }: Move, from: number, to: number): KernelSignature | undefined {
  switch (kind) {
    case "share":
      return undefined;
    case "cut":
      return length === 0 ? undefined : { text: CUT, threads: length, lengths: [from] };
    case "put":
      return { text: put(length), threads: to, lengths: [to, from] };
    default:
      return kind satisfies never;
  }
}

/** When values are no longer needed: after a kernel, or when a loop has ended. */
export function deathsOf({ placements, loops = [] }: ProgramPlan): {
  readonly byKernel: ReadonlyMap<number, readonly string[]>;
  readonly byLoop: ReadonlyMap<ProgramLoop, readonly string[]>;
} {
  const byKernel = new Map<number, string[]>();
  const byLoop = new Map<ProgramLoop, string[]>();
  for (const { buffer, first, last } of placements) {
    // A value that is alive throughout a loop is needed again in its next iteration. The outermost loops come first.
    const loop = loops.find((l) => l.from <= last && last < l.to && first <= l.from && last === l.to - 1);
    if (loop === undefined) byKernel.set(last, [...(byKernel.get(last) ?? []), buffer]);
    else byLoop.set(loop, [...(byLoop.get(loop) ?? []), buffer]);
  }
  return { byKernel, byLoop };
}
