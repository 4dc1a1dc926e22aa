/** What printing one function knows and gathers: its locals, where buffers lie, the scalars and functions it uses. */

import { invariant } from "../../../src/core/errors.ts";
import type { RangeContext } from "../../../src/loop/range.ts";
import type { BufferParam, ExprType } from "../../../src/loop/types.ts";
import {
  get,
  type Instruction,
  i32,
  type Local,
  loadAt,
  operation,
  set,
  tee,
} from "../encode/instructions.ts";
import type { ValueType } from "../encode/operations.ts";
import { type MathFunction, mathName } from "../math/functions.ts";
import type { IntegerPlace, Place, UniformPlace } from "./places.ts";

/** Where things lie in the linear memory, in bytes, and what the engine offers. */
export interface Environment {
  readonly addresses: ReadonlyMap<string, number>;
  /** Doubles, one for each name in `scalars`. */
  readonly scalarsAt: number;
  readonly scalars: readonly string[];
  /** Whether multiply-adds may be rounded once. */
  readonly usesRelaxedMadd: boolean;
}

/** The names known at a point of a kernel, and in a lane-by-lane form the lane that is meant. */
export interface Scope {
  readonly places: ReadonlyMap<string, Place>;
  readonly ranges: RangeContext;
  /** Whether a vector loop is around. */
  readonly isVector: boolean;
  readonly lane?: number;
}

/** The type in which a scalar of this type is held; truth values are 0 and 1. */
export const valueType = (dtype: ExprType): "f32" | "i32" => (dtype === "float32" ? "f32" : "i32");

export class FunctionContext {
  readonly environment: Environment;
  readonly buffers: ReadonlyMap<string, BufferParam>;
  /** Names of the module's elementary functions that are called, shared with its other functions. */
  readonly used: { readonly scalar: Set<MathFunction>; readonly vector: Set<MathFunction> };
  private readonly byKey = new Map<string, Local>();
  private readonly names = new Set<string>();
  private readonly scalarReads = new Map<string, { readonly local: Local; readonly value: Instruction }>();

  constructor(
    environment: Environment,
    buffers: readonly BufferParam[],
    used: { readonly scalar: Set<MathFunction>; readonly vector: Set<MathFunction> },
  ) {
    this.environment = environment;
    this.buffers = new Map(buffers.map((b) => [b.name, b]));
    this.used = used;
  }

  get locals(): readonly Local[] {
    return [...this.byKey.values()];
  }

  /** The local of that name and type; scopes beside each other share it. */
  local(name: string, type: ValueType): Local {
    const key = `${name} ${type}`;
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    let unique = name;
    for (let k = 2; this.names.has(unique); k++) unique = `${name}_${k}`;
    this.names.add(unique);
    const local: Local = { name: unique, type };
    this.byKey.set(key, local);
    return local;
  }

  /** A local that nothing else uses. */
  temporary(type: ValueType): Local {
    return this.local(`temporary${this.byKey.size}`, type);
  }

  /** An instruction for `value` that computes it, to stand first, and one that reads it again. */
  twice(value: Instruction): readonly [Instruction, Instruction] {
    if (value.kind === "get" || value.kind === "const") return [value, value];
    invariant(value.type !== "none", "a value");
    const local = this.temporary(value.type);
    return [tee(local, value), get(local)];
  }

  /** The local for an integer's value, or for its value times 4. */
  integer(place: IntegerPlace, form: "elements" | "bytes"): Instruction {
    invariant(!place.isLane, `${place.name} is a lane's number`);
    invariant(form === "elements" || place.mayScale, `${place.name} has no byte offset`);
    place[form] ??= this.local(form === "elements" ? place.name : `${place.name}_bytes`, "i32");
    return get(place[form]);
  }

  /** The local for a value that all lanes share, or for a vector of it. */
  uniform(place: UniformPlace, form: "scalar" | "splat"): Instruction {
    place[form] ??=
      form === "scalar"
        ? this.local(place.name, valueType(place.dtype))
        : this.local(`${place.name}_lanes`, "v128");
    return get(place[form]);
  }

  addressOf(buffer: string): number {
    const address = this.environment.addresses.get(buffer);
    invariant(address !== undefined, `no address for ${buffer}`);
    return address;
  }

  /** A scalar input of the program as a value of `dtype`, read once per function. */
  scalar(name: string, dtype: ExprType): Instruction {
    const key = `${name} ${dtype}`;
    let read = this.scalarReads.get(key);
    if (read === undefined) {
      const position = this.environment.scalars.indexOf(name);
      invariant(position >= 0, `unknown scalar ${name}`);
      const raw = loadAt("f64.load", i32(0), this.environment.scalarsAt + 8 * position);
      const local = this.local(`scalar_${name.replace(/[^A-Za-z0-9_]/g, "_")}`, valueType(dtype));
      read = { local, value: fromDouble(raw, dtype) };
      this.scalarReads.set(key, read);
    }
    return get(read.local);
  }

  /** The instructions that read all scalars which were asked for. */
  prologue(): readonly Instruction[] {
    return [...this.scalarReads.values()].map(({ local, value }) => set(local, value));
  }

  mathName(name: MathFunction, isVector: boolean): string {
    (isVector ? this.used.vector : this.used.scalar).add(name);
    return mathName(name, isVector);
  }
}

function fromDouble(value: Instruction, dtype: ExprType): Instruction {
  if (dtype === "float32") return operation("f32.demote_f64", value);
  const integer = operation("i32.wrap_i64", operation("i64.trunc_sat_f64_s", value));
  return dtype === "bool" ? operation("i32.ne", integer, i32(0)) : integer;
}
