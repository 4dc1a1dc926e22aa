/** Positions of states in memory that is allocated in segments: how backends on the host keep them. */

import { byteSize } from "../src/core/dtype.ts";
import { invariant } from "../src/core/errors.ts";
import { sizeOf } from "../src/core/shape.ts";
import { align } from "../src/loop/plan.ts";
import type { StateSpec } from "./backend.ts";

export interface StateSlot extends StateSpec {
  readonly segment: number;
  readonly byteOffset: number;
}

/** Each `allocate` adds a segment, so that programs compiled before keep their memory. */
export class StateSegments {
  /** The length of each segment. */
  protected readonly segmentBytes: number[] = [];
  private readonly slots = new Map<string, StateSlot>();

  get byteLength(): number {
    return this.segmentBytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  allocate(states: readonly StateSpec[]): void {
    const added = states.filter(({ name }) => !this.slots.has(name));
    if (added.length === 0) return;
    const segment = this.segmentBytes.length;
    let byteOffset = 0;
    for (const spec of added) {
      this.slots.set(spec.name, { ...spec, segment, byteOffset });
      byteOffset += align(sizeOf(spec.shape) * byteSize(spec.dtype));
    }
    this.segmentBytes.push(byteOffset);
  }

  /** The position of a state. */
  slot(name: string): StateSlot {
    const slot = this.slots.get(name);
    invariant(slot !== undefined, `no state ${name}`);
    return slot;
  }
}
