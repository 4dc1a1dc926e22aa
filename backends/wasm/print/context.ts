/**
 * What printing one function knows and collects: its locals,
 * the positions of buffers, the scalars and functions it uses.
 */

import { invariant } from "../../../src/core/errors.ts";
import type { RangeContext } from "../../../src/loop/range.ts";
import type { BufferParam, ExprType } from "../../../src/loop/types.ts";
import {
  call,
  get,
  type Instruction,
  i32,
  type Local,
  loadAt,
  operation,
  selectValue,
  set,
  tee,
  vector,
} from "../encode/instructions.ts";
import type { ValueType, VectorShape } from "../encode/operations.ts";
import type { Around } from "../math/floats.ts";
import { type DoubleFunction, inLanes, isSingle, type MathFunction, mathName } from "../math/functions.ts";
import type { IntegerPlace, Place, UniformPlace } from "./places.ts";
import { valueType } from "./representation.ts";

/** The number of the thread that runs a function, and how many there are: parameters of functions that divide work. */
export const THREAD: Local = { name: "thread", type: "i32" };
export const THREADS: Local = { name: "threads", type: "i32" };

/** The layout of the linear memory, in bytes, and what the engine offers. */
export interface Environment {
  readonly addresses: ReadonlyMap<string, number>;
  /** Bytes from a thread's copy of private scratch to the next one's. */
  readonly strides: ReadonlyMap<string, number>;
  /** The address of the doubles, one for each name in `scalars`. */
  readonly scalarsAt: number;
  readonly scalars: readonly string[];
  /** Whether multiply-adds may be rounded once. */
  readonly usesRelaxedMadd: boolean;
}

/** The names known at a point of a kernel, and in a lane-by-lane form the current lane. */
export interface Scope {
  readonly places: ReadonlyMap<string, Place>;
  readonly ranges: RangeContext;
  /** Whether a vector loop is around. */
  readonly isVector: boolean;
  readonly lane?: number;
}

/** Elementary functions that kernels call, in either form. */
export interface UsedMath {
  readonly scalar: Set<MathFunction>;
  readonly vector: Set<DoubleFunction>;
}

export class FunctionContext {
  readonly environment: Environment;
  readonly buffers: ReadonlyMap<string, BufferParam>;
  /** Names of the module's elementary functions that are called, shared with its other functions. */
  readonly used: UsedMath;
  private readonly byKey = new Map<string, Local>();
  private readonly names = new Set([THREAD.name, THREADS.name]);
  /** Values that are computed once, at the start of the function. */
  private readonly prepared = new Map<string, { readonly local: Local; readonly value: Instruction }>();
  private divided = false;
  /** For functions that are inlined into this one. Names with a dot do not occur in kernels. */
  private readonly around: Around;

  constructor(environment: Environment, buffers: readonly BufferParam[], used: UsedMath) {
    this.environment = environment;
    this.around = {
      local: (name) => this.local(name, "v128"),
      constant: (shape, value) => this.constant(shape, value),
      usesRelaxedMadd: environment.usesRelaxedMadd,
    };
    this.buffers = new Map(buffers.map((b) => [b.name, b]));
    this.used = used;
  }

  /** Whether it has a loop whose iterations threads share. */
  get isDivided(): boolean {
    return this.divided;
  }

  /** Records such a loop, before anything in it is printed. */
  divide(): void {
    this.divided = true;
  }

  get locals(): readonly Local[] {
    return [...this.byKey.values()];
  }

  /** The local of that name and type; scopes that do not overlap share it. */
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

  /** A new local. */
  temporary(type: ValueType): Local {
    return this.local(`temporary${this.byKey.size}`, type);
  }

  /** An instruction that computes `value`, to be used first, and one that reads it again. */
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

  /** A scalar input of the program as a value of `dtype`. */
  scalar(name: string, dtype: ExprType): Instruction {
    const position = this.environment.scalars.indexOf(name);
    invariant(position >= 0, `unknown scalar ${name}`);
    const raw = loadAt("f64.load", i32(0), this.environment.scalarsAt + 8 * position);
    const local = `scalar_${name.replace(/[^A-Za-z0-9_]/g, "_")}`;
    return this.once(`${name} ${dtype}`, local, valueType(dtype), () => fromDouble(raw, dtype));
  }

  /** The iterations of a loop of `extent` iterations that belong to the thread: from the first one to before the last one. */
  ownIterations(extent: number): { readonly first: Instruction; readonly last: Instruction } {
    const most = (a: Instruction): Instruction =>
      selectValue(operation("i32.lt_u", a, i32(extent)), a, i32(extent));
    const share = this.once(`share ${extent}`, `share${extent}`, "i32", () =>
      operation("i32.div_u", operation("i32.add", get(THREADS), i32(extent - 1)), get(THREADS)),
    );
    const first = this.once(`first ${extent}`, `first${extent}`, "i32", () =>
      most(operation("i32.mul", get(THREAD), share)),
    );
    const last = this.once(`last ${extent}`, `last${extent}`, "i32", () =>
      most(operation("i32.add", first, share)),
    );
    return { first, last };
  }

  /**
   * The distance in bytes from the first thread's copy of a private
   * buffer to the running thread's, if there are several.
   */
  copyOffset(buffer: string): Instruction | undefined {
    const stride = this.environment.strides.get(buffer);
    if (stride === undefined || !this.isDivided) return undefined;
    return this.once(`copy ${buffer}`, `${buffer}_copy`, "i32", () =>
      operation("i32.mul", get(THREAD), i32(stride)),
    );
  }

  /** A value that is computed at the start of the function, on first use. */
  private once(key: string, name: string, type: ValueType, value: () => Instruction): Instruction {
    let known = this.prepared.get(key);
    if (known === undefined) {
      known = { value: value(), local: this.local(name, type) };
      this.prepared.set(key, known);
    }
    return get(known.local);
  }

  /** The instructions that compute the values asked for, in the order of asking. */
  prologue(): readonly Instruction[] {
    return [...this.prepared.values()].map(({ local, value }) => set(local, value));
  }

  /**
   * The same constant in every lane. Engines assemble one from two halves wherever it occurs; a local is computed once,
   * and loaded at worst.
   */
  constant(shape: VectorShape, value: number): Instruction {
    const lanes = vector(shape, [value, value, value, value]);
    if (Object.is(value, 0)) return lanes;
    return this.once(`${shape} ${value}`, `constant.${this.prepared.size}`, "v128", () => lanes);
  }

  /** An elementary function of one number. */
  ofOne(name: MathFunction, ...operands: readonly Instruction[]): Instruction {
    this.used.scalar.add(name);
    return call(mathName(name, false), "f32", ...operands);
  }

  /** An elementary function of the numbers in four lanes. */
  ofFour(name: MathFunction, ...operands: readonly Instruction[]): Instruction {
    if (isSingle(name)) return inLanes(name, operands[0], this.around);
    this.used.vector.add(name);
    return call(mathName(name, true), "v128", ...operands);
  }
}

function fromDouble(value: Instruction, dtype: ExprType): Instruction {
  const integer = operation("i32.wrap_i64", operation("i64.trunc_sat_f64_s", value));
  switch (dtype) {
    case "float32":
      return operation("f32.demote_f64", value);
    case "bool":
      return operation("i32.ne", integer, i32(0));
    case "int32":
    case "uint32":
    case "uint8":
      return integer;
    default:
      return dtype satisfies never;
  }
}
