/** Padding layers for signals, images and volumes, which pad the last axes; any number of axes may come before them. */

import { KilnError } from "../../core/errors.ts";
import { describe } from "../../ops/definition.ts";
import { type PadMode, pad } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFloat, pythonSize } from "../options.ts";
import { refuse } from "../reduction.ts";

/** One number for all sides, or [before, after] of the last axis, then of the one before it, and so on. */
export type PaddingSides = number | readonly number[];

/** The named arguments of the padding layers. */
export interface PaddingArguments {
  /** How much is added: one number, or one for each side, those of the last axis first. */
  readonly padding: PaddingSides;
}

/** The named arguments of the layers that pad with one value. */
export interface ConstantPadArguments extends PaddingArguments {
  /** What is added. */
  readonly value: number;
}

abstract class PaddingLayer extends Module {
  /** [before, after] of the last axis, then of the one before it, and so on. */
  readonly padding: readonly number[];
  readonly #mode: PadMode;
  readonly #ranks: readonly number[];

  /** `rank` axes are padded; `ranks` are the numbers of axes that an input may have. */
  constructor(callee: string, given: Arguments, rank: number, mode: PadMode, ranks: readonly number[]) {
    super();
    this.padding = readSides(callee, given, rank);
    this.#mode = mode;
    this.#ranks = ranks;
  }

  /** The padding value, if that is one number. */
  protected get filling(): number {
    return 0;
  }

  forward(x: Tensor): Tensor {
    const ranks = this.#ranks;
    if (ranks.length > 0 && !ranks.includes(x.ndim))
      refuse(
        `${this.constructor.name} expects an input of ${ranks.join(" or ")} axes but got ${describe(x)}`,
      );
    return pad(x, this.padding, this.#mode, this.filling);
  }

  override extraRepr(): string {
    return pythonSize(this.padding);
  }
}

function readSides(callee: string, given: Arguments, rank: number): readonly number[] {
  const value = given.given("padding");
  const sides: readonly unknown[] = Array.isArray(value) ? value : Array(2 * rank).fill(value);
  if (sides.length === 2 * rank && sides.every((side) => Number.isSafeInteger(side)))
    return sides as number[];
  throw new KilnError(
    `${callee}'s padding must be a whole number or ${2 * rank} of them, before and after each axis, the last axis first, ` +
      `not ${JSON.stringify(value) ?? "missing"}`,
  );
}

abstract class ConstantPad extends PaddingLayer {
  /** What is added. */
  readonly value: number;

  constructor(rank: number, given: readonly unknown[]) {
    const callee = `ConstantPad${rank}d`;
    const options = new Arguments(callee, given, ["padding", "value"]);
    super(callee, options, rank, "constant", []);
    this.value = options.number("value", Number.NEGATIVE_INFINITY);
  }

  protected override get filling(): number {
    return this.value;
  }

  override extraRepr(): string {
    return `padding=${pythonSize(this.padding)}, value=${pythonFloat(this.value)}`;
  }
}

/** One value around signals (torch.nn.ConstantPad1d). */
export class ConstantPad1d extends ConstantPad {
  constructor(
    padding: PaddingSides | ConstantPadArguments,
    value?: number | Pick<ConstantPadArguments, "value">,
  ) {
    super(1, [padding, value]);
  }
}

/** One value around images (torch.nn.ConstantPad2d). */
export class ConstantPad2d extends ConstantPad {
  constructor(
    padding: PaddingSides | ConstantPadArguments,
    value?: number | Pick<ConstantPadArguments, "value">,
  ) {
    super(2, [padding, value]);
  }
}

/** One value around volumes (torch.nn.ConstantPad3d). */
export class ConstantPad3d extends ConstantPad {
  constructor(
    padding: PaddingSides | ConstantPadArguments,
    value?: number | Pick<ConstantPadArguments, "value">,
  ) {
    super(3, [padding, value]);
  }
}

/** Layers whose only argument is the sides; those that look at the input need to distinguish its axes. */
function paddingLayer(
  name: string,
  rank: number,
  mode: PadMode,
): new (
  padding: PaddingSides | PaddingArguments,
) => PaddingLayer {
  const ranks = mode === "constant" ? [] : [rank + 1, rank + 2];
  return class extends PaddingLayer {
    constructor(padding: PaddingSides | PaddingArguments) {
      super(name, new Arguments(name, [padding], ["padding"]), rank, mode, ranks);
    }
  };
}

/** Zeros around signals (torch.nn.ZeroPad1d). */
export class ZeroPad1d extends paddingLayer("ZeroPad1d", 1, "constant") {}

/** Zeros around images (torch.nn.ZeroPad2d). */
export class ZeroPad2d extends paddingLayer("ZeroPad2d", 2, "constant") {}

/** Zeros around volumes (torch.nn.ZeroPad3d). */
export class ZeroPad3d extends paddingLayer("ZeroPad3d", 3, "constant") {}

/** Signals mirrored at their ends, [N,C,L] or [C,L] (torch.nn.ReflectionPad1d). */
export class ReflectionPad1d extends paddingLayer("ReflectionPad1d", 1, "reflect") {}

/** Images mirrored at their edges, [N,C,H,W] or [C,H,W] (torch.nn.ReflectionPad2d). */
export class ReflectionPad2d extends paddingLayer("ReflectionPad2d", 2, "reflect") {}

/** Volumes mirrored at their faces, [N,C,D,H,W] or [C,D,H,W] (torch.nn.ReflectionPad3d). */
export class ReflectionPad3d extends paddingLayer("ReflectionPad3d", 3, "reflect") {}

/** Signals whose ends are repeated, [N,C,L] or [C,L] (torch.nn.ReplicationPad1d). */
export class ReplicationPad1d extends paddingLayer("ReplicationPad1d", 1, "replicate") {}

/** Images whose edges are repeated, [N,C,H,W] or [C,H,W] (torch.nn.ReplicationPad2d). */
export class ReplicationPad2d extends paddingLayer("ReplicationPad2d", 2, "replicate") {}

/** Volumes whose faces are repeated, [N,C,D,H,W] or [C,D,H,W] (torch.nn.ReplicationPad3d). */
export class ReplicationPad3d extends paddingLayer("ReplicationPad3d", 3, "replicate") {}

/** Signals that begin anew at their ends, [N,C,L] or [C,L] (torch.nn.CircularPad1d). */
export class CircularPad1d extends paddingLayer("CircularPad1d", 1, "circular") {}

/** Images that begin anew at their edges, [N,C,H,W] or [C,H,W] (torch.nn.CircularPad2d). */
export class CircularPad2d extends paddingLayer("CircularPad2d", 2, "circular") {}

/** Volumes that begin anew at their faces, [N,C,D,H,W] or [C,D,H,W] (torch.nn.CircularPad3d). */
export class CircularPad3d extends paddingLayer("CircularPad3d", 3, "circular") {}
