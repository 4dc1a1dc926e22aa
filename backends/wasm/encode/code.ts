/** The bytes of function bodies: instruction trees in a stack machine's order, names as indices. */

import { InternalError, invariant } from "../../../src/core/errors.ts";
import { ByteWriter } from "./bytes.ts";
import type { Instruction, Local } from "./instructions.ts";
import type { WasmFunction } from "./module.ts";
import { ATOMICS, EXTRACTS, LOADS, OPERATIONS, REPLACES, STORES, type ValueType } from "./operations.ts";

export const VALUE_TYPES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

const NO_RESULT = 0x40;
const END = 0x0b;
/** The prefix of SIMD instructions. */
const SIMD = 0xfd;
/** The prefix of atomic instructions, and the power of two of a word's alignment. */
const ATOMIC = 0xfe;
const WORD_ALIGNMENT = 2;
/** The prefix of bulk memory instructions. */
const BULK = 0xfc;
const COPY = 0x0a;
const VECTOR_CONSTANT = 0x0c;
const SHUFFLE = 0x0d;

const LANES = { ...EXTRACTS, ...REPLACES };

/** A number in a function's bytes that is relative to the position of a buffer. */
export interface Reference {
  readonly buffer: string;
  readonly value: number;
  /** The offset of its bytes. */
  readonly from: number;
  readonly to: number;
  readonly isSigned: boolean;
}

/** The bytes of a function without their number, and which of them depend on the positions of buffers. */
export interface FunctionCode {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly references: readonly Reference[];
}

/** Writes one function; `functions` and `globals` are the module's indices. */
export class CodeWriter {
  private readonly functions: ReadonlyMap<string, number>;
  private readonly globals: ReadonlyMap<string, number>;
  private readonly writer = new ByteWriter();
  private locals: ReadonlyMap<string, number> = new Map();
  /** The labels around the current instruction, the innermost last. */
  private readonly labels: string[] = [];
  private readonly references: Reference[] = [];

  constructor(functions: ReadonlyMap<string, number>, globals: ReadonlyMap<string, number>) {
    this.functions = functions;
    this.globals = globals;
  }

  /** Declarations of locals and the body. */
  function({ name, parameters, locals, body }: WasmFunction): FunctionCode {
    const inOrder = [...parameters, ...groupedByType(locals)];
    this.locals = new Map(inOrder.map((local, index) => [local.name, index]));
    invariant(this.locals.size === inOrder.length, `${name}: names of locals are unique`);
    this.writer.list(runsOf(locals), ({ type, count }, w) => {
      w.unsigned(count).byte(VALUE_TYPES[type]);
    });
    this.body(body);
    return { bytes: this.writer.byte(END).finish(), references: this.references };
  }

  /** A single constant instruction and its end, as globals are initialised. */
  expression(value: Instruction): Uint8Array<ArrayBuffer> {
    this.instruction(value);
    return this.writer.byte(END).finish();
  }

  private body(body: readonly Instruction[]): void {
    for (const instruction of body) this.instruction(instruction);
  }

  private instruction(e: Instruction): void {
    const w = this.writer;
    switch (e.kind) {
      case "operation": {
        this.body(e.operands);
        const { prefix, code } = OPERATIONS[e.name];
        this.code(prefix, code);
        return;
      }
      case "const":
        this.constant(e.type, e.value, e.buffer);
        return;
      case "vector":
        w.byte(SIMD).unsigned(VECTOR_CONSTANT).append(vectorBytes(e.shape, e.lanes));
        return;
      case "load": {
        this.instruction(e.address);
        this.access(LOADS[e.name], e.offset, e.buffer);
        return;
      }
      case "store": {
        this.instruction(e.address);
        this.instruction(e.value);
        this.access(STORES[e.name], e.offset, e.buffer);
        return;
      }
      case "atomic":
        this.body(e.operands);
        this.code(ATOMIC, ATOMICS[e.name].code);
        w.unsigned(WORD_ALIGNMENT).unsigned(e.offset);
        return;
      case "memory.copy":
        this.body(e.operands);
        this.code(BULK, COPY);
        // From the first memory to the first memory.
        w.byte(0).byte(0);
        return;
      case "lane":
        this.body(e.operands);
        this.code(SIMD, LANES[e.name].code);
        w.byte(e.lane);
        return;
      case "shuffle":
        this.body(e.operands);
        w.byte(SIMD).unsigned(SHUFFLE).append(e.lanes);
        return;
      case "get":
        w.byte(0x20).unsigned(this.local(e.local));
        return;
      case "set":
        this.instruction(e.value);
        w.byte(0x21).unsigned(this.local(e.local));
        return;
      case "tee":
        this.instruction(e.value);
        w.byte(0x22).unsigned(this.local(e.local));
        return;
      case "global.get":
        w.byte(0x23).unsigned(indexIn(this.globals, e.global));
        return;
      case "global.set":
        this.instruction(e.value);
        w.byte(0x24).unsigned(indexIn(this.globals, e.global));
        return;
      case "select":
        this.instruction(e.a);
        this.instruction(e.b);
        this.instruction(e.condition);
        // The plain form is for numbers only; vectors need the one that states its type.
        if (e.type === "v128") w.byte(0x1c).unsigned(1).byte(VALUE_TYPES.v128);
        else w.byte(0x1b);
        return;
      case "call":
        this.body(e.operands);
        w.byte(0x10).unsigned(indexIn(this.functions, e.callee));
        return;
      case "block":
      case "loop":
        w.byte(e.kind === "block" ? 0x02 : 0x03).byte(NO_RESULT);
        this.inside(e.label, () => this.body(e.body));
        w.byte(END);
        return;
      case "if":
        this.instruction(e.condition);
        w.byte(0x04).byte(e.type === "none" ? NO_RESULT : VALUE_TYPES[e.type]);
        this.inside("", () => {
          this.body(e.body);
          if (e.otherwise.length > 0) w.byte(0x05);
          this.body(e.otherwise);
        });
        w.byte(END);
        return;
      case "branch": {
        if (e.condition) this.instruction(e.condition);
        const at = this.labels.lastIndexOf(e.label);
        invariant(at >= 0, `no label ${e.label} around a branch`);
        w.byte(e.condition ? 0x0d : 0x0c).unsigned(this.labels.length - 1 - at);
        return;
      }
      case "sequence":
        this.body(e.body);
        this.instruction(e.value);
        return;
      case "comment":
        return;
      default:
        e satisfies never;
    }
  }

  private inside(label: string, write: () => void): void {
    this.labels.push(label);
    write();
    this.labels.pop();
  }

  private code(prefix: number, code: number): void {
    if (prefix === 0) this.writer.byte(code);
    else this.writer.byte(prefix).unsigned(code);
  }

  private access(
    { prefix, code, alignment }: (typeof LOADS)[keyof typeof LOADS] | (typeof STORES)[keyof typeof STORES],
    offset: number,
    buffer: string | undefined,
  ): void {
    this.code(prefix, code);
    this.writer.unsigned(alignment);
    this.place(buffer, offset, false);
  }

  /** A number that may be relative to the position of a buffer. */
  private place(buffer: string | undefined, value: number, isSigned: boolean): void {
    const from = this.writer.size;
    if (isSigned) this.writer.signed32(value);
    else this.writer.unsigned(value);
    if (buffer !== undefined) this.references.push({ buffer, value, from, to: this.writer.size, isSigned });
  }

  private constant(of: "i32" | "i64" | "f32" | "f64", value: number, buffer?: string): void {
    const w = this.writer;
    switch (of) {
      case "i32":
        w.byte(0x41);
        this.place(buffer, value, true);
        return;
      case "i64":
        w.byte(0x42).signed(BigInt(value));
        return;
      case "f32":
        w.byte(0x43).float32(value);
        return;
      case "f64":
        w.byte(0x44).float64(value);
        return;
      default:
        of satisfies never;
    }
  }

  private local({ name }: Local): number {
    return indexIn(this.locals, name);
  }
}

function indexIn(indices: ReadonlyMap<string, number>, name: string): number {
  const index = indices.get(name);
  if (index === undefined) throw new InternalError(`${name} is not declared`);
  return index;
}

const TYPES = Object.keys(VALUE_TYPES) as ValueType[];

/** Locals by type, so that few runs declare them. */
const groupedByType = (locals: readonly Local[]): readonly Local[] =>
  TYPES.flatMap((type) => locals.filter((local) => local.type === type));

function runsOf(locals: readonly Local[]): readonly { readonly type: ValueType; readonly count: number }[] {
  return TYPES.map((type) => ({ type, count: locals.filter((local) => local.type === type).length })).filter(
    ({ count }) => count > 0,
  );
}

/**
 * The bytes of a function that does the same as another one with its buffers elsewhere: moved by the bytes that
 * `distances` has for each. Undefined if one is missing, or if a number that may not be negative would be.
 */
export function movedCode(
  { bytes, references }: FunctionCode,
  distances: ReadonlyMap<string, number>,
): Uint8Array<ArrayBuffer> | undefined {
  const writer = new ByteWriter();
  let done = 0;
  for (const { buffer, value, from, to, isSigned } of references) {
    const distance = distances.get(buffer);
    if (distance === undefined || (!isSigned && value + distance < 0)) return undefined;
    writer.append(bytes.subarray(done, from));
    if (isSigned) writer.signed32(value + distance);
    else writer.unsigned(value + distance);
    done = to;
  }
  return writer.append(bytes.subarray(done)).finish();
}

function vectorBytes(shape: string, lanes: readonly number[]): Uint8Array {
  switch (shape) {
    case "f32x4":
      return new Uint8Array(Float32Array.from(lanes).buffer);
    case "f64x2":
      return new Uint8Array(Float64Array.from(lanes).buffer);
    case "i64x2":
      return new Uint8Array(BigInt64Array.from(lanes.map(BigInt)).buffer);
    default:
      return new Uint8Array(Int32Array.from(lanes).buffer);
  }
}
